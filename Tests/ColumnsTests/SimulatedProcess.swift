import Bytes

import Columns

/// Draws as tests write them: parallel arrays, parents by draw.
struct IdContext {
  var process: [UInt32] = []
  var start: [UInt64] = []
  var name: [UInt32] = []
  var kind: [IdKind] = []
  var span: [UInt32] = []
  var parent: [Int32] = []

  var count: Int { kind.count }

  mutating func append(process: UInt32, start: UInt64, name: UInt32, kind: IdKind, span: UInt32, parent: Int32) {
    self.process.append(process)
    self.start.append(start)
    self.name.append(name)
    self.kind.append(kind)
    self.span.append(span)
    self.parent.append(parent)
  }

  /// With the ids, as the codec takes them; without, as a decoder knows them.
  func draws(_ values: IdValues?) -> [IdDraw] {
    (0..<count).map { d in
      IdDraw(
        low: values?.low[d] ?? 0, high: values?.high[d] ?? 0, kind: kind[d], process: process[d], span: span[d],
        name: name[d], start: start[d], node: kind[d].isTrace ? IdDraw.none : UInt32(d),
        parent: parent[d] >= 0 ? UInt32(parent[d]) : IdDraw.none)
    }
  }
}

/// Ids by draw.
struct IdValues: Equatable {
  var low: [UInt64] = []
  var high: [UInt64] = []
}

/// What the encoder made of a segment's ids, block by block.
struct PackedIds {
  /// Range-coded and raw bytes of each block; nil where nothing was coded.
  var blocks: [(coded: [UInt8], raw: [UInt8])?] = []
  var reports: [IdReport] = []
  /// Raw ids where nothing was coded.
  var bytes = 0
  var report: IdReport? { reports.last }
  /// What the last block tells other segments.
  var hints = IdHints()

  /// `told`: what another segment tells the first block.
  init(
    _ context: IdContext, _ values: IdValues, _ effort: IdEffort, languages: [IdLanguage] = [], blocks count: Int = 1,
    told: IdHints = IdHints()
  ) {
    var encoder = IdEncoder(effort: effort)
    encoder.take(told)
    for language in languages { encoder.addProcess(language) }
    for part in Self.split(context.draws(values), count) {
      var draws = Buffer<IdDraw>()
      for draw in part { draws.append(draw) }
      let isPlanned = encoder.looksAgain()
      guard isPlanned else {
        blocks.append(nil)
        bytes += part.reduce(0) { $0 + $1.size }
        continue
      }
      encoder.plan(draws)
      hints = encoder.newHints(draws)
      var coder = RangeEncoder()
      var report = IdReport()
      encoder.encode(&draws, &report, &coder)
      coder.finish()
      blocks.append((coder.coded.array, coder.rest.array))
      bytes += coder.spent
      reports.append(report)
    }
  }

  /// Blocks of about equal size that do not tear a root's two draws apart.
  static func split(_ draws: [IdDraw], _ count: Int) -> [ArraySlice<IdDraw>] {
    var parts: [ArraySlice<IdDraw>] = []
    var start = 0
    for k in 1...count {
      var end = draws.count * k / count
      while end > start, end < draws.count, draws[end].span == draws[end - 1].span { end += 1 }
      if end > start { parts.append(draws[start..<end]) }
      start = max(start, end)
    }
    return parts
  }

  /// What a decoder makes of it; blocks without ids keep those of `values`.
  func decoded(_ context: IdContext, _ values: IdValues, limits: IdLimits = IdLimits()) throws -> IdValues {
    var decoder = IdDecoder(limits: limits)
    var back = IdValues()
    let parts = Self.split(context.draws(nil), blocks.count)
    for (part, block) in zip(parts, blocks) {
      guard let block else {
        back.low += values.low[part.indices]
        back.high += values.high[part.indices]
        continue
      }
      var draws = Buffer<IdDraw>()
      for draw in part { draws.append(draw) }
      var report = IdReport()
      var coded = Buffer<UInt8>()
      coded.append(block.coded)
      var raw = Buffer<UInt8>()
      raw.append(block.raw)
      var coder = RangeDecoder(coded: coded.view, rest: raw.view)
      try decoder.decode(&draws, &report, &coder)
      for d in 0..<draws.count {
        back.low.append(draws[d].low)
        back.high.append(draws[d].high)
      }
    }
    return back
  }
}

