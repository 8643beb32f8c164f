/// xoshiro256** (David Blackman and Sebastiano Vigna, prng.di.unimi.it), seeded by SplitMix64: the same numbers for the
/// same seed on every machine, so that a failing test names its input by one number.
@frozen
public struct SeededRandom: RandomNumberGenerator, Sendable {
  var a: UInt64
  var b: UInt64
  var c: UInt64
  var d: UInt64

  public init(seed: UInt64) {
    var state = seed
    func split() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
      return z ^ z >> 31
    }
    a = split()
    b = split()
    c = split()
    d = split()
  }

  public mutating func next() -> UInt64 {
    let x = b &* 5
    let result = (x << 7 | x >> 57) &* 9
    let t = b << 17
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= t
    d = d << 45 | d >> 19
    return result
  }

  /// A number below `bound`, which must be positive; the tiny bias does not matter here.
  public mutating func below(_ bound: Int) -> Int {
    Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// Uniform in 0..<1.
  public mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  public mutating func chance(_ probability: Double) -> Bool {
    probability > 0 && (probability >= 1 || unit() < probability)
  }

  /// An element; the earlier ones far more often, as names in a real system are.
  mutating func skewed(_ count: Int) -> Int {
    let u = unit()
    return min(count - 1, Int(u * u * u * Double(count)))
  }

  /// About normal, mean 0 and deviation 1: the sum of twelve uniform numbers.
  mutating func normal() -> Double {
    var sum = -6.0
    for _ in 0..<3 {
      let bits = next()
      for shift in [0, 16, 32, 48] { sum += Double(bits >> UInt64(shift) & 0xFFFF) / 65536 }
    }
    return sum
  }
}
