/// The arithmetic of Java's `ThreadLocalRandom` (java.util.concurrent, JDK 8 to 25), which the OpenTelemetry SDK and
/// agent, Brave, Jaeger and Datadog's tracer draw ids from.
///
/// A thread has a 64-bit seed. `nextLong` adds a step to it and mixes: `mix64(seed += step)`. The step is `gamma` up to
/// JDK 16 and `gamma + 2 * threadId` from JDK 17 on. A thread's first seed is `mix64(seeder)`, where the process-wide
/// `seeder` moves on by `seederStep` for each thread: one number opens every thread of a process. `mix64` is Stafford's
/// variant 13 precursor, the MurmurHash3 finalizer (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators,
/// OOPSLA 2014), a bijection: an id *is* a seed.
enum ThreadLocalRandom {
  static var gamma: UInt64 { 0x9E37_79B9_7F4A_7C15 }
  static var seederStep: UInt64 { 0xBB67_AE85_84CA_A73B }
  static let seederStepInverse = inverse(seederStep)

  @inline(__always)
  static func mix(_ seed: UInt64) -> UInt64 {
    var z = (seed ^ seed >> 33) &* 0xFF51_AFD7_ED55_8CCD
    z = (z ^ z >> 33) &* 0xC4CE_B9FE_1A85_EC53
    return z ^ z >> 33
  }

  @inline(__always)
  static func unmix(_ id: UInt64) -> UInt64 {
    // The inverses of the multipliers of `mix` modulo 2^64.
    var z = (id ^ id >> 33) &* 0x9CB4_B2F8_1293_37DB
    z = (z ^ z >> 33) &* 0x4F74_430C_22A5_4005
    z ^= z >> 33
    return z
  }

  /// The inverse of an odd number modulo 2^64, by Newton's iteration.
  static func inverse(_ odd: UInt64) -> UInt64 {
    var x = odd
    for _ in 0..<5 { x = x &* (2 &- odd &* x) }
    return x
  }

  /// The seed of the `n`th thread of a process before its first draw.
  @inline(__always)
  static func firstSeed(seeder: UInt64, thread n: Int64) -> UInt64 {
    mix(seeder &+ UInt64(bitPattern: n) &* seederStep)
  }

  /// The step of JDK 17 and later as a thread id, if `step` is one.
  @inline(__always)
  static func threadId(step: UInt64) -> UInt64? {
    let twice = step &- gamma
    return twice < 1 << 33 && twice & 1 == 0 ? twice >> 1 : nil
  }

  /// A thread by its place in the seeder's chain.
  struct Birth: Equatable {
    /// Threads since the one `seeder` stands for.
    var thread: Int64
    /// Draws since the thread's first seed.
    var draws: Int
  }

  /// Where the thread with `step` that has the seed `seed` was born, if near `seeder`.
  static func birth(seed: UInt64, step: UInt64, seeder: UInt64) -> Birth? {
    var first = seed
    for draws in 1...64 {
      first = first &- step
      let n = Int64(bitPattern: (unmix(first) &- seeder) &* seederStepInverse)
      if n > -(1 << 20), n < 1 << 20 { return Birth(thread: n, draws: draws) }
    }
    return nil
  }
}
