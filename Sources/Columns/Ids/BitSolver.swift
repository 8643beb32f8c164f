import Bytes

/// A state of 128 bits from 192 observed bits that are linear in it, by elimination over GF(2) once for a pattern of
/// observations. 64 bits are left over: they must fit, which makes a false find one in 2^64.
final class BitSolver: Sendable {
  private typealias Row = (s0: UInt64, s1: UInt64, c0: UInt64, c1: UInt64, c2: UInt64)
  /// Observed bits whose parity must be even.
  private let checks: [(UInt64, UInt64, UInt64)]
  /// Observed bits whose parity is a state bit; empty if the pattern does not determine the state.
  private let solution: [(UInt64, UInt64, UInt64)]

  /// `observed`: for each of the 192 bits, the state bits whose parity it is.
  init(observed: [(UInt64, UInt64)]) {
    var pivots = [Row?](repeating: nil, count: 128)
    var checks: [(UInt64, UInt64, UInt64)] = []
    for (index, state) in observed.enumerated() {
      let at = UInt64(index)
      var row: Row = (state.0, state.1, 0, 0, 0)
      if at < 64 { row.c0 = 1 << at } else if at < 128 { row.c1 = 1 << (at - 64) } else { row.c2 = 1 << (at - 128) }
      while true {
        let high = row.s1 != 0 ? 127 - row.s1.leadingZeroBitCount : 63 - row.s0.leadingZeroBitCount
        if high < 0 {
          checks.append((row.c0, row.c1, row.c2))
          break
        }
        guard let pivot = pivots[high] else {
          pivots[high] = row
          break
        }
        row = (row.s0 ^ pivot.s0, row.s1 ^ pivot.s1, row.c0 ^ pivot.c0, row.c1 ^ pivot.c1, row.c2 ^ pivot.c2)
      }
    }
    var solution: [(UInt64, UInt64, UInt64)] = []
    for high in 0..<128 {
      guard let row = pivots[high] else {
        solution = []
        break
      }
      var sum = (row.c0, row.c1, row.c2)
      for low in 0..<high where (low < 64 ? row.s0 >> UInt64(low) : row.s1 >> UInt64(low - 64)) & 1 == 1 {
        sum = (sum.0 ^ solution[low].0, sum.1 ^ solution[low].1, sum.2 ^ solution[low].2)
      }
      solution.append(sum)
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
