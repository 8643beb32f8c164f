import Bytes

/// Ids not yet explained, by value, to run a generator's outputs past: whatever the order or the gaps, every id of the
/// generator is found, in whichever process, for a few nanoseconds an output.
struct SequenceScan: ~Copyable {
  /// One bit for each hash of an id: most outputs are no id and stop here.
  private var filter = Buffer<UInt64>()
  private var filterMask: UInt64 = 0
  /// By the hash' first bits: the last entry of such, or `none`.
  private var heads = Buffer<UInt32>()
  private var headShift: UInt64 = 0
  private var entries = Buffer<Entry>()
  private var highFirst: Bool?
  /// How many more ids the filter has been made for.
  private(set) var room = 0

  /// An id under one of its words: a span id, or the half of a trace id.
  private struct Entry: BitwiseCopyable {
    var key: UInt64
    /// A trace id's other half.
    var other: UInt64
    var number: UInt32
    /// The entry before it under the same head, and what the id is.
    var link: UInt32

    static var none: UInt32 { 1 << 30 - 1 }
    static var trace: UInt32 { 1 << 30 }
    static var highHalf: UInt32 { 1 << 31 }

    @inline(__always) var next: UInt32 { link & Self.none }
    @inline(__always) var kind: UInt32 { link & ~Self.none }
  }

  struct Hit: BitwiseCopyable {
    var draw: UInt32
    var position: Int64
  }

  /// For about `count` draws, trace ids known by their half that is drawn first; by both where generators differ in that.
  mutating func clear(expecting count: Int, highFirst: Bool?) {
    // Of 48 bits and more an id: at most one in fifty outputs passes that is no id.
    var bits = 12
    while bits < 32, 1 << bits < count * 48 { bits += 1 }
    filter.removeAll()
    filter.append(repeating: 0, count: 1 << (bits - 6))
    filterMask = 1 << UInt64(bits) - 1
    // Two to four heads an id.
    var headBits = 4
    while headBits < 30, 1 << headBits < count * 2 { headBits += 1 }
    heads.removeAll()
    heads.append(repeating: Entry.none, count: 1 << headBits)
    headShift = UInt64(64 - headBits)
    entries.removeAll()
    entries.reserve(count)
    room = count
    self.highFirst = highFirst
  }

  var count: Int { entries.count }

  @inline(__always)
  mutating func add(_ draw: IdDraw, _ number: UInt32) {
    if !draw.isTrace { return add(draw.low, 0, number, 0) }
    if highFirst != false { add(draw.high, draw.low, number, Entry.trace | Entry.highHalf) }
    if highFirst != true { add(draw.low, draw.high, number, Entry.trace) }
  }

  @inline(__always)
  private mutating func add(_ key: UInt64, _ other: UInt64, _ number: UInt32, _ kind: UInt32) {
    let hash = Self.hash(key)
    let bit = Self.place(hash) & filterMask
    filter[Int(bit >> 6)] |= 1 << (bit & 63)
    let head = Int(truncatingIfNeeded: hash &>> headShift)
    entries.append(Entry(key: key, other: other, number: number, link: heads[head] | kind))
    heads[head] = UInt32(truncatingIfNeeded: entries.count &- 1)
    room &-= 1
  }

  /// Takes back what was added since there were `count` entries. The filter keeps their bits, which do little harm.
  mutating func truncate(to count: Int) {
    while entries.count > count {
      let entry = entries.removeLast()
      heads[Int(truncatingIfNeeded: Self.hash(entry.key) &>> headShift)] = entry.next
    }
  }

  /// Draws whose id is made of `units` at places in `range`; enough units follow the range to hold an id. Unit 0 has
  /// position `origin`.
  func look(
    _ units: borrowing Buffer<UInt64>, _ range: Range<Int>, origin: Int64, shape: IdShape, _ hits: inout Buffer<Hit>
  ) {
    switch shape.unitBits {
    case 4: lookNarrow(units, range, origin, shape, &hits, bits: 4)
    case 8: lookNarrow(units, range, origin, shape, &hits, bits: 8)
    case 64:
      for p in range where Self.mayBe(units[p], filter.elements, filterMask) {
        _ = find(units[p], units, p, origin, shape, &hits)
      }
    default:
      let (first, second): (UInt64, UInt64) = shape.highFirst ? (32, 0) : (0, 32)
      for p in range {
        let word = units[p] &<< first | units[p &+ 1] &<< second
        if Self.mayBe(word, filter.elements, filterMask) { _ = find(word, units, p, origin, shape, &hits) }
      }
    }
  }

