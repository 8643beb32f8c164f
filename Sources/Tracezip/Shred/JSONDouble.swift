import Bytes
import OTLP

/// Doubles in fixed notation, which most are. Two decimals of up to 15 digits are two different doubles, so a decimal of
/// that many digits that gives the double back is its shortest. With more digits Swift tells the shortest: inside
/// `isPlain` its description is what all styles write, but for the ".0" of whole numbers.
private enum PlainDouble {
  static let powers: [Double] = [
    1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
  ]

  /// Digits before the point that the style still writes out, and zeros behind it before the first digit.
  static func limits(_ style: DoubleStyle) -> (whole: Int, zeros: Int) {
    switch style {
    case .ecmaScript: (15, 5)
    case .python: (15, 3)
    case .java: (7, 2)
    }
  }
}

extension ByteView {
  /// The double at `start` and where its text ends; nil where it is not as `append(plainDouble:)` would write it, or not
  /// followed by a delimiter.
  func plainDouble(from start: Int, style: DoubleStyle) -> (value: Double, next: Int)? {
    var at = start
    let isNegative = at < count && unchecked(at) == 0x2D
    if isNegative { at &+= 1 }
    let whole = at
    var digits: UInt64 = 0
    while at < count, unchecked(at) &- 0x30 < 10, at &- whole < 16 {
      digits = digits &* 10 &+ UInt64(unchecked(at) &- 0x30)
      at &+= 1
    }
    let wholeCount = at &- whole
    guard wholeCount > 0, wholeCount == 1 || unchecked(whole) != 0x30 else { return nil }
    var places = 0
    if at < count, unchecked(at) == 0x2E {
      at &+= 1
      let fraction = at
      while at < count, unchecked(at) &- 0x30 < 10, at &- fraction < 18 {
        digits = digits &* 10 &+ UInt64(unchecked(at) &- 0x30)
        at &+= 1
      }
      places = at &- fraction
      guard places > 0, wholeCount &+ places <= 18 else { return nil }
      if digits >= 1_000_000_000_000_000 {
        guard endsScalar(at: at) else { return nil }
        return longDouble(start..<at, near: Double(digits) / PlainDouble.powers[places], isNegative, style)
      }
      if places == 1, unchecked(fraction) == 0x30, style != .ecmaScript {
        places = 0
        digits /= 10
      } else if unchecked(at &- 1) == 0x30 {
        return nil
      }
    } else if style != .ecmaScript {
      return nil
    }
    guard digits > 0, digits < 1_000_000_000_000_000, endsScalar(at: at) else { return nil }
    let magnitude = Double(digits) / PlainDouble.powers[places]
    guard PlainDouble.fits(magnitude, style) else { return nil }
    return (isNegative ? -magnitude : magnitude, at)
  }

  /// The double whose shortest text, without its sign's, stands in `range`: `guess`, which two roundings have made, or a
  /// neighbour; nil where it is none of them.
  @inline(never)
  private func longDouble(
    _ range: Range<Int>, near guess: Double, _ isNegative: Bool, _ style: DoubleStyle
  ) -> (value: Double, next: Int)? {
    let text = self[isNegative ? range.lowerBound &+ 1..<range.upperBound : range]
    for value in [guess, guess.nextUp, guess.nextDown] where PlainDouble.isPlain(value, style) {
      var shortest = value.description
      if shortest.withUTF8({ unsafe ByteView(UnsafeRawBufferPointer($0)) == text }) {
        return (isNegative ? -value : value, range.upperBound)
      }
    }
    return nil
  }
}

extension PlainDouble {
  /// Whether the style writes the number in fixed notation, well inside its limits.
  static func fits(_ magnitude: Double, _ style: DoubleStyle) -> Bool {
    let limits = PlainDouble.limits(style)
    return magnitude < powers[limits.whole] && magnitude * powers[limits.zeros] >= 1
  }

  /// Whether Swift does so, too.
  static func isPlain(_ magnitude: Double, _ style: DoubleStyle) -> Bool {
    magnitude >= 1e-4 && fits(magnitude, style)
  }
}

extension Buffer where Element == UInt8 {
  /// Appends `value` as a writer of `style` does, the quick way where it is in fixed notation.
  mutating func append(plainDouble value: Double, style: DoubleStyle) {
    guard PlainDouble.isPlain(value.magnitude, style) else { return append(double: value, style: style) }
    var text = value.description
    text.withUTF8 { text in
      let text = unsafe ByteView(UnsafeRawBufferPointer(text))
      let isWhole = text.has((".0" as StaticString).view, at: text.count &- 2)
      append(isWhole && style == .ecmaScript ? text[0..<text.count &- 2] : text)
    }
  }
}
