import Bytes

/// Doubles that were decimal numbers with few digits, as most in telemetry are: rounded scores, prices, percentages.
public enum DecimalDouble {
  /// Scales 0 to 14.
  public static let scales = 15

  @inline(__always)
  private static func power(_ scale: Int) -> Double {
    switch scale {
    case 0: 1
    case 1: 1e1
    case 2: 1e2
    case 3: 1e3
    case 4: 1e4
    case 5: 1e5
    case 6: 1e6
    case 7: 1e7
    case 8: 1e8
    case 9: 1e9
    case 10: 1e10
    case 11: 1e11
    case 12: 1e12
    case 13: 1e13
    case 14: 1e14
    default: 1e15
    }
  }

  /// The integer nearest to the double of these bits times ten to `scale`, if it is below 2^53.
  public static func nearest(to bits: UInt64, scale: Int) -> Int64? {
    let product = (Double(bitPattern: bits) * power(scale)).rounded(.toNearestOrEven)
    return product.magnitude < 9_007_199_254_740_992 ? Int64(product) : nil
  }

  /// The integer that, divided by ten to `scale`, is the double of these bits. Both are exact and division rounds to
  /// the nearest (IEEE 754), so this is what reading that decimal number gives.
  public static func units(of bits: UInt64, scale: Int) -> Int64? {
    guard let units = nearest(to: bits, scale: scale), Self.bits(units: units, scale: scale) == bits else { return nil }
    return units
  }

  public static func bits(units: Int64, scale: Int) -> UInt64 { (Double(units) / power(scale)).bitPattern }

  /// A decimal number with the fewest digits behind the point, and by how many steps the double lies above it.
  public struct Parts: BitwiseCopyable, Sendable {
    public var units: Int64
    public var scale: Int
    public var off: Int64
  }

  /// Sums of decimal numbers are off by a few steps, no more than these.
  public static let mostOff: Int64 = 8

  /// The parts of the double of these bits, or nil if it is no decimal number, nor next to one with ten digits or fewer.
  /// `hint`: a scale that may do.
  public static func parts(of bits: UInt64, hint: Int) -> Parts? {
    var from = 0
    if hint > 0, hint < scales {
      if let units = units(of: bits, scale: hint) { return shortest(units, hint) }
      from = hint + 1
    }
    for scale in from..<max(from, scales) {
      if let units = units(of: bits, scale: scale) { return shortest(units, scale) }
    }
    for scale in 0..<scales {
      guard let units = nearest(to: bits, scale: scale), units.magnitude < 1 << 34 else { return nil }
      let off = Int64(bitPattern: bits &- Self.bits(units: units, scale: scale))
      if off.magnitude <= UInt64(mostOff), units != 0 { return Parts(units: units, scale: scale, off: off) }
    }
    return nil
  }

  private static func shortest(_ units: Int64, _ scale: Int) -> Parts {
    var parts = Parts(units: units, scale: scale, off: 0)
    while parts.scale > 0, parts.units % 10 == 0 {
      parts.units /= 10
      parts.scale -= 1
    }
    return parts
  }
}
