import Bytes

/// opentelemetry-cpp's id generator (sdk/src/common/fast_random_number_generator.h; nginx's OpenTelemetry module links
/// it): xorshift128+ (Vigna 2017), one per thread, 8 little-endian bytes an output.
///
/// The sum of the two state words is not linear over GF(2), but its lowest bit is: 128 ids in a row give the state, 64
/// more the proof. So a thread is found if it once drew 192 ids of which none is missing, swapped or of another thread.
struct XorshiftPlus: IdSequence {
  var s0: UInt64
  var s1: UInt64

  static var name: String { "opentelemetry-cpp xorshift128+" }
  static var shape: IdShape { IdShape(unitBits: 64, highFirst: true, traceIsFirst: false) }

  @inline(__always)
  mutating func step() -> UInt64 {
    var t = s0
    let s = s1
    s0 = s
    t ^= t << 23
    t ^= t >> 17
    t ^= s ^ s >> 26
    s1 = t
    return t &+ s
  }

  private static let solver: BitSolver = {
    var observed = [UInt128](repeating: 0, count: 192)
    for j in 0..<128 as Range<UInt64> {
      var generator = XorshiftPlus(s0: j < 64 ? 1 << j : 0, s1: j < 64 ? 0 : 1 << (j - 64))
      for k in 0..<192 where generator.step() & 1 == 1 { observed[k] |= 1 << UInt128(j) }
    }
    return BitSolver(observed: observed)
  }()

  /// Of 128 lowest bits in a row, the first of them lowest, those whose parity is the next: the characteristic polynomial
  /// of a step, which the algorithm of Berlekamp and Massey finds from any 256 of them. It passes by what is of no such
  /// generator without a solver.
  private static var recurrence: (UInt64, UInt64) { (0xBD82_FD40_E017_30F9, 0x01F9_F801_F6FD_0098) }

  static func recover(_ sample: IdSample, budget: inout Int) -> XorshiftPlus? {
    var window: (UInt64, UInt64, UInt64) = (0, 0, 0)
    // How many bits there were, and of the last ones fitted those before.
    var (seen, fitting) = (0, 0)
    for draw in sample.draws {
      for half in (draw.isTrace ? 0 : 1)...1 {
        // The lowest bit of an output is that of its first byte, an id's most significant.
        let bit = (half == 0 ? draw.high : draw.low) >> 56 & 1
        let sum = recurrence.0 & window.1 ^ recurrence.1 & window.2
        fitting = UInt64(sum.nonzeroBitCount & 1) == bit ? fitting + 1 : 0
        window = (window.0 >> 1 | window.1 << 63, window.1 >> 1 | window.2 << 63, window.2 >> 1 | bit << 63)
        seen += 1
        guard seen >= 192 else { continue }
        budget -= 10
        if budget < 0 { return nil }
        if fitting >= 64, let state = solver.solve(window) { return XorshiftPlus(s0: state.s0, s1: state.s1) }
      }
    }
    return nil
  }

  mutating func rewind(_ units: Int) {
    for _ in 0..<units { NodeRandom.stepBack(&s0, &s1) }
  }

  mutating func append(_ count: Int, to units: inout Buffer<UInt64>) {
    units.reserve(count)
    for _ in 0..<count { units.append(step().byteSwapped) }
  }

  func state(budget: inout Int) -> [UInt8] {
    var bytes = Buffer<UInt8>(capacity: 16)
    bytes.append(integer: s0)
    bytes.append(integer: s1)
    return bytes.array
  }

  init(s0: UInt64, s1: UInt64) {
    self.s0 = s0
    self.s1 = s1
  }

  init?(state: ByteView, budget: inout Int) {
    guard state.count == 16 else { return nil }
    s0 = state.load(UInt64.self, at: 0)
    s1 = state.load(UInt64.self, at: 8)
  }
}
