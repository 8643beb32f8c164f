import Bytes

/// Elimination over GF(2) for a state of 128 bits that 192 observed bits are linear in. What is added row by row may be
/// shared: patterns of observations that begin alike are copies of one beginning.
struct BitElimination {
  fileprivate struct Row: BitwiseCopyable {
    /// State bits whose parity is that of the observed ones.
    var state: UInt128 = 0
    var seen: ObservedBits = (0, 0, 0)
  }
  /// By their highest state bit; no state bits where there is none.
  fileprivate private(set) var pivots = [Row](repeating: Row(), count: 128)
  /// Observed bits whose parity must be even.
  fileprivate private(set) var checks: [ObservedBits] = []

  /// - Parameters:
  ///   - state: the state bits whose parity the observed bit is.
  ///   - index: the observed bit, 0 to 191.
  mutating func add(_ state: UInt128, at index: Int) {
    let bit: UInt64 = 1 << UInt64(index & 63)
    var row = Row(state: state, seen: (index < 64 ? bit : 0, index >> 6 == 1 ? bit : 0, index >= 128 ? bit : 0))
    while row.state != 0 {
      let high = 127 - row.state.leadingZeroBitCount
      let pivot = pivots[high]
      if pivot.state == 0 {
        pivots[high] = row
        return
      }
      row.state ^= pivot.state
      row.seen.0 ^= pivot.seen.0
      row.seen.1 ^= pivot.seen.1
      row.seen.2 ^= pivot.seen.2
    }
    checks.append(row.seen)
  }
}

/// 192 bits, lowest first.
typealias ObservedBits = (UInt64, UInt64, UInt64)

/// A state of 128 bits from 192 observed bits. 64 of them are left over: they must fit, which makes a false find one in
/// 2^64.
final class BitSolver: Sendable {
  /// For each state bit: the lower state bits and the observed ones whose parity it is.
  private let rows: [(s0: UInt64, s1: UInt64, seen: ObservedBits)]
  private let checks: [ObservedBits]

  /// A pattern that does not determine the state solves nothing. `turned`: how many places lower the observed bits stood
  /// for elimination, of 192 in a ring.
  init(_ elimination: BitElimination, turned: Int = 0) {
    let isWhole = !elimination.pivots.contains { $0.state == 0 }
    rows =
      isWhole
      ? elimination.pivots.map { ($0.state.lowWord, $0.state.highWord, Self.raise($0.seen, turned)) } : []
    // The first found hold for whatever shares the pattern's beginning; the last tell it from those.
    checks = elimination.checks.reversed().map { Self.raise($0, turned) }
  }

  /// `observed`: for each of the 192 bits, the state bits whose parity it is.
  convenience init(observed: [UInt128]) {
    var elimination = BitElimination()
    for (index, state) in observed.enumerated() { elimination.add(state, at: index) }
    self.init(elimination)
  }

  /// Bits whose parity must be even: half of all words that are of no such state are told by it.
  var firstCheck: ObservedBits { checks.first ?? (0, 0, 0) }

  @inline(__always)
  func solve(_ words: ObservedBits) -> (s0: UInt64, s1: UInt64)? {
    for check in checks where !Self.isEven(check, words) { return nil }
    guard rows.count == 128 else { return nil }
    // A row's own bit is its highest, and not yet known when its parity is taken.
    var (s0, s1): (UInt64, UInt64) = (0, 0)
    for bit in 0..<64 {
      let row = rows[bit]
      s0 |= UInt64(truncatingIfNeeded: ((row.s0 & s0) ^ Self.sum(row.seen, words)).nonzeroBitCount & 1) &<< UInt64(bit)
    }
    for bit in 0..<64 {
      let row = rows[64 &+ bit]
      let sum = (row.s0 & s0) ^ (row.s1 & s1) ^ Self.sum(row.seen, words)
      s1 |= UInt64(truncatingIfNeeded: sum.nonzeroBitCount & 1) &<< UInt64(bit)
    }
    return s0 | s1 == 0 ? nil : (s0, s1)
  }

  /// Whether an even number of the observed bits of `mask` is set.
  @inline(__always)
  static func isEven(_ mask: ObservedBits, _ words: ObservedBits) -> Bool {
    sum(mask, words).nonzeroBitCount & 1 == 0
  }

  private static func raise(_ bits: ObservedBits, _ count: Int) -> ObservedBits {
    let (a, b, c) = count < 64 ? bits : count < 128 ? (bits.2, bits.0, bits.1) : (bits.1, bits.2, bits.0)
    let part = UInt64(count % 64)
    return (a << part | c >> (64 - part), b << part | a >> (64 - part), c << part | b >> (64 - part))
  }

  /// A word with the parity of the observed bits of `mask`.
  @inline(__always)
  private static func sum(_ mask: ObservedBits, _ words: ObservedBits) -> UInt64 {
    (mask.0 & words.0) ^ (mask.1 & words.1) ^ (mask.2 & words.2)
  }
}

extension UInt128 {
  fileprivate var lowWord: UInt64 { UInt64(truncatingIfNeeded: self) }
  fileprivate var highWord: UInt64 { UInt64(truncatingIfNeeded: self >> 64) }
}