/// A process that handles requests on threads, as a source of ids: each request is a root span with children; ids are
/// drawn when a span starts; spans are written when they end, a share of them lost.
struct SimulatedProcess {
  struct Span {
    var start: UInt64
    var end: UInt64
    var name: UInt32
    var parent: Int
    var id: UInt64
    var trace: (high: UInt64, low: UInt64)?
  }

  var spans: [Span] = []

  /// `root` draws a span id and a trace id on a thread, `child` a span id, each in its generator's way.
  init(
    requests: Int, threads: Int, seed: UInt64, root: (Int) -> (span: UInt64, high: UInt64, low: UInt64),
    child: (Int) -> UInt64
  ) {
    var random = SplitMix(seed)
    var clock: UInt64 = 1_700_000_000_000_000_000
    /// Per thread, its open spans, innermost last, and the children still to come.
    var open = [[Int]](repeating: [], count: threads)
    var todo = [Int](repeating: 0, count: threads)
    // The worker that has been idle longest takes the next request.
    var idle = Array(0..<threads)
    var busy: [Int] = []
    var left = requests
    while left > 0 || !busy.isEmpty {
      clock += UInt64(1000 + random.below(40_000))
      if left > 0, !idle.isEmpty, busy.isEmpty || random.below(3) == 0 {
        let thread = idle.removeFirst()
        let ids = root(thread)
        todo[thread] = 1 + random.below(6)
        open[thread] = [spans.count]
        spans.append(
          Span(
            start: clock, end: 0, name: UInt32(random.below(3)), parent: -1, id: ids.span,
            trace: (ids.high, ids.low)))
        busy.append(thread)
        left -= 1
        continue
      }
      let at = random.below(busy.count)
      let thread = busy[at]
      if todo[thread] > 0, open[thread].count < 3, random.below(2) == 0 {
        todo[thread] -= 1
        open[thread].append(spans.count)
        let parent = open[thread][open[thread].count - 2]
        spans.append(
          Span(start: clock, end: 0, name: UInt32(3 + todo[thread]), parent: parent, id: child(thread), trace: nil))
      } else if open[thread].count > 1 || todo[thread] == 0 {
        spans[open[thread].removeLast()].end = clock
        if open[thread].isEmpty {
          busy.remove(at: at)
          idle.append(thread)
        }
      }
    }
  }

  /// The draws of the spans that were not lost, in the order in which the spans ended.
  func captured(process: UInt32 = 0, lost percent: Int, seed: UInt64) -> (IdContext, IdValues) {
    var context = IdContext()
    var values = IdValues()
    add(to: &context, &values, process: process, lost: percent, seed: seed)
    return (context, values)
  }

  func add(
    to context: inout IdContext, _ values: inout IdValues, process: UInt32, lost percent: Int, seed: UInt64
  ) {
    var random = SplitMix(seed)
    let kept = spans.indices.filter { _ in random.below(100) >= percent }.sorted { spans[$0].end < spans[$1].end }
    var draw = [Int32](repeating: -1, count: spans.count)
    var next = Int32(context.count)
    for s in kept {
      draw[s] = next
      next += spans[s].trace == nil ? 1 : 2
    }
    let row = (context.span.max() ?? 0) + 1
    for s in kept {
      let span = spans[s]
      let parent = span.parent < 0 ? -1 : draw[span.parent]
      context.append(
        process: process, start: span.start, name: span.name, kind: .span, span: row + UInt32(s), parent: parent)
      values.low.append(span.id)
      values.high.append(0)
      if let trace = span.trace {
        context.append(
          process: process, start: span.start, name: span.name, kind: .trace, span: row + UInt32(s), parent: parent)
        values.low.append(trace.low)
        values.high.append(trace.high)
      }
    }
  }
}
