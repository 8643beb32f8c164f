import Bytes
import Columns

/// What a template's times have shown so far.
struct TimeSlot: BitwiseCopyable {
  /// Spans after which a class has models of its own.
  static var enough: UInt32 { 24 }

  /// Number models for each way of predicting, 0 until they are earned and used: begun as copies of `from`'s, or of the
  /// shared ones.
  var start: SIMD8<UInt32> = .zero
  var duration: SIMD2<UInt32> = .zero
  /// The template whose models a class begins with, -1 for none.
  var from: Int32 = -1
  var seen: UInt32 = 0
  /// Decayed costs (bits * 16) of each predictor of starts.
  var parentStart: Int32 = 0
  var siblingEnd: Int32 = 0
  var parentCentre: Int32 = 0
  var traceStart: Int32 = 0
  var rowStart: Int32 = 0
  var rowEnd: Int32 = 0
  var lastStart: Int32 = 0
  /// And of durations: plain, and as what the parent's leaves.
  var plainDuration: Int32 = 0
  var parentDuration: Int32 = 0
  /// Decimal scale: 0, 1, 2, 3 for 1, 10^3, 10^6, 10^9 ns.
  var scale: UInt8 = 0
}

/// What the times of a template's first, second, third or later events of a span have shown so far.
struct EventSlot: BitwiseCopyable {
  /// Number models for each way of predicting, 0 until they are earned and used.
  var models: SIMD4<UInt32> = .zero
  var seen: UInt32 = 0
  /// Decayed costs (bits * 16) of the span's start, its end, and the event before.
  var start: Int32 = 0
  var end: Int32 = 0
  var previous: Int32 = 0
}

/// The class that a template's spans were last of, by name and scope: the next is mostly of the same.
struct LastClass: BitwiseCopyable {
  var name: UInt64 = 0
  var scope: UInt32 = 0
  var id: Int32 = -1
}

struct TimeState: ~Copyable {
  var slots = Buffer<TimeSlot>()
  /// Of spans of one template, name and scope, once there have been enough of them.
  var classes = Buffer<TimeSlot>()
  var classIndex = FlatMap()
  /// By template.
  var lastClasses = Buffer<LastClass>()
  /// Of events: four a template, for the first, second, third and later event of a span.
  var eventSlots = Buffer<EventSlot>()
  var sharedStart = 0
  var sharedDuration = 0
  var sharedEvent = 0
  var scaleModels = 0
  var visited = Buffer<UInt8>()
  var stack = Buffer<Int32>()
  var lastStart: UInt64 = 0
  /// From the block's earliest start to its latest.
  private(set) var starts: ClosedRange<UInt64>?

  @inline(__always)
  mutating func span(_ start: UInt64) {
    guard let starts else { return self.starts = start...start }
    if start < starts.lowerBound {
      self.starts = start...starts.upperBound
    } else if start > starts.upperBound {
      self.starts = starts.lowerBound...start
    }
  }

  mutating func forgetStarts() { starts = nil }
}

extension BlockModel {
  @inline(__always)
  static func scale(_ s: UInt8) -> UInt64 { s == 0 ? 1 : s == 1 ? 1000 : s == 2 ? 1_000_000 : 1_000_000_000 }

  /// `time` in units of scale `s`. Divisors are constants: a division by a variable takes ten times as long.
  @inline(__always)
  private static func units(_ time: UInt64, _ s: UInt8) -> UInt64 {
    switch s {
    case 0: time
    case 1: time / 1000
    case 2: time / 1_000_000
    default: time / 1_000_000_000
    }
  }

  @inline(__always)
  private static func difference(_ a: UInt64, _ b: UInt64, _ s: UInt8) -> Int64 {
    Int64(bitPattern: units(a, s) &- units(b, s))
  }

  @inline(__always)
  private static func sum(_ base: UInt64, _ difference: Int64, _ s: UInt8) -> UInt64 {
    (units(base, s) &+ UInt64(bitPattern: difference)) &* scale(s)
  }

  /// Lets a predictor's cost follow the bits that it was off by.
  @inline(__always)
  private static func note(_ cost: inout Int32, _ error: UInt64) {
    let bits = Int32(truncatingIfNeeded: 64 &- Int64(bitPattern: error).magnitude.leadingZeroBitCount)
    cost &+= (bits &* 16 &- cost) >> 4
  }

