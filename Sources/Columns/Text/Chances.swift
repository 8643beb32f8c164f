/// Adaptive probabilities for mixing: 16 bits of probability of a 1 above 16 of count, up to 20. They move by a share of
/// the error that falls with the count, so that little text is enough.
@safe
struct Chances: @unchecked Sendable {
  static let shared = Chances()
  static var fresh: UInt32 { 1 << 31 }
  private static var longest: UInt32 { 20 }

  /// By count: the share, of 32768, above the next count. The table is made once and stays.
  private let steps: UnsafeMutablePointer<UInt32>

  private init() {
    unsafe steps = .allocate(capacity: 32)
    for n in 0..<UInt32(32) {
      let share: UInt32 = n == 0 ? 60_000 : n == 1 ? 34_000 : 65_536 / (n + 1)
      unsafe steps[Int(n)] = (share >> 1) << 16 | min(n + 1, Self.longest)
    }
  }

  /// The chance after a bit: `target` is 0 or 65535.
  @inline(__always)
  func taught(_ chance: UInt32, _ target: Int32) -> UInt32 {
    let step = unsafe steps[Int(chance & 31)]
    let p = Int32(chance >> 16)
    let moved = p &+ ((target &- p) &* Int32(step >> 16)) >> 15
    return UInt32(truncatingIfNeeded: moved) << 16 | step & 0xFFFF
  }
}

/// Sums and bounds of eight at a time. Swift compares vectors lane by lane; signs of differences it does not.
enum Mixing {
  @inline(__always)
  static func sum(_ products: SIMD8<Int32>) -> Int32 {
    let four = products.lowHalf &+ products.highHalf
    let two = four.lowHalf &+ four.highHalf
    return two[0] &+ two[1]
  }

  /// Weights, with 14 fractional bits, that said `p` (12 bits) of `inputs` (`Logistic.stretch`), after `bit`.
  @inline(__always)
  static func taught(
    _ weights: SIMD8<Int32>, _ inputs: SIMD8<Int32>, _ bit: UInt32, _ p: Int, rate: Int32
  ) -> SIMD8<Int32> {
    let error = (Int32(bit) << 12 &- Int32(truncatingIfNeeded: p)) &* rate
    return clamped(weights &+ (inputs &* error &+ 0x20000) &>> 18)
  }

  /// To at most `1 << 17` either way.
  @inline(__always)
  private static func clamped(_ weights: SIMD8<Int32>) -> SIMD8<Int32> {
    let most = SIMD8<Int32>(repeating: 1 << 17)
    let above = most &- weights
    let upper = most &- (above & ~(above &>> 31))
    let below = upper &+ most
    return (below & ~(below &>> 31)) &- most
  }
}
