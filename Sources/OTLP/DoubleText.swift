import Bytes

/// How a writer lays out the shortest digits of a double.
public enum DoubleStyle: UInt8, CaseIterable, Sendable {
  /// JavaScript, and Go's encoding/json, jsoniter and protojson: `1`, `0.25`, `1e-7`, `1e+21`.
  case ecmaScript
  /// Python's repr and Swift below 2^53: `1.0`, `0.25`, `1e-07`, `1e+16`.
  case python
  /// Java's Double.toString: `1.0`, `0.25`, `1.0E-7`, `1.0E16`.
  case java

  /// Fixed notation is used where the decimal point stands this many digits after the first digit's place.
  fileprivate var fixedPoint: ClosedRange<Int> {
    switch self {
    case .ecmaScript: -5...21
    case .python: -3...16
    case .java: -2...7
    }
  }
}

/// The decimal digits of a number: 0.ddd × 10^point, no leading or trailing zeros. Twenty digits are kept, more than
/// any shortest form of a double has.
private struct DecimalDigits: Equatable {
  var digits = SIMD32<UInt8>(repeating: 0)
  var count = 0
  var point = 0
  var isNegative = false

  static let limit = 20

  /// Reads a JSON number in any spelling; nil where there are more than `limit` digits, or the exponent is absurd.
  init?(_ text: ByteView) {
    var at = 0
    if at < text.count, text[at] == UInt8(ascii: "-") {
      isNegative = true
      at += 1
    }
    var seenPoint = false
    var zeros = 0
    while at < text.count {
      let c = text[at]
      if c == UInt8(ascii: ".") {
        guard !seenPoint else { return nil }
        seenPoint = true
      } else if c &- UInt8(ascii: "0") < 10 {
        let digit = c &- UInt8(ascii: "0")
        if digit == 0 {
          // Zeros count once a digit follows; before the first digit they only move the point.
          if count > 0 { zeros += 1 } else if seenPoint { point -= 1 }
        } else {
          guard count + zeros < Self.limit else { return nil }
          count += zeros
          zeros = 0
          digits[count] = digit
          count += 1
        }
        if !seenPoint, count > 0 { point += 1 }
      } else {
        break
      }
      at += 1
    }
    if at < text.count {
      guard text[at] | 0x20 == UInt8(ascii: "e") else { return nil }
      at += 1
      var negative = false
      if at < text.count, text[at] == UInt8(ascii: "+") || text[at] == UInt8(ascii: "-") {
        negative = text[at] == UInt8(ascii: "-")
        at += 1
      }
      guard at < text.count, text.count - at <= 4 else { return nil }
      var exponent = 0
      while at < text.count {
        guard text[at] &- UInt8(ascii: "0") < 10 else { return nil }
        exponent = exponent * 10 + Int(text[at] &- UInt8(ascii: "0"))
        at += 1
      }
      point += negative ? -exponent : exponent
    }
    if count == 0 { point = 1 }
  }

  /// The shortest digits that give `value` back and nothing else, the closest of them: what Swift prints.
  init?(shortest value: Double) {
    guard value.isFinite else { return nil }
    var text = value.description
    guard let parsed = text.withUTF8({ unsafe DecimalDigits(ByteView(UnsafeRawBufferPointer($0))) }) else {
      return nil
    }
    self = parsed
  }

