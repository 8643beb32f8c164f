import Bytes
import OTLP

/// Doubles of few digits in fixed notation, which most are, without looking for the shortest digits: two decimals of up
/// to 15 digits are two different doubles, so a decimal of that many digits that gives the double back is its shortest.
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
      guard places > 0, digits < 1_000_000_000_000_000, wholeCount &+ places <= 18 else { return nil }
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
}

extension PlainDouble {
  /// Whether the style writes the number in fixed notation, well inside its limits.
  static func fits(_ magnitude: Double, _ style: DoubleStyle) -> Bool {
    let limits = PlainDouble.limits(style)
    return magnitude < powers[limits.whole] && magnitude * powers[limits.zeros] >= 1
  }
}

extension Buffer where Element == UInt8 {
  /// Appends `value` as a writer of `style` does, the quick way where it has few digits.
  mutating func append(plainDouble value: Double, style: DoubleStyle) {
    let magnitude = value.magnitude
    if magnitude > 0, PlainDouble.fits(magnitude, style) {
      var places = 0
      while places < 15 {
        let digits = (magnitude * PlainDouble.powers[places]).rounded()
        if digits >= 1e15 { break }
        if digits / PlainDouble.powers[places] == magnitude {
          append(digits: UInt64(digits), places: places, isNegative: value < 0, style)
          return
        }
        places += 1
      }
    }
    append(double: value, style: style)
  }

  private mutating func append(digits: UInt64, places: Int, isNegative: Bool, _ style: DoubleStyle) {
    if isNegative { append(0x2D) }
    var power: UInt64 = 1
    for _ in 0..<places { power *= 10 }
    append(decimal: digits / power)
    if places == 0 {
      if style != .ecmaScript { append(".0") }
      return
    }
    append(0x2E)
    var rest = digits % power
    power /= 10
    while power > 0 {
      append(0x30 &+ UInt8(truncatingIfNeeded: rest / power))
      rest %= power
      power /= 10
    }
  }
}
