import Bytes

/// Hexadecimal digits, eight at a time: text in a `UInt64` as it is loaded (the first digit lowest), values in 32 bits
/// (the first digit highest).
enum HexDigits {
  case lower, upper

  private static let ones: UInt64 = 0x0101_0101_0101_0101

  /// What a letter's code is above that of the digits, less ten: `a` or `A` follow `9` at this distance.
  @inline(__always)
  private var gap: UInt64 { self == .lower ? 0x27 : 0x07 }

  /// The values of eight digits, or nil if any is none of these.
  @inline(__always)
  func pack(_ text: UInt64) -> UInt64? {
    var values = text & (Self.ones &* 0x0F) &+ (text >> 6 & Self.ones) &* 9
    if values & (Self.ones &* 0xF0) != 0 || spell(values) != text { return nil }
    values = values.byteSwapped
    values = (values | values >> 4) & 0x00FF_00FF_00FF_00FF
    values = (values | values >> 8) & 0x0000_FFFF_0000_FFFF
    return (values | values >> 16) & 0xFFFF_FFFF
  }

  /// The text of the eight digits in the low 32 bits.
  @inline(__always)
  func unpack(_ digits: UInt64) -> UInt64 {
    var values = digits & 0xFFFF_FFFF
    values = (values | values << 16) & 0x0000_FFFF_0000_FFFF
    values = (values | values << 8) & 0x00FF_00FF_00FF_00FF
    values = (values | values << 4) & 0x0F0F_0F0F_0F0F_0F0F
    return spell(values.byteSwapped)
  }

  /// A byte of value each into a byte of text each.
  @inline(__always)
  private func spell(_ values: UInt64) -> UInt64 {
    let letters = (values &+ Self.ones &* 6) >> 4 & Self.ones
    return values &+ Self.ones &* 0x30 &+ letters &* gap
  }

  @inline(__always)
  static func value(_ byte: UInt8) -> UInt64 { UInt64(byte & 15) &+ (byte < 0x3A ? 0 : 9) }

  @inline(__always)
  func digit(_ value: UInt64) -> UInt8 {
    UInt8(truncatingIfNeeded: value &+ 0x30 &+ (value < 10 ? 0 : gap))
  }
}

/// A UUID's text: 8-4-4-4-12 hexadecimal digits of one case.
struct UUIDText {
  /// Digits 0 to 15, and 16 to 31; the first highest.
  var high: UInt64
  var low: UInt64

  static let length = 36

  init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// The UUID at `at`, or nil.
  @inline(__always)
  init?(_ text: ByteView, _ at: Int, _ letters: HexDigits) {
    guard at &+ Self.length <= text.count else { return nil }
    let first = text.load(UInt64.self, at: at)
    let second = text.load(UInt64.self, at: at &+ 8)
    let third = text.load(UInt64.self, at: at &+ 16)
    let fourth = text.load(UInt64.self, at: at &+ 24)
    let last = UInt64(text.load(UInt32.self, at: at &+ 32))
    // -dddd-dd  dd-dddd-  dddddddd  dddd
    guard second & 0xFF == 0x2D, second >> 40 & 0xFF == 0x2D, third >> 16 & 0xFF == 0x2D, third >> 56 == 0x2D,
      let a = letters.pack(first),
      let b = letters.pack(second >> 8 & 0xFFFF_FFFF | (second >> 48) << 32 | third << 48),
      let c = letters.pack(third >> 24 & 0xFFFF_FFFF | fourth << 32),
      let d = letters.pack(fourth >> 32 | last << 32)
    else { return nil }
    high = a << 32 | b
    low = c << 32 | d
  }

  @inline(__always)
  func append(to text: inout Buffer<UInt8>, _ letters: HexDigits) {
    let first = letters.unpack(high >> 32)
    let second = letters.unpack(high)
    let third = letters.unpack(low >> 32)
    let fourth = letters.unpack(low)
    text.append(integer: first)
    text.append(integer: 0x2D | (second & 0xFFFF_FFFF) << 8 | 0x2D << 40 | (second >> 32) << 48)
    text.append(integer: second >> 48 | 0x2D << 16 | (third & 0xFFFF_FFFF) << 24 | 0x2D << 56)
    text.append(integer: third >> 32 | fourth << 32)
    text.append(integer: UInt32(truncatingIfNeeded: fourth >> 32))
  }
}
