import Bytes

/// A state of 128 bits from 192 observed bits that are linear in it, by elimination over GF(2) once for a pattern of
/// observations. 64 bits are left over: they must fit, which makes a false find one in 2^64.
final class BitSolver: Sendable {
  private struct Row: BitwiseCopyable {
    /// State bits.
    var s0: UInt64 = 0
    var s1: UInt64 = 0
    /// Observed bits.
    var c0: UInt64 = 0
    var c1: UInt64 = 0
    var c2: UInt64 = 0

    @inline(__always)
    static func ^= (a: inout Row, b: Row) {
      a.s0 ^= b.s0
      a.s1 ^= b.s1
      a.c0 ^= b.c0
      a.c1 ^= b.c1
      a.c2 ^= b.c2
    }
  }
  /// Observed bits whose parity must be even.
  private let checks: [(UInt64, UInt64, UInt64)]
  /// Observed bits whose parity is a state bit; empty if the pattern does not determine the state.
  private let solution: [(UInt64, UInt64, UInt64)]

  /// `observed`: for each of the 192 bits, the state bits whose parity it is.
  init(observed: [(UInt64, UInt64)]) {
    var pivots = Buffer<Row>(repeating: Row(), count: 128)
    var checks: [(UInt64, UInt64, UInt64)] = []
    for (index, state) in observed.enumerated() {
      let at = UInt64(index & 63)
      var row = Row(s0: state.0, s1: state.1)
      if index < 64 { row.c0 = 1 << at } else if index < 128 { row.c1 = 1 << at } else { row.c2 = 1 << at }
      while true {
        let high = row.s1 != 0 ? 127 - row.s1.leadingZeroBitCount : 63 - row.s0.leadingZeroBitCount
        if high < 0 {
          checks.append((row.c0, row.c1, row.c2))
          break
        }
        let pivot = pivots[high]
        if pivot.s0 | pivot.s1 == 0 {
          pivots[high] = row
          break
        }
        row ^= pivot
      }
    }
    var sums = Buffer<Row>(capacity: 128)
    for high in 0..<128 {
      let row = pivots[high]
      guard row.s0 | row.s1 != 0 else { break }
      // Its own bit apart, the bits below are known by now.
      var sum = row
      var (low, rest) = high < 64 ? (row.s0 ^ 1 << UInt64(high), 0) : (row.s0, row.s1 ^ 1 << UInt64(high - 64))
      while low != 0 {
        sum ^= sums[low.trailingZeroBitCount]
        low &= low - 1
      }
      while rest != 0 {
        sum ^= sums[64 + rest.trailingZeroBitCount]
        rest &= rest - 1
      }
      sums.append(sum)
    }
    var solution: [(UInt64, UInt64, UInt64)] = []
    if sums.count == 128 {
      for k in 0..<128 { solution.append((sums[k].c0, sums[k].c1, sums[k].c2)) }
    }
    self.checks = checks
    self.solution = solution
  }

  /// `words`: the observed bits, lowest first.
  @inline(__always)
  func solve(_ words: (UInt64, UInt64, UInt64)) -> (s0: UInt64, s1: UInt64)? {
    guard solution.count == 128 else { return nil }
    for check in checks where Self.parity(check, words) != 0 { return nil }
    var s0: UInt64 = 0
    var s1: UInt64 = 0
    for bit in 0..<64 {
      s0 |= Self.parity(solution[bit], words) << UInt64(bit)
      s1 |= Self.parity(solution[bit + 64], words) << UInt64(bit)
    }
    return s0 | s1 == 0 ? nil : (s0, s1)
  }

  @inline(__always)
  private static func parity(_ mask: (UInt64, UInt64, UInt64), _ words: (UInt64, UInt64, UInt64)) -> UInt64 {
    UInt64(((mask.0 & words.0) ^ (mask.1 & words.1) ^ (mask.2 & words.2)).nonzeroBitCount & 1)
  }
}
