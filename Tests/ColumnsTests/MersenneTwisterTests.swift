import Bytes
import Columns
import Testing

/// MT19937 as published (Matsumoto and Nishimura, mt19937ar.c, described), with CPython's use of it.
private struct Twister {
  var state = [UInt32](repeating: 0, count: 624)
  var next = 624

  /// `random.seed(key)` of CPython for keys below 2^32.
  init(seed key: UInt32) {
    state[0] = 19_650_218
    for i in 1..<624 { state[i] = 1_812_433_253 &* (state[i - 1] ^ state[i - 1] >> 30) &+ UInt32(i) }
    var i = 1
    func wrap() {
      i += 1
      if i == 624 {
        state[0] = state[623]
        i = 1
      }
    }
    for _ in 0..<624 {
      state[i] = (state[i] ^ (state[i - 1] ^ state[i - 1] >> 30) &* 1_664_525) &+ key
      wrap()
    }
    for _ in 0..<623 {
      state[i] = (state[i] ^ (state[i - 1] ^ state[i - 1] >> 30) &* 1_566_083_941) &- UInt32(i)
      wrap()
    }
    state[0] = 0x8000_0000
  }

  mutating func output() -> UInt32 {
    if next == 624 {
      for k in 0..<624 {
        let y = state[k] & 0x8000_0000 | state[(k + 1) % 624] & 0x7FFF_FFFF
        state[k] = state[(k + 397) % 624] ^ y >> 1 ^ (y & 1 == 1 ? 0x9908_B0DF : 0)
      }
      next = 0
    }
    var y = state[next]
    next += 1
    y ^= y >> 11
    y ^= y << 7 & 0x9D2C_5680
    y ^= y << 15 & 0xEFC6_0000
    return y ^ y >> 18
  }

  /// `random.getrandbits(64)`.
  mutating func bits64() -> UInt64 {
    let low = output()
    return UInt64(output()) << 32 | UInt64(low)
  }

  /// `Random.bytes(8)` of Ruby, read as an id is.
  mutating func rubyBytes() -> UInt64 {
    let first = output().byteSwapped
    return UInt64(first) << 32 | UInt64(output().byteSwapped)
  }
}

@Suite("MT19937")
struct MersenneTwisterTests {
  static let damages = [
    Damage(), Damage(missing: 10), Damage(swapped: 10), Damage(foreign: 10),
    Damage(missing: 10, swapped: 5, foreign: 5),
    Damage(missing: 10, scattered: 16),
  ]

  /// Spans of a Python process that itself draws up to `own` numbers before each id.
  private func python(_ count: Int, seed: UInt32, own: Int) -> [IdDraw] {
    var twister = Twister(seed: seed)
    var mixer = SplitMix(UInt64(seed))
    func disturb() { for _ in 0..<mixer.below(own + 1) { _ = twister.output() } }
    return spans(
      count,
      id: {
        disturb()
        return twister.bits64()
      },
      trace: {
        disturb()
        let low = twister.bits64()
        return (twister.bits64(), low)
      })
  }

  @Test("The generator that the tests recover is not CPython's")
  func knownAnswers() {
    var one = Twister(seed: 1)
    #expect(one.bits64() == 10_499_958_131_665_514_997)
    #expect(one.bits64() == 14_799_178_230_035_213_023)
    #expect(one.bits64() == 1_164_115_433_906_158_532)
    var other = Twister(seed: 20_261_121)
    #expect((0..<4).map { _ in other.output() } == [4_031_254_521, 2_262_575_164, 750_162_285, 1_206_558_873])
  }

  @Test("Ids of Python services stay at full size", arguments: damages, [0, 1, 4])
  func pythonIds(damage: Damage, own: Int) throws {
    let draws = damage.apply(python(2600, seed: 3, own: own), seed: 21)
    var budget = 2_000_000_000
    let found = try #require(PythonIds.recover(IdSample(draws: draws), budget: &budget))
    let kept = draws.filter { $0.span != .max }
    #expect(share(of: kept, madeBy: found, reach: 60_000) == 1)
  }

  @Test("Ids of Ruby services stay at full size")
  func rubyIds() throws {
    var twister = Twister(seed: 4)
    let draws = spans(
      1000, id: { twister.rubyBytes() },
      trace: {
        let high = twister.rubyBytes()
        return (high, twister.rubyBytes())
      })
    var budget = 1_000_000_000
    let found = try #require(RubyIds.recover(IdSample(draws: draws), budget: &budget))
    #expect(share(of: draws, madeBy: found, reach: 10_000) == 1)
    #expect(PythonIds.recover(IdSample(draws: draws), budget: &budget) == nil)
  }

  @Test("Ids of small Python services, hardly more than the state, stay at full size")
  func shortSample() throws {
    let draws = python(330, seed: 5, own: 0)
    var budget = 1_000_000_000
    let found = try #require(PythonIds.recover(IdSample(draws: draws), budget: &budget))
    #expect(share(of: draws, madeBy: found, reach: 3000) == 1)
  }

  @Test("Captures without Python take longer to compress, or get a state that makes none of their ids")
  func rejection() {
    var mixer = SplitMix(8)
    let draws = spans(4000, id: { mixer.next() }, trace: { (mixer.next(), mixer.next()) })
    var budget = 1_000_000_000
    #expect(PythonIds.recover(IdSample(draws: draws), budget: &budget) == nil)
    #expect(budget > 999_700_000)
    #expect(RubyIds.recover(IdSample(draws: draws), budget: &budget) == nil)
    #expect(budget > 999_400_000)
  }

  @Test("Odd samples crash the encoder")
  func oddSamples() {
    var mixer = SplitMix(9)
    for count in [0, 1, 2, 160, 320, 700, 1500] {
      let same = (0..<count).map { IdDraw(low: 42, span: UInt32($0)) }
      let zero = (0..<count).map { IdDraw(low: 0, isTrace: $0 % 2 == 0, span: UInt32($0)) }
      let few = (0..<count).map { IdDraw(low: UInt64(mixer.below(3)), span: UInt32($0)) }
      for draws in [same, zero, few] {
        for limit in [0, 1000, 300_000_000] {
          var budget = limit
          _ = PythonIds.recover(IdSample(draws: draws), budget: &budget)
        }
      }
    }
  }

  @Test("A damaged state crashes the reader")
  func hostileStates() {
    for count in [0, 1, 2495, 2497] {
      var budget = 1_000_000
      let state = [UInt8](repeating: 0xFF, count: count)
      #expect(state.withView { PythonIds(state: $0, budget: &budget) } == nil)
    }
    var budget = 1_000_000
    var any = [UInt8](repeating: 0xFF, count: 2496).withView { PythonIds(state: $0, budget: &budget) }
    var units = Buffer<UInt64>()
    any?.append(10_000, to: &units)
    #expect(units.count == 10_000)
  }
}
