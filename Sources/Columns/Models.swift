import Bytes

/// The adaptive probabilities of a segment: one flat table that only grows. Codecs allocate runs of models and keep the
/// base; both directions allocate in the same order, so a base means the same to encoder and decoder.
public struct Models: ~Copyable {
  public var states = Buffer<BitModel>(capacity: 1 << 14)

  /// Model 0 is never used, so that 0 can mean "none yet".
  public init() { states.append(freshModel) }

  /// `count` fresh models; the index of the first.
  @inlinable
  public mutating func allocate(_ count: Int) -> Int {
    let base = states.count
    states.append(repeating: freshModel, count: count)
    return base
  }
}

/// Shapes of the number codes: how many models each takes.
public enum ModelSize {
  /// `codeNumber`: a tree over 64 bit lengths, then two leading bits under each length.
  public static let number = 64 + 64 * 4
  /// `codeSigned`: a number and a sign under each bit length.
  public static let signed = number + 65
  /// `codeTree` of `bits` bits.
  @inlinable public static func tree(_ bits: Int) -> Int { 1 << bits }
}

extension BitCoder where Self: ~Copyable {
  /// A bit in the models at `index`.
  @inlinable @inline(__always)
  public mutating func codeBit(_ bit: Bool, _ models: inout Models, _ index: Int, limit: UInt32 = 255) -> Bool {
    code(bit ? 1 : 0, &models.states[index], limit: limit) != 0
  }

  /// A symbol below `1 << bits`, most significant bit first, each under the bits before it.
  @inlinable @inline(__always)
  public mutating func codeTree(
    _ symbol: Int, bits: Int, _ models: inout Models, _ base: Int, limit: UInt32 = 255
  ) -> Int {
    var node = 1
    var shift = bits
    while shift > 0 {
      shift &-= 1
      let bit = code(UInt32(truncatingIfNeeded: symbol >> shift) & 1, &models.states[base &+ node], limit: limit)
      node = node << 1 | Int(bit)
    }
    return node &- (1 << bits)
  }

  /// An unsigned number of up to 64 bits: its bit length in a tree, its two bits below the leading one under that
  /// length, the rest raw. Takes `ModelSize.number` models at `base`.
  ///
  /// Bit length 64 shares its place with 63: the leading raw bit tells them apart.
  @inlinable @inline(__always)
  public mutating func codeNumber(_ value: UInt64, _ models: inout Models, _ base: Int, limit: UInt32 = 255) -> UInt64 {
    let length = codeTree(min(63, 64 - value.leadingZeroBitCount), bits: 6, &models, base, limit: limit)
    if length < 2 { return UInt64(length) }
    if length == 63 {
      // Lengths 63 and 64: all 64 bits raw. They are rare.
      return codeRaw(value, count: 64)
    }
    let under = base &+ 64 &+ length &* 4
    let below = length &- 1
    if length == 2 {
      let bit = code(UInt32(truncatingIfNeeded: value) & 1, &models.states[under &+ 1], limit: limit)
      return 2 | UInt64(bit)
    }
    let top = codeTree(Int(truncatingIfNeeded: value >> UInt64(below &- 2)) & 3, bits: 2, &models, under, limit: limit)
    let rest = codeRaw(value, count: below &- 2) & ((1 << UInt64(below &- 2)) &- 1)
    return (4 | UInt64(top)) << UInt64(below &- 2) | rest
  }

  /// A signed number: magnitude as `codeNumber`, then the sign under the magnitude's bit length. Takes
  /// `ModelSize.signed` models at `base`. `Int64.min` codes as a magnitude of 2^63.
  @inlinable @inline(__always)
  public mutating func codeSigned(_ value: Int64, _ models: inout Models, _ base: Int, limit: UInt32 = 255) -> Int64 {
    let magnitude = codeNumber(value.magnitude, &models, base, limit: limit)
    if magnitude == 0 { return 0 }
    let signAt = base &+ ModelSize.number &+ (64 - magnitude.leadingZeroBitCount)
    let negative = code(value < 0 ? 1 : 0, &models.states[signAt], limit: limit) != 0
    return negative ? Int64(bitPattern: 0 &- magnitude) : Int64(bitPattern: magnitude)
  }
}
