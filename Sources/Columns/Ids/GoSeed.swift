import Bytes

/// Where Go's math/rand starts: a 31-bit seed. A program that seeds its generator once and is traced from then on has
/// its whole life of ids in a seed and a distance.
///
/// Seeding (Go, math/rand/rng.go, described): a Lehmer generator x = 48271 x mod 2^31-1 is warmed up 20 times, then each
/// of the 607 words is three of its values shifted by 40, 20 and 0 and xored together and with a word of a fixed table.
/// That table is what the generator itself holds after 7.8e12 steps from a simpler seeding; it is computed here.
struct GoSeed {
  /// The seed in 1 ..< 2^31-1.
  var seed: UInt32
  /// Words drawn since.
  var words: Int

  private static let modulus: UInt64 = 1 << 31 - 1
  private static let multiplier: UInt64 = 48271

  /// `a` mod 2^31-1 for any `a` below 2^62.
  @inline(__always)
  private static func reduce(_ a: UInt64) -> UInt64 {
    let folded = (a & modulus) &+ (a >> 31)
    return folded >= modulus ? folded &- modulus : folded
  }

  private static func power(_ base: UInt64, _ exponent: UInt64) -> UInt64 {
    var (result, square, left) = (1 as UInt64, base, exponent)
    while left > 0 {
      if left & 1 == 1 { result = reduce(result * square) }
      square = reduce(square * square)
      left >>= 1
    }
    return result
  }

  private static let inverse = power(multiplier, modulus - 2)

  // MARK: Seeding

  /// The table that seeding xors in: word k of the generator after 7.8e12 steps from the first seeding's words, by
  /// raising X to that power modulo X^607 = X^334 + 1 over the integers mod 2^64.
  static let table: [UInt64] = {
    let (long, short) = (LaggedFibonacci.long, LaggedFibonacci.short)
    let steps = 7_800_000_000_000
    var words = [UInt64](repeating: 0, count: long)
    var x: UInt64 = 1
    func advance() -> UInt64 {
      x = reduce(x * multiplier)
      return x
    }
    for _ in 0..<20 { _ = advance() }
    for i in 0..<long { words[i] = advance() << 20 ^ advance() << 10 ^ advance() }

    func product(_ a: [UInt64], _ b: [UInt64]) -> [UInt64] {
      var sum = [UInt64](repeating: 0, count: 2 * long)
      for i in 0..<long where a[i] != 0 {
        let factor = a[i]
        for j in 0..<long { sum[i &+ j] &+= factor &* b[j] }
      }
      for degree in stride(from: 2 * long - 1, through: long, by: -1) {
        sum[degree - short] &+= sum[degree]
        sum[degree - long] &+= sum[degree]
      }
      return Array(sum[..<long])
    }
    var jump = [UInt64](repeating: 0, count: long)
    var square = jump
    jump[0] = 1
    square[1] = 1
    var left = steps
    while left > 0 {
      if left & 1 == 1 { jump = product(jump, square) }
      left >>= 1
      if left > 0 { square = product(square, square) }
    }
    // The generator walks down its array: the word it is about to replace first is number 333.
    var sequence = (0..<2 * long).map { $0 < long ? words[slot($0)] : 0 }
    for n in long..<2 * long { sequence[n] = sequence[n - long] &+ sequence[n - short] }
    for k in 0..<long {
      var value: UInt64 = 0
      for j in 0..<long { value &+= jump[j] &* sequence[k + j] }
      words[slot(steps - long + k)] = value
    }
    return words
  }()

  /// The array slot that holds word `n` of the sequence, the first of a fresh state being word 0.
  private static func slot(_ n: Int) -> Int {
    let slot = (333 - n) % LaggedFibonacci.long
    return slot < 0 ? slot + LaggedFibonacci.long : slot
  }

  /// The 607 words before the first output, oldest first.
  static func words(_ seed: UInt32) -> [UInt64] {
    var x = UInt64(seed)
    func advance() -> UInt64 {
      x = reduce(x * multiplier)
      return x
    }
    for _ in 0..<20 { _ = advance() }
    var words = [UInt64](repeating: 0, count: LaggedFibonacci.long)
    for i in 0..<LaggedFibonacci.long {
      words[slot(i)] = advance() << 40 ^ advance() << 20 ^ advance() ^ table[i]
    }
    return words
  }

  /// The generator `count` words after seeding; nil if that is more work than `budget`.
  static func generator(_ seed: UInt32, words count: UInt64, mask: UInt64, budget: inout Int) -> LaggedFibonacci? {
    guard budget > 0, count < UInt64(budget) else { return nil }
    budget -= Int(count)
    var generator = LaggedFibonacci(words: words(seed), mask: mask)
    // The state holds the outputs before the first; step over them.
    generator.run(LaggedFibonacci.long + Int(count)) { _ in }
    return generator
  }

