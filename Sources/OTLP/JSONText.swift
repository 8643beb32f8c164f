import Bytes

/// Where a string literal ends, told by `ByteView.jsonString(from:)`.
@frozen
public struct JSONStringEnd: Sendable {
  /// Index of the closing quote.
  public let quote: Int
  /// Whether a backslash stands before it.
  public let hasEscapes: Bool

  @inlinable
  init(quote: Int, hasEscapes: Bool) {
    self.quote = quote
    self.hasEscapes = hasEscapes
  }
}

/// Eight bytes at a time: which of them equal a byte, from Lamport's and Mycroft's zero-byte test
/// (graphics.stanford.edu/~seander/bithacks.html#ZeroInWord).
@usableFromInline
enum Lanes {
  @inlinable static var ones: UInt64 { 0x0101_0101_0101_0101 }
  @inlinable static var highs: UInt64 { 0x8080_8080_8080_8080 }

  /// The high bit of every zero byte. Bits above the lowest one may be wrong, so only the lowest is to be used.
  @inlinable @inline(__always)
  static func zeros(_ word: UInt64) -> UInt64 { (word &- ones) & ~word & highs }

  @inlinable @inline(__always)
  static func all(_ byte: UInt8) -> UInt64 { ones &* UInt64(byte) }
}

extension ByteView {
  /// The end of the string whose first content byte is at `start`, or nil where the closing quote is missing.
  /// Content is not looked at beyond quotes and backslashes: ill-formed UTF-8, bad escapes and control characters pass.
  @inlinable
  public func jsonString(from start: Int) -> JSONStringEnd? {
    precondition(start >= 0)
    let quotes = Lanes.all(UInt8(ascii: "\""))
    let slashes = Lanes.all(UInt8(ascii: "\\"))
    var at = start
    var escaped = false
    let lastWord = count &- 8
    while at <= lastWord {
      // at + 8 <= count was just compared.
      let word = unsafe UInt64(littleEndian: base.loadUnaligned(fromByteOffset: at, as: UInt64.self))
      let hits = Lanes.zeros(word ^ quotes) | Lanes.zeros(word ^ slashes)
      if hits == 0 {
        at &+= 8
        continue
      }
      at &+= hits.trailingZeroBitCount >> 3
      if unchecked(at) == UInt8(ascii: "\"") { return JSONStringEnd(quote: at, hasEscapes: escaped) }
      escaped = true
      at &+= 2
    }
    while at < count {
      let byte = unchecked(at)
      if byte == UInt8(ascii: "\"") { return JSONStringEnd(quote: at, hasEscapes: escaped) }
      if byte == UInt8(ascii: "\\") {
        escaped = true
        at &+= 1
      }
      at &+= 1
    }
    return nil
  }

  /// The first index at or after `start` that is not JSON white space.
  @inlinable @inline(__always)
  public func skippingSpace(from start: Int) -> Int {
    var at = start
    while at < count {
      let byte = unchecked(at)
      if byte > 0x20 { return at }
      guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return at }
      at &+= 1
    }
    return at
  }

  /// The end of the number that starts at `start` and whether it is an integer in its shortest form (no fraction, no
  /// exponent, no leading zero, no "-0"); nil where the grammar of RFC 8259 is broken. `NaN`, `Infinity` and
  /// `-Infinity`, which Python writes, pass as numbers.
  @inlinable
  public func jsonNumber(from start: Int) -> (end: Int, isInteger: Bool)? {
    var at = start
    let negative = at < count && unchecked(at) == UInt8(ascii: "-")
    if negative { at &+= 1 }
    let digits = at
    at = skippingDigits(from: at)
    let width = at &- digits
    if width == 0 {
      for word in ["NaN", "Infinity"] as [StaticString] where has(word.view, at: at) {
        return (at &+ word.utf8CodeUnitCount, false)
      }
      return nil
    }
    let leadingZero = unchecked(digits) == UInt8(ascii: "0")
    if leadingZero, width > 1 { return nil }
    var isInteger = !(leadingZero && negative)
    if at < count, unchecked(at) == UInt8(ascii: ".") {
      let fraction = at &+ 1
      at = skippingDigits(from: fraction)
      guard at > fraction else { return nil }
      isInteger = false
    }
    if at < count, unchecked(at) | 0x20 == UInt8(ascii: "e") {
      at &+= 1
      if at < count, unchecked(at) == UInt8(ascii: "+") || unchecked(at) == UInt8(ascii: "-") { at &+= 1 }
      let exponent = at
      at = skippingDigits(from: exponent)
      guard at > exponent else { return nil }
      isInteger = false
    }
    return (at, isInteger)
  }

  @inlinable @inline(__always)
  func skippingDigits(from start: Int) -> Int {
    var at = start
    while at < count, unchecked(at) &- UInt8(ascii: "0") < 10 { at &+= 1 }
    return at
  }
}