  mutating func prepareTimes() {
    times.forgetStarts()
    times.slots.resize(to: infos.count, filling: TimeSlot())
    times.eventSlots.resize(to: infos.count * 4, filling: EventSlot())
    times.lastClasses.resize(to: infos.count, filling: LastClass())
    if times.sharedStart == 0 {
      times.sharedStart = models.allocate(ModelSize.signed * 8)
      times.sharedDuration = models.allocate(ModelSize.signed * 4)
      times.sharedEvent = models.allocate(ModelSize.signed * 8)
      times.scaleModels = models.allocate(16)
    }
  }

  /// A fresh set of number models that begins with what the template's set has learned, or else the shared one.
  @inline(never)
  private mutating func copyModels(_ shared: Int, _ template: UInt32) -> UInt32 {
    UInt32(models.copySigned(template == 0 ? shared : Int(template)))
  }

  /// Values after which a template has models of its own.
  private static var earned: UInt32 { 12 }

  @inline(__always)
  private mutating func startModels(_ slot: Cell<TimeSlot>, _ how: Int) -> Int {
    let own = slot.value.start[how]
    if own != 0 { return Int(own) }
    let shared = times.sharedStart &+ how &* ModelSize.signed
    if slot.value.seen < BlockModel.earned { return shared }
    let from = Int(slot.value.from)
    let new = copyModels(shared, from < 0 ? 0 : times.slots[from].start[how])
    slot.value.start[how] = new
    return Int(new)
  }

  @inline(__always)
  private mutating func durationModels(_ slot: Cell<TimeSlot>, _ how: Int) -> Int {
    let own = slot.value.duration[how]
    if own != 0 { return Int(own) }
    let shared = times.sharedDuration &+ how &* ModelSize.signed
    if slot.value.seen < BlockModel.earned { return shared }
    let from = Int(slot.value.from)
    let new = copyModels(shared, from < 0 ? 0 : times.slots[from].duration[how])
    slot.value.duration[how] = new
    return Int(new)
  }

  @inline(__always)
  private mutating func eventModels(_ slot: Cell<EventSlot>, _ how: Int) -> Int {
    let own = slot.value.models[how]
    if own != 0 { return Int(own) }
    let shared = times.sharedEvent &+ how &* ModelSize.signed
    if slot.value.seen < BlockModel.earned { return shared }
    let new = copyModels(shared, 0)
    slot.value.models[how] = new
    return Int(new)
  }

  /// The scale of every template in the block that has times: what all of its times are multiples of.
  mutating func codeScales<C: BitCoder & ~Copyable>(
    _ template: Int, _ rows: TemplateRows, _ c: inout C
  ) {
    let info = placed[template]
    guard info.start >= 0 else { return }
    var scale = 3
    if !C.decodes {
      var i = 0
      while i < rows.count, scale > 0 {
        let a = rows[i, Int(info.start)]
        let b = info.end >= 0 ? rows[i, Int(info.end)] : 0
        while scale > 0, a % BlockModel.scale(UInt8(scale)) != 0 || b % BlockModel.scale(UInt8(scale)) != 0 {
          scale -= 1
        }
        i &+= 1
      }
      if !switches.delta { scale = 0 }
    }
    let before = Int(times.slots[template].scale)
    times.slots[template].scale = UInt8(
      c.codeTree(scale, bits: 2, &models, times.scaleModels + before * 4, limit: 60))
  }

  /// Starts and ends of all spans, each span after its parent where the parent is in the block.
  mutating func codeTimes<C: BitCoder & ~Copyable>(
    _ spans: inout Records, scopes: borrowing Buffer<UInt32>, _ c: inout C
  ) {
    let n = spans.templates.count
    times.visited.removeAll()
    times.visited.append(repeating: 0, count: n)
    for i in 0..<n {
      if i &+ 8 < n { spans.leaves.prefetch(Int(rowAt[i &+ 8]) &+ 6) }
      if times.visited[i] != 0 { continue }
      if c.failed { return }
      // Up to the first ancestor that is done or elsewhere, then down again.
      var j = i
      times.stack.removeAll()
      while true {
        times.visited[j] = 1
        times.stack.append(Int32(truncatingIfNeeded: j))
        let parent = Int(structure.spanParent[j])
        guard parent >= 0 else { break }
        let row = Int(traces.nodes[parent].row) - structure.firstRow
        guard row >= 0, times.visited[row] == 0 else { break }
        j = row
      }
      while !times.stack.isEmpty {
        let k = Int(times.stack.removeLast())
        codeTime(k, &spans, scopes[k], &c)
      }
    }
  }