  // MARK: Stored form

  func bytes(offset: UInt64) -> [UInt8] {
    var buffer = Buffer<UInt8>()
    buffer.append(integer: seed)
    buffer.append(varint: offset)
    return buffer.array
  }

  static func read(_ bytes: ByteView) -> (seed: UInt32, offset: UInt64)? {
    guard bytes.count > 4, let (offset, width) = bytes.varint(at: 4), width == bytes.count - 4 else { return nil }
    let seed = bytes.load(UInt32.self, at: 0)
    guard seed > 0, seed < modulus else { return nil }
    return (seed, offset)
  }

  // MARK: Search

  /// Walks back from `generator` to the seeding that it came from, at most as far as `budget` allows.
  ///
  /// Word 0 of a fresh array is recognised alone: its low 20 bits are those of the third Lehmer value z, and bits 20 to 39
  /// must be those of z / 48271 xored with z's high 11 bits. z / 48271 is linear in z, so the guesses h of the high bits
  /// are kept sorted by what they add to it, and about eight of the 2048 are looked at for each word.
  static func find(before generator: LaggedFibonacci, budget: inout Int) -> GoSeed? {
    let perWord = 24
    // The table and the guesses.
    let setup = 8_000_000
    guard budget > 2 * setup else { return nil }
    budget -= setup
    let (long, short) = (LaggedFibonacci.long, LaggedFibonacci.short)
    let guesses = SeedGuesses(step: reduce(inverse << 20))
    let slot0 = table[0]
    let low20: UInt64 = 1 << 20 - 1
    // Output n is words[0]; the walk keeps the sequence newest first in chunks.
    let chunk = 1 << 13
    var tail = Array(generator.words.reversed())
    var walked = 0
    while budget > perWord * chunk {
      budget -= perWord * chunk
      // x[n] = x[n+607] - x[n+334], newest first.
      var words = tail
      words.reserveCapacity(long + chunk)
      for k in 0..<chunk { words.append((words[k] &- words[k &+ short]) & generator.mask) }
      // A state of which words[k ..< k+607] are the words before the next output, newest first, has slot 0 at k + 273.
      for k in 0..<chunk {
        let mixed = words[k &+ short] ^ slot0
        let low = mixed & low20
        let base = reduce(low * inverse)
        let wanted = mixed >> 20 & low20
        // Values of the added part, mod 2^20, that make bits 11 to 19 right, a carry of the reduction included: 2049 in a
        // row, which lie in two buckets.
        let from = ((wanted & ~2047) &- base &- 1) & low20
        var bucket = Int(from >> 11)
        for _ in 0..<2 {
          for entry in Int(guesses.starts[bucket])..<Int(guesses.starts[bucket &+ 1]) {
            let h = UInt64(guesses.guess[entry])
            let second = reduce(base &+ guesses.added[Int(h)])
            guard (second ^ h) & low20 == wanted else { continue }
            let first = reduce(second * inverse)
            guard (first << 40 ^ second << 20 ^ (low | h << 20) ^ mixed) & generator.mask == 0 else { continue }
            let seed = reduce(first * power(inverse, 21))
            guard seed > 0 else { continue }
            let fresh = GoSeed.words(UInt32(seed))
            guard (0..<long).allSatisfy({ (fresh[$0] ^ words[k + long - 1 - $0]) & generator.mask == 0 }) else {
              continue
            }
            // words[k] is the newest word of the fresh array, the one before output 0; the 607 words that the walk began
            // with are not drawn yet.
            let drawn = walked + k - long
            guard drawn >= 0 else { continue }
            return GoSeed(seed: UInt32(seed), words: drawn)
          }
          bucket = (bucket + 1) & 511
        }
      }
      walked += chunk
      tail = Array(words[chunk...])
    }
    return nil
  }
}

/// The 2048 guesses of z's high bits, each with what it adds to z / 48271, in 512 buckets by that sum mod 2^20.
private struct SeedGuesses {
  var added = [UInt64](repeating: 0, count: 2048)
  var starts = [UInt16](repeating: 0, count: 513)
  var guess: [UInt16] = []

  init(step: UInt64) {
    for h in 0..<2048 { added[h] = UInt64(h) * step % (1 << 31 - 1) }
    func bucket(_ h: Int) -> Int { Int(added[h] & (1 << 20 - 1)) >> 11 }
    guess = (0..<2048).sorted { (bucket($0), $0) < (bucket($1), $1) }.map { UInt16($0) }
    for h in 0..<2048 { starts[bucket(h) + 1] += 1 }
    for b in 0..<512 { starts[b + 1] += starts[b] }
  }
}
