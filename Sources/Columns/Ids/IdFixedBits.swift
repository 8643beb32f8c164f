import Bytes

/// What ids of a process share: a cleared top bit, a version nibble, a zero high half.
struct IdHabits: BitwiseCopyable, Equatable {
  var span = FixedBits()
  var traceHigh = FixedBits()
  var traceLow = FixedBits()
  /// Roots' span ids are often the low half of their trace ids.
  var traceEndsInSpan = false
}

/// Bits that are the same in all values of a set.
struct FixedBits: BitwiseCopyable, Equatable {
  var mask: UInt64 = 0
  var value: UInt64 = 0

  /// `word` in raw bits: all 64, or where bits are fixed a bit under `model`, that it has them, and then the other bits,
  /// the lowest run of them first.
  @inline(__always)
  func code<C: BitCoder & ~Copyable>(_ word: UInt64, _ models: inout Models, _ model: Int, _ coder: inout C) -> UInt64 {
    if mask == 0 { return coder.codeRaw(word, count: 64) }
    guard coder.codeBit(word & mask == value, &models, model) else { return coder.codeRaw(word, count: 64) }
    var result = value
    var rest = ~mask
    while rest != 0 {
      let shift = rest.trailingZeroBitCount
      let count = (~(rest &>> UInt64(shift))).trailingZeroBitCount
      let run = UInt64.max &>> UInt64(64 &- count)
      result |= coder.codeRaw(word &>> UInt64(shift) & run, count: count) &<< UInt64(shift)
      rest &= ~(run &<< UInt64(shift))
    }
    return result
  }
}

/// The encoder's observation of what ids of a process share.
struct HabitSearch: BitwiseCopyable {
  private var span = Common()
  private var high = Common()
  private var low = Common()
  private var same = 0
  private var pairs = 0
  /// Draws of this block so far.
  private var seen = 0

  /// So many of a block are enough to tell: an id that is unlike them costs a few bits more.
  private static var enough: Int { 256 }

  private struct Common: BitwiseCopyable {
    var count = 0
    var all: UInt64 = .max
    var any: UInt64 = 0

    @inline(__always)
    mutating func add(_ value: UInt64) {
      count &+= 1
      all &= value
      any |= value
    }

    /// A mask costs 16 bytes, and bits of a few values agree by chance.
    var fixed: FixedBits {
      let mask = all | ~any
      guard count >= 32, mask.nonzeroBitCount * count > 200 else { return FixedBits() }
      return FixedBits(mask: mask, value: all & mask)
    }
  }

  @inline(__always)
  mutating func add(_ draw: IdDraw) {
    seen &+= 1
    if draw.isTrace {
      high.add(draw.high)
      low.add(draw.low)
    } else {
      span.add(draw.low)
    }
  }

  /// Whether more draws of this block are to be added.
  @inline(__always)
  var looksOn: Bool { seen < Self.enough }

  /// Ends a block; whether it had draws.
  mutating func endBlock() -> Bool {
    defer { seen = 0 }
    return seen > 0
  }

  /// A pair whose ids end alike or not.
  @inline(__always)
  mutating func add(pair same: Bool) {
    pairs &+= 1
    if same { self.same &+= 1 }
  }

  var habits: IdHabits {
    IdHabits(
      span: span.fixed, traceHigh: high.fixed, traceLow: low.fixed,
      traceEndsInSpan: same > 3 && same * 8 > pairs)
  }

  /// Whether span ids show all 64 bits: 16 of them are enough to tell.
  var isWide: Bool { span.count < 16 || span.all | ~span.any == 0 || span.fixed.mask == 0 }
}