  private mutating func codeTime<C: BitCoder & ~Copyable>(
    _ i: Int, _ spans: inout Records, _ scope: UInt32, _ c: inout C
  ) {
    let template = Int(spans.templates[i])
    let info = placed[template]
    guard info.start >= 0 else { return }
    let row = Int(rowAt[i])
    let leaves = spans.leaves.elements
    let startAt = row &+ Int(info.start)
    var start = C.decodes ? 0 : leaves[startAt]
    if !switches.delta {
      start = c.codeRaw(start, count: 64)
      leaves[startAt] = start
      times.span(start)
      if info.end >= 0 {
        let at = row &+ Int(info.end)
        leaves[at] = c.codeRaw(C.decodes ? 0 : leaves[at], count: 64)
      }
      return
    }
    let scale = times.slots[template].scale
    let kind = timeClass(template, info, leaves, row, scope)
    let slot = kind < 0 ? times.slots.cell(template) : times.classes.cell(kind)
    let trace = Int(structure.spanTrace[i])
    let parent = Int(structure.spanParent[i])
    let node = Int(structure.spanNode[i])
    var p = NodeTimes()
    if parent >= 0 {
      p = traces.times[parent]
    }
    // Duration first: its distribution hangs on little else, and the start may be centred by it.
    var duration: Int64 = 0
    if info.end >= 0 {
      let end = C.decodes ? 0 : leaves[row &+ Int(info.end)]
      duration = BlockModel.difference(end, start, scale)
      let whole = p.known ? BlockModel.difference(p.end, p.start, scale) : 0
      // 0: plain, 1: what the parent's duration leaves.
      let how = p.known && slot.value.parentDuration < slot.value.plainDuration ? 1 : 0
      let base = durationModels(slot, how)
      let guess = how == 1 ? whole : 0
      duration = guess &- c.codeSigned(guess &- duration, &models, base)
      BlockModel.note(&slot.value.plainDuration, UInt64(bitPattern: duration))
      if p.known { BlockModel.note(&slot.value.parentDuration, UInt64(bitPattern: whole &- duration)) }
    }
    // Start: the cheapest predictor of late.
    let length = UInt64(bitPattern: duration) &* BlockModel.scale(scale)
    let centre = p.start &+ UInt64(bitPattern: Int64(bitPattern: p.end &- p.start &- length) / 2)
    let previous = trace == 0 ? 0 : traces.traces[trace].lastStart
    var best = Int32.max
    var how = 6
    var guess = times.lastStart
    if p.known {
      best = slot.value.parentStart
      how = 0
      guess = p.start
      if p.childEnd != 0, slot.value.siblingEnd < best {
        best = slot.value.siblingEnd
        how = 1
        guess = p.childEnd
      }
      if slot.value.parentCentre < best {
        best = slot.value.parentCentre
        how = 2
        guess = centre
      }
    }
    if previous != 0, slot.value.traceStart < best {
      best = slot.value.traceStart
      how = 3
      guess = previous
    }
    // The row before, if it is coded by now.
    var rowStart: UInt64?
    var rowEnd: UInt64?
    if i > 0, times.visited[i &- 1] == 2 {
      let t = placed[Int(spans.templates[i &- 1])]
      if t.start >= 0 {
        let r = Int(rowAt[i &- 1])
        let at = leaves[r &+ Int(t.start)]
        rowStart = at
        if slot.value.rowStart < best {
          best = slot.value.rowStart
          how = 4
          guess = at
        }
        if t.end >= 0 {
          let at = leaves[r &+ Int(t.end)] &- length
          rowEnd = at
          if slot.value.rowEnd < best {
            best = slot.value.rowEnd
            how = 5
            guess = at
          }
        }
      }
    }
    if slot.value.lastStart < best {
      how = 6
      guess = times.lastStart
    }
    let base = startModels(slot, how)
    let residual = c.codeSigned(BlockModel.difference(start, guess, scale), &models, base)
    start = BlockModel.sum(guess, residual, scale)
    if p.known {
      BlockModel.note(&slot.value.parentStart, start &- p.start)
      if p.childEnd != 0 { BlockModel.note(&slot.value.siblingEnd, start &- p.childEnd) }
      BlockModel.note(&slot.value.parentCentre, start &- centre)
    }
    if previous != 0 { BlockModel.note(&slot.value.traceStart, start &- previous) }
    if let rowStart { BlockModel.note(&slot.value.rowStart, start &- rowStart) }
    if let rowEnd { BlockModel.note(&slot.value.rowEnd, start &- rowEnd) }
    BlockModel.note(&slot.value.lastStart, start &- times.lastStart)
    let end = start &+ length
    if C.decodes {
      leaves[startAt] = start
      if info.end >= 0 { leaves[row &+ Int(info.end)] = end }
    }
    times.visited[i] = 2
    times.lastStart = start
    times.span(start)
    traces.traces[trace].lastStart = start
    if node >= 0 { traces.times[node].lasts(start, end) }
    if parent >= 0 { traces.times[parent].childEnd = end }
    slot.value.seen &+= 1
  }

