import Bytes

extension Buffer where Element == UInt8 {
  /// The text's UTF-8.
  mutating func append(_ text: String) {
    var text = text
    text.withUTF8 { append(unsafe ByteView(UnsafeRawBufferPointer($0))) }
  }

  mutating func append(_ text: StaticString) {
    append(unsafe ByteView(base: UnsafeRawPointer(text.utf8Start), count: text.utf8CodeUnitCount))
  }

  mutating func append(decimal value: UInt64) {
    var left = value
    var digits = (UInt64(0), UInt64(0), UInt32(0))
    unsafe withUnsafeMutableBytes(of: &digits) { room in
      var n = 20
      repeat {
        n -= 1
        unsafe room[n] = UInt8(truncatingIfNeeded: left % 10) + 0x30
        left /= 10
      } while left > 0
      append(unsafe ByteView(UnsafeRawBufferPointer(rebasing: room[n..<20])))
    }
  }

  mutating func append(decimal value: Int64) {
    if value < 0 { append(UInt8(ascii: "-")) }
    append(decimal: value.magnitude)
  }

  /// Sixteen digits.
  mutating func append(hex value: UInt64, upperCase: Bool) {
    let letter: UInt8 = upperCase ? 0x41 - 10 : 0x61 - 10
    var shift: UInt64 = 64
    while shift > 0 {
      shift -= 4
      let digit = UInt8(value >> shift & 15)
      append(digit < 10 ? digit + 0x30 : digit + letter)
    }
  }

  /// Standard alphabet, padded (RFC 4648).
  mutating func append(base64 bytes: [UInt8]) {
    func symbol(_ n: UInt32) -> UInt8 {
      switch n & 63 {
      case 0..<26: UInt8(n & 63) + 0x41
      case 26..<52: UInt8(n & 63) - 26 + 0x61
      case 52..<62: UInt8(n & 63) - 52 + 0x30
      case 62: UInt8(ascii: "+")
      default: UInt8(ascii: "/")
      }
    }
    var i = 0
    while i < bytes.count {
      let left = bytes.count - i
      let word =
        UInt32(bytes[i]) << 16 | (left > 1 ? UInt32(bytes[i + 1]) << 8 : 0) | (left > 2 ? UInt32(bytes[i + 2]) : 0)
      append(symbol(word >> 18))
      append(symbol(word >> 12))
      append(left > 1 ? symbol(word >> 6) : UInt8(ascii: "="))
      append(left > 2 ? symbol(word) : UInt8(ascii: "="))
      i += 3
    }
  }
}

/// Big-endian, as ids are written.
func bytes(of value: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(56 - 8 * $0)) } }
