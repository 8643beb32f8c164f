import Bytes

/// What the encoder found: which generator each process draws from, and where in it each id stands.
struct IdPlan: Sendable {
  /// A thread or a whole process: one run of outputs.
  struct Lane: Sendable {
    /// Java: seed at position 0 and step.
    var seed: UInt64 = 0
    var step: UInt64 = 0
    /// Other generators: their state at position 0.
    var state: [UInt8] = []
  }

  /// Processes whose ids come from one set of lanes; mostly one process.
  struct Group: Sendable {
    var family: IdFamily
    /// Java's seeder at thread 0.
    var seeder: UInt64?
    var lanes: [Lane] = []
    var processes: [UInt32] = []
  }

  /// Group 0 has no generator.
  var groups: [Group] = [Group(family: .none)]
  /// By process.
  var group: [Int]
  /// By draw: the lane in its group, or -1, and the position.
  var lane: [Int32]
  var position: [Int64]
  /// By process: bits that ids have in common.
  var shapes: [ProcessShape]

  /// Whether anything was found.
  var isWorthwhile: Bool { groups.count > 1 || shapes.contains { !$0.isPlain } }
}

/// What all ids of a process share: a cleared top bit, a version nibble, a zero high half.
struct ProcessShape: Sendable {
  var span = FixedBits()
  var traceHigh = FixedBits()
  var traceLow = FixedBits()
  /// Roots' span ids are often the low half of their trace ids.
  var traceEndsInSpan = false

  var isPlain: Bool { span.mask == 0 && traceHigh.mask == 0 && traceLow.mask == 0 && !traceEndsInSpan }
}

/// Bits that are the same in all values of a set.
struct FixedBits: Sendable {
  var mask: UInt64 = 0
  var value: UInt64 = 0
  /// The other bits: shift and count of each run.
  private(set) var runs: [(shift: UInt64, count: Int)] = [(0, 64)]

  init() {}

  init(mask: UInt64, value: UInt64) {
    self.mask = mask
    self.value = value & mask
    runs = []
    var bit: UInt64 = 0
    while bit < 64 {
      let start = bit
      while bit < 64, mask >> bit & 1 == 0 { bit += 1 }
      if bit > start { runs.append((start, Int(bit - start))) }
      while bit < 64, mask >> bit & 1 == 1 { bit += 1 }
    }
  }

  /// The free bits of `word` as they are.
  @inline(__always)
  func code<C: BitCoder & ~Copyable>(_ word: UInt64, _ coder: inout C) -> UInt64 {
    if mask == 0 { return coder.codeRaw(word, count: 64) }
    var result = value
    for run in runs {
      result |= coder.codeRaw(word >> run.shift & (.max >> UInt64(64 - run.count)), count: run.count) << run.shift
    }
    return result
  }
}

/// The order in which ids of a group are coded: that in which they were most likely drawn.
enum IdOrder {
  /// `draws` (in file order) by start time, a root's two ids in the order given.
  static func visit(_ draws: [UInt32], _ context: IdContext, traceIsFirst: Bool) -> [UInt32] {
    var keys = Buffer<(start: UInt64, draw: UInt32)>(capacity: draws.count)
    var sorted = true
    var last: UInt64 = 0
    for draw in draws {
      let start = context.start[Int(draw)]
      if start < last { sorted = false }
      last = start
      keys.append((start, draw))
    }
    var order = draws
    if !sorted {
      sort(&keys)
      for i in 0..<keys.count { order[i] = keys[i].draw }
    }
    var i = 0
    while i + 1 < order.count {
      if arePair(order[i], order[i + 1], context) {
        if context.kind[Int(order[i])].isTrace != traceIsFirst { order.swapAt(i, i + 1) }
        i += 2
      } else {
        i += 1
      }
    }
    return order
  }

  /// A stable sort by start time: digits of 11 bits, the lowest first, as many as the times' range has.
  private static func sort(_ keys: inout Buffer<(start: UInt64, draw: UInt32)>) {
    var least = UInt64.max
    var most: UInt64 = 0
    for i in 0..<keys.count {
      least = min(least, keys[i].start)
      most = max(most, keys[i].start)
    }
    if keys.count < 512 || most - least > 1 << 55 {
      // Draws break ties.
      let sorted = keys.array.sorted { $0.start != $1.start ? $0.start < $1.start : $0.draw < $1.draw }
      for i in 0..<keys.count { keys[i] = sorted[i] }
      return
    }
    var other = Buffer<(start: UInt64, draw: UInt32)>(repeating: (0, 0), count: keys.count)
    var ends = Buffer<Int>(repeating: 0, count: 2048)
    var shift: UInt64 = 0
    while shift < 64, (most - least) >> shift > 0 {
      for k in 0..<2048 { ends[k] = 0 }
      for i in 0..<keys.count { ends[Int(truncatingIfNeeded: (keys[i].start - least) >> shift & 2047)] += 1 }
      var start = 0
      for k in 0..<2048 {
        let count = ends[k]
        ends[k] = start
        start += count
      }
      for i in 0..<keys.count {
        let key = keys[i]
        let digit = Int(truncatingIfNeeded: (key.start - least) >> shift & 2047)
        other[ends[digit]] = key
        ends[digit] += 1
      }
      swap(&keys, &other)
      shift += 11
    }
  }

  /// Whether two draws are a root's span id and trace id, the root being in the segment or not.
  @inline(__always)
  static func arePair(_ a: UInt32, _ b: UInt32, _ context: IdContext) -> Bool {
    guard context.span[Int(a)] == context.span[Int(b)] else { return false }
    let kinds = (context.kind[Int(a)], context.kind[Int(b)])
    return kinds == (.span, .trace) || kinds == (.trace, .span) || kinds == (.orphan, .strangeTrace)
      || kinds == (.strangeTrace, .orphan)
  }
}
