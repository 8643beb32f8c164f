import Bytes
import OTLP

/// Finding the end of a JSON value without looking into it. Grammar is not judged here: whatever is passed over is kept
/// as it stands.
extension ByteView {
  /// The end of the value that starts at `start`, or nil where the bytes end first or no value starts there.
  func skippingJSONValue(from start: Int) -> Int? {
    guard start < count else { return nil }
    switch unchecked(start) {
    case UInt8(ascii: "\""): return jsonString(from: start &+ 1).map { $0.quote &+ 1 }
    case UInt8(ascii: "{"), UInt8(ascii: "["): return skippingContainer(from: start)
    default: return skippingScalar(from: start)
    }
  }

  /// Numbers, true, false, null and what else is spelled with their characters.
  @inline(__always)
  func skippingScalar(from start: Int) -> Int? {
    var at = start
    while at < count {
      let c = unchecked(at)
      guard c &- 0x30 < 10 || (c | 0x20) &- 0x61 < 26 || c == 0x2B || c == 0x2D || c == 0x2E else { break }
      at &+= 1
    }
    // What touches the end of the bytes may go on behind it.
    return at > start && at < count ? at : nil
  }

  /// Brackets are counted, not matched by kind: a container ends where as many have closed as opened.
  private func skippingContainer(from start: Int) -> Int? {
    var depth = 0
    var at = start
    while at < count {
      switch unchecked(at) {
      case UInt8(ascii: "\""):
        guard let end = jsonString(from: at &+ 1) else { return nil }
        at = end.quote
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth &+= 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth &-= 1
        if depth == 0 { return at &+ 1 }
      default: break
      }
      at &+= 1
    }
    return nil
  }

  /// Whether what stands at `at` may follow a number or a word.
  @inline(__always)
  func endsScalar(at: Int) -> Bool {
    guard at < count else { return false }
    let c = unchecked(at)
    return c == 0x22 || c == 0x2C || c == 0x7D || c == 0x5D || c <= 0x20
  }

  /// The integer in its shortest spelling that starts at `start`, and where it ends; nil for any other text.
  @inline(__always)
  func decimal(from start: Int) -> (value: UInt64, next: Int)? {
    var at = start
    var value: UInt64 = 0
    while at &+ 8 <= count {
      let word = load(UInt64.self, at: at)
      guard
        word & 0xF0F0_F0F0_F0F0_F0F0 | ((word &+ 0x0606_0606_0606_0606) & 0xF0F0_F0F0_F0F0_F0F0) >> 4
          == 0x3333_3333_3333_3333
      else { break }
      if at &- start == 16 { break }
      // Eight digits at once (Daniel Lemire, "Quickly parsing eight digits", 2018).
      var digits = word & 0x0F0F_0F0F_0F0F_0F0F
      digits = (digits &* 10 &+ digits >> 8) & 0x00FF_00FF_00FF_00FF
      digits = (digits &* 100 &+ digits >> 16) & 0x0000_FFFF_0000_FFFF
      digits = (digits &* 10_000 &+ digits >> 32) & 0xFFFF_FFFF
      value = value &* 100_000_000 &+ digits
      at &+= 8
    }
    while at < count {
      let digit = unchecked(at) &- 0x30
      guard digit < 10 else { break }
      value = value &* 10 &+ UInt64(digit)
      at &+= 1
      if at &- start > 20 { return nil }
    }
    let width = at &- start
    if width == 0 || (width > 1 && unchecked(start) == 0x30) { return nil }
    // Nineteen digits always fit.
    if width > 19 {
      guard let exact = self[start..<at].canonicalUnsigned() else { return nil }
      value = exact
    }
    return (value, at)
  }

  /// As `decimal`, with an optional minus sign, for what fits Int64; the bit pattern.
  @inline(__always)
  func signedDecimal(from start: Int) -> (value: UInt64, next: Int)? {
    guard start < count, unchecked(start) == 0x2D else {
      guard let v = decimal(from: start), v.value <= UInt64(Int64.max) else { return nil }
      return v
    }
    guard let v = decimal(from: start &+ 1), v.value > 0, v.value <= 1 << 63 else { return nil }
    return (0 &- v.value, v.next)
  }
}
