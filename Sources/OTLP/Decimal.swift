import Bytes

extension ByteView {
  /// The value of a decimal integer in its shortest form (what printing the value gives back), or nil.
  @inlinable
  public func canonicalUnsigned() -> UInt64? {
    guard count > 0, count <= 20 else { return nil }
    if unchecked(0) == UInt8(ascii: "0") { return count == 1 ? 0 : nil }
    return digitsValue(from: 0)
  }

  /// As `canonicalUnsigned`, with an optional minus sign; "-0" is not canonical.
  @inlinable
  public func canonicalSigned() -> Int64? {
    guard count > 0, unchecked(0) == UInt8(ascii: "-") else {
      return canonicalUnsigned().flatMap { Int64(exactly: $0) }
    }
    guard count > 1, count <= 20, unchecked(1) != UInt8(ascii: "0"), let magnitude = digitsValue(from: 1),
      magnitude <= 1 << 63
    else { return nil }
    return Int64(truncatingIfNeeded: 0 &- magnitude)
  }

  /// Reads digits up to the end, eight at a time (Daniel Lemire, "Quickly parsing eight digits", 2018).
  @inlinable
  func digitsValue(from start: Int) -> UInt64? {
    var at = start
    var value: UInt64 = 0
    while at &+ 8 <= count {
      let word = unsafe UInt64(littleEndian: base.loadUnaligned(fromByteOffset: at, as: UInt64.self))
      // Both halves of every byte: 3 above, and still 3 after adding 6, holds for '0'...'9' alone.
      guard
        word & 0xF0F0_F0F0_F0F0_F0F0 | ((word &+ 0x0606_0606_0606_0606) & 0xF0F0_F0F0_F0F0_F0F0) >> 4
          == 0x3333_3333_3333_3333
      else { return nil }
      var digits = word & 0x0F0F_0F0F_0F0F_0F0F
      digits = (digits &* 10 &+ digits >> 8) & 0x00FF_00FF_00FF_00FF
      digits = (digits &* 100 &+ digits >> 16) & 0x0000_FFFF_0000_FFFF
      digits = (digits &* 10_000 &+ digits >> 32) & 0xFFFF_FFFF
      value = value &* 100_000_000 &+ digits
      at &+= 8
    }
    while at < count {
      let digit = unchecked(at) &- UInt8(ascii: "0")
      guard digit < 10 else { return nil }
      // Nineteen digits always fit; the twentieth may not.
      let (tens, tooBig) = value.multipliedReportingOverflow(by: 10)
      let (sum, carried) = tens.addingReportingOverflow(UInt64(digit))
      guard !tooBig, !carried else { return nil }
      value = sum
      at &+= 1
    }
    return value
  }
}

/// Digits eight at a time, as bytes of a word (after Khuong: How to print integers really fast, 2017).
@usableFromInline
enum DecimalWord {
  /// The eight digits of a number below 10^8, 0 to 9 each, the first in the lowest byte.
  @inlinable @inline(__always)
  static func digits(_ value: UInt64) -> UInt64 {
    // Two numbers of four digits, then four of two, then eight; products stay in their lanes.
    let fours = value / 10000 | (value % 10000) << 32
    let hundreds = (fours &* 10486) >> 20 & 0x7F_0000_007F
    let twos = hundreds | (fours &- 100 &* hundreds) << 16
    let tens = (twos &* 103) >> 10 & 0x000F_000F_000F_000F
    return tens | (twos &- 10 &* tens) << 8
  }

  @inlinable static var zeros: UInt64 { 0x3030_3030_3030_3030 }
}

extension ByteRoom {
  /// `value` in decimal: up to 20 bytes, and room for 8 more.
  @inlinable @inline(__always)
  public mutating func put(decimal value: UInt64) {
    let eight: UInt64 = 100_000_000
    if value < eight { return put(leading: value) }
    let upper = value / eight
    if upper < eight {
      put(leading: upper)
    } else {
      put(leading: upper / eight)
      put(integer: DecimalWord.digits(upper % eight) | DecimalWord.zeros)
    }
    put(integer: DecimalWord.digits(value % eight) | DecimalWord.zeros)
  }

  /// A number below 10^8 without zeros ahead of it.
  @inlinable @inline(__always)
  mutating func put(leading value: UInt64) {
    let digits = DecimalWord.digits(value)
    let skip = min(7, digits.trailingZeroBitCount >> 3)
    put(integer: (digits | DecimalWord.zeros) &>> UInt64(8 &* skip), count: 8 &- skip)
  }
}

extension Buffer where Element == UInt8 {
  /// Appends `value` in decimal.
  @inlinable
  public mutating func append(decimal value: UInt64) {
    var room = self.room(28)
    room.put(decimal: value)
    close(room)
  }

  @inlinable
  public mutating func append(decimal value: Int64) {
    if value < 0 { append(UInt8(ascii: "-")) }
    append(decimal: value.magnitude)
  }
}
