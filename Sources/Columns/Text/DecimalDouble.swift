import Bytes

/// Doubles that were decimal numbers with few digits, as most in telemetry are: rounded scores, prices, percentages.
enum DecimalDouble {
  /// Scales 0 to 14.
  static let scales = 15

  private static func power(_ scale: Int) -> Double {
    var power = 1.0
    for _ in 0..<min(scale, 15) { power *= 10 }
    return power
  }

  /// The integer that, divided by ten to `scale`, is the double of these bits. Both are exact and division rounds to
  /// the nearest (IEEE 754), so this is what reading that decimal number gives.
  static func units(of bits: UInt64, scale: Int) -> Int64? {
    let power = power(scale)
    let product = (Double(bitPattern: bits) * power).rounded(.toNearestOrEven)
    guard product.magnitude < 9_007_199_254_740_992 else { return nil }
    let units = Int64(product)
    return Self.bits(units: units, scale: scale) == bits ? units : nil
  }

  static func bits(units: Int64, scale: Int) -> UInt64 { (Double(units) / power(scale)).bitPattern }
}