  /// The class of spans with this template, name and scope, or -1 while it has too few: then the template's own slot
  /// serves. A class begins with what its template has learned.
  private mutating func timeClass(
    _ template: Int, _ info: TemplateInfo, _ leaves: BufferView<UInt64>, _ row: Int, _ scope: UInt32
  ) -> Int {
    let name = info.name >= 0 ? leaves[row &+ Int(info.name)] : .max
    let last = times.lastClasses[template]
    var id = Int(last.id)
    if id < 0 || last.name != name || last.scope != scope {
      id = findClass(BlockModel.key(UInt64(template) << 32 | UInt64(scope), name, 40))
      times.lastClasses[template] = LastClass(name: name, scope: scope, id: Int32(truncatingIfNeeded: id))
    }
    let seen = times.classes[id].seen
    if seen >= TimeSlot.enough { return id }
    times.classes[id].seen = seen &+ 1
    if seen + 1 == TimeSlot.enough {
      var slot = times.slots[template]
      slot.start = .zero
      slot.duration = .zero
      slot.from = Int32(template)
      slot.seen = TimeSlot.enough
      times.classes[id] = slot
      return id
    }
    return -1
  }

  @inline(never)
  private mutating func findClass(_ key: UInt64) -> Int {
    if let found = times.classIndex[key] { return found }
    let id = times.classes.count
    times.classIndex[key] = id
    times.classes.append(TimeSlot())
    return id
  }

  /// Times of events, from their span's start or end or the event before.
  mutating func codeEventTimes<C: BitCoder & ~Copyable>(
    owners: borrowing Buffer<UInt32>, _ events: inout Records, spanRows: borrowing Buffer<UInt32>,
    _ spans: borrowing Records, _ c: inout C
  ) {
    var owner: UInt32 = .max
    var previous: UInt64 = 0
    var ordinal = 0
    for i in 0..<owners.count {
      if c.failed { return }
      let template = Int(events.templates[i])
      let info = placed[template]
      if owners[i] != owner {
        previous = 0
        ordinal = 0
      } else {
        ordinal = min(3, ordinal + 1)
      }
      owner = owners[i]
      guard info.start >= 0 else { continue }
      let at = Int(rowAt[i]) &+ Int(info.start)
      let value = C.decodes ? 0 : events.leaves[at]
      if !switches.delta {
        events.leaves[at] = c.codeRaw(value, count: 64)
        continue
      }
      let slot = times.eventSlots.cell(template &* 4 &+ ordinal)
      let scale = times.slots[template].scale
      let span = placed[Int(spans.templates[Int(owner)])]
      let row = Int(spanRows[Int(owner)])
      let start = span.start >= 0 ? spans.leaves[row &+ Int(span.start)] : times.lastStart
      let end = span.end >= 0 ? spans.leaves[row &+ Int(span.end)] : start
      // From the span's start (0) or end (1), or the event before (2).
      var how = 0
      var guess = start
      var best = slot.value.start
      if slot.value.end < best {
        how = 1
        guess = end
        best = slot.value.end
      }
      if previous != 0, slot.value.previous < best {
        how = 2
        guess = previous
      }
      let base = eventModels(slot, how)
      let residual = c.codeSigned(BlockModel.difference(value, guess, scale), &models, base)
      let time = BlockModel.sum(guess, residual, scale)
      BlockModel.note(&slot.value.start, time &- start)
      BlockModel.note(&slot.value.end, time &- end)
      if previous != 0 { BlockModel.note(&slot.value.previous, time &- previous) }
      if C.decodes { events.leaves[at] = time }
      previous = time
      slot.value.seen &+= 1
    }
  }
}
