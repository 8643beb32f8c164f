import Bytes

import Columns

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