  /// The same for units of a few bits. All generators that have such make an id's first digit first.
  @inline(__always)
  private func lookNarrow(
    _ units: borrowing Buffer<UInt64>, _ range: Range<Int>, _ origin: Int64, _ shape: IdShape,
    _ hits: inout Buffer<Hit>, bits: UInt64
  ) {
    let last = 64 / Int(bits) - 1
    var start = range.lowerBound
    while start < range.upperBound {
      var word: UInt64 = 0
      let before = units.elements[start..<start &+ last]
      for k in 0..<before.count { word = word &<< bits | before.unchecked(k) }
      let ends = units.elements[start &+ last..<range.upperBound &+ last]
      var i = 0
      var taken = 0
      while taken == 0 {
        i = Self.next(ends, from: i, &word, bits: bits, filter.elements, filterMask)
        if i == ends.count { return }
        taken = find(word, units, start &+ i, origin, shape, &hits)
        i &+= 1
      }
      // No other id begins in the midst of one.
      start &+= i &- 1 &+ taken
    }
  }

  /// The next place from `i` on whose word may be an id's; apart from what is done then, so that all it needs stays in
  /// registers.
  @inline(__always)
  private static func next(
    _ ends: BufferView<UInt64>, from i: Int, _ word: inout UInt64, bits: UInt64, _ filter: BufferView<UInt64>,
    _ mask: UInt64
  ) -> Int {
    var i = i
    while i < ends.count {
      word = word &<< bits | ends.unchecked(i)
      if mayBe(word, filter, mask) { return i }
      i &+= 1
    }
    return i
  }

  @inline(__always)
  private static func mayBe(_ word: UInt64, _ filter: BufferView<UInt64>, _ mask: UInt64) -> Bool {
    // The mask leaves as many bits as the filter has.
    let bit = place(hash(word)) & mask
    return filter.unchecked(Int(truncatingIfNeeded: bit &>> 6)) &>> (bit & 63) & 1 != 0
  }

  @inline(__always)
  private static func hash(_ word: UInt64) -> UInt64 { word &* 0xD6E8_FEB8_6659_FD93 }

  /// Where a hash stands in the filter, but for the mask.
  @inline(__always)
  private static func place(_ hash: UInt64) -> UInt64 { hash &>> 32 }

  /// Draws whose id begins with `word` at `p` of `units`. Returns the units of the shortest such id, 0 if there is none.
  @inline(never)
  private func find(
    _ word: UInt64, _ units: borrowing Buffer<UInt64>, _ p: Int, _ origin: Int64, _ shape: IdShape,
    _ hits: inout Buffer<Hit>
  ) -> Int {
    let trace = Entry.trace | (shape.highFirst ? Entry.highHalf : 0)
    var taken = 0
    var next = heads[Int(truncatingIfNeeded: Self.hash(word) &>> headShift)]
    while next != Entry.none {
      let entry = entries[Int(next)]
      next = entry.next
      guard entry.key == word else { continue }
      if entry.kind == 0 {
        taken = shape.unitsOfSpan
      } else {
        guard entry.kind == trace, shape.word(units, at: p &+ shape.unitsOfSpan) == entry.other else { continue }
        if taken == 0 { taken = shape.unitsOfTrace }
      }
      hits.append(Hit(draw: entry.number, position: origin &+ Int64(p)))
    }
    return taken
  }

  /// A generator as far as it was run, and the last units that it gave, from position `origin` on.
  struct End: ~Copyable {
    let generator: any IdSequence
    var units: Buffer<UInt64>
    let origin: Int64
  }

  /// Runs `generator` forward and backward from its position 0, until `quiet` (forward) or `back` units hold no id. The
  /// first id may come `within` more units.
  ///
  /// Returns where running forward ended.
  @discardableResult
  func run(
    _ generator: any IdSequence, within: Int = 0, quiet: Int, back: Int, budget: inout Int, into hits: inout Buffer<Hit>
  ) -> End {
    let shape = type(of: generator).shape
    let overlap = shape.unitsOfTrace
    let chunk = min(max(quiet / 4, 64), 1 << 14)

    let kept = max(chunk, 1024)
    var units = Buffer<UInt64>(capacity: kept + 2 * chunk + overlap)
    var forward = generator
    // From here on whole blocks, where a generator makes such.
    forward.append(overlap + forward.unitsBeside(overlap), to: &units)
    // Of the first unit that is kept, and how many from there on were looked at.
    var origin = 0
    var seen = 0
    var silence = 0
    while silence < (hits.count > 0 ? quiet : max(quiet, within)), budget > 0 {
      if seen >= kept {
        units.removeFirst(seen)
        origin += seen
        seen = 0
      }
      forward.append(chunk, to: &units)
      let before = hits.count
      let count = units.count - overlap - seen
      look(units, seen..<seen + count, origin: Int64(origin), shape: shape, &hits)
      silence = hits.count > before ? 0 : silence + count
      seen += count
      budget -= 4 * chunk
    }
    let step = min(chunk, max(back, 64))
    var earlier = Buffer<UInt64>(capacity: step + overlap)
    var backward = generator
    var position = 0
    silence = 0
    while silence < back, budget > 0 {
      backward.rewind(step)
      position -= step
      var copy = backward
      earlier.removeAll()
      copy.append(step + overlap, to: &earlier)
      let found = hits.count
      look(earlier, 0..<step, origin: Int64(position), shape: shape, &hits)
      silence = hits.count > found ? 0 : silence + step
      budget -= 8 * step
    }
    return End(generator: forward, units: units, origin: Int64(origin))
  }
}