  /// Appends the digits in the layout of `style`.
  func append(to out: inout Buffer<UInt8>, style: DoubleStyle) {
    if isNegative { out.append(UInt8(ascii: "-")) }
    let n = max(count, 1)
    let wholeSuffix = style != .ecmaScript
    func digit(_ i: Int) -> UInt8 { UInt8(ascii: "0") + (i < count ? digits[i] : 0) }
    if style.fixedPoint.contains(point) {
      if point <= 0 {
        out.append(UInt8(ascii: "0"))
        out.append(UInt8(ascii: "."))
        out.append(repeating: UInt8(ascii: "0"), count: -point)
        for i in 0..<n { out.append(digit(i)) }
      } else {
        for i in 0..<point { out.append(digit(i)) }
        if n > point || wholeSuffix { out.append(UInt8(ascii: ".")) }
        for i in point..<max(n, point) { out.append(digit(i)) }
        if n <= point, wholeSuffix { out.append(UInt8(ascii: "0")) }
      }
      return
    }
    out.append(digit(0))
    if n > 1 || style == .java { out.append(UInt8(ascii: ".")) }
    for i in 1..<max(n, 1) { out.append(digit(i)) }
    if n == 1, style == .java { out.append(UInt8(ascii: "0")) }
    let exponent = point - 1
    out.append(style == .java ? UInt8(ascii: "E") : UInt8(ascii: "e"))
    if exponent < 0 {
      out.append(UInt8(ascii: "-"))
    } else if style != .java {
      out.append(UInt8(ascii: "+"))
    }
    if style == .python, exponent.magnitude < 10 { out.append(UInt8(ascii: "0")) }
    out.append(decimal: UInt64(exponent.magnitude))
  }

  /// The nearest double.
  var value: Double {
    let exponent = point - count
    if count <= 15, exponent.magnitude <= 22 {
      // Both factors are exact, so that one rounding happens (William Clinger, "How to read floating point numbers
      // accurately", 1990).
      var whole: UInt64 = 0
      for i in 0..<count { whole = whole * 10 + UInt64(digits[i]) }
      var power = 1.0
      for _ in 0..<Int(exponent.magnitude) { power *= 10 }
      let magnitude = exponent < 0 ? Double(whole) / power : Double(whole) * power
      return isNegative ? -magnitude : magnitude
    }
    var text = isNegative ? "-0." : "0."
    for i in 0..<count { text.unicodeScalars.append(Unicode.Scalar(UInt8(ascii: "0") + digits[i])) }
    return Double(text + "e" + String(point)) ?? .nan
  }
}

extension ByteView {
  /// The double this text writes, provided that `append(double:style:)` writes the same text from it; else nil, and the
  /// text is to be kept as it is.
  public func double(style: DoubleStyle) -> Double? {
    guard count > 0, count <= 32, let digits = DecimalDigits(self) else { return nil }
    var again = Buffer<UInt8>(capacity: 48)
    digits.append(to: &again, style: style)
    guard again.view == self else { return nil }
    let value = digits.value
    // Up to 15 digits, two different decimals are two different doubles, so a decimal that reaches a normal double is
    // its shortest one. Beyond, ask.
    if digits.count <= 15, value == 0 ? digits.count == 0 : value.isNormal { return value }
    guard let shortest = DecimalDigits(shortest: value), shortest == digits else { return nil }
    return value
  }

  /// As `double(style:)`, in the first style that fits.
  public func double() -> (value: Double, style: DoubleStyle)? {
    for style in DoubleStyle.allCases {
      if let value = double(style: style) { return (value, style) }
    }
    return nil
  }

  /// The double nearest to this JSON number, however it is spelled. For conversion, where the spelling need not come
  /// back.
  public func nearestDouble() -> Double? {
    switch string {
    case "NaN": return .nan
    case "Infinity": return .infinity
    case "-Infinity": return -.infinity
    default:
      if let digits = DecimalDigits(self) { return digits.value }
      guard let number = jsonNumber(from: 0), number.end == count else { return nil }
      return Double(string)
    }
  }
}

extension Buffer where Element == UInt8 {
  /// Appends a finite double as a writer of `style` does.
  public mutating func append(double value: Double, style: DoubleStyle) {
    guard let digits = DecimalDigits(shortest: value) else {
      append(value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity")
      return
    }
    digits.append(to: &self, style: style)
  }

  public mutating func append(_ text: StaticString) { append(text.view) }
}
