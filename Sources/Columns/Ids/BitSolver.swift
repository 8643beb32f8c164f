import Bytes

/// State bits whose parity is that of observed ones.
struct BitRow: BitwiseCopyable {
  fileprivate(set) var state: UInt128 = 0
  fileprivate(set) var seen: ObservedBits = (0, 0, 0)

  fileprivate init() {}

  /// - Parameters:
  ///   - state: the state bits whose parity the observed bit is.
  ///   - index: the observed bit, 0 to 191.
  init(_ state: UInt128, at index: Int) {
    let bit: UInt64 = 1 << UInt64(index & 63)
    self.state = state
    seen = (index < 64 ? bit : 0, index >> 6 == 1 ? bit : 0, index >= 128 ? bit : 0)
  }

  @inline(__always)
  fileprivate mutating func add(_ other: BitRow) {
    state ^= other.state
    seen.0 ^= other.seen.0
    seen.1 ^= other.seen.1
    seen.2 ^= other.seen.2
  }
}

/// Elimination over GF(2) for a state of 128 bits that 192 observed bits are linear in. What is added row by row may be
/// shared: patterns of observations that have rows in common are copies of one beginning.
struct BitElimination {
  /// By their highest state bit; no state bits where there is none.
  fileprivate private(set) var pivots = [BitRow](repeating: BitRow(), count: 128)
  /// Observed bits whose parity must be even.
  private(set) var checks: [ObservedBits] = []

  /// `row` without what the rows so far tell of it: to add it is quick from then on, here and in copies.
  func reduced(_ row: BitRow) -> BitRow {
    var row = row
    // Bits that may have a pivot; a pivot's highest is its own.
    var left = row.state
    while left != 0 {
      let high = 127 &- left.leadingZeroBitCount
      let pivot = pivots[high]
      if pivot.state != 0 {
        row.add(pivot)
        left ^= pivot.state
      } else {
        left &= ~(1 &<< UInt128(truncatingIfNeeded: high))
      }
    }
    return row
  }

  mutating func add(_ row: BitRow) {
    let row = reduced(row)
    if row.state == 0 { checks.append(row.seen) } else { pivots[127 - row.state.leadingZeroBitCount] = row }
  }
}

/// 192 bits, lowest first.
typealias ObservedBits = (UInt64, UInt64, UInt64)

/// A state of 128 bits from 192 observed bits. 64 of them are left over: they must fit, which makes a false find one in
/// 2^64.
final class BitSolver: Sendable {
  private let elimination: BitElimination
  private let turned: Int

  /// A pattern that does not determine the state solves nothing. `turned`: how many places lower the observed bits stood
  /// for elimination, of 192 in a ring.
  init(_ elimination: BitElimination, turned: Int = 0) {
    self.elimination = elimination
    self.turned = turned
  }

  /// `observed`: for each of the 192 bits, the state bits whose parity it is.
  convenience init(observed: [UInt128]) {
    var elimination = BitElimination()
    for (index, state) in observed.enumerated() { elimination.add(BitRow(state, at: index)) }
    self.init(elimination)
  }

  /// Bits whose parity must be even: half of all words that are of no such state are told by it. The last found: the
  /// first hold for whatever shares the pattern's beginning.
  var firstCheck: ObservedBits { Self.turn(elimination.checks.last ?? (0, 0, 0), up: turned) }

  @inline(__always)
  func solve(_ words: ObservedBits) -> (s0: UInt64, s1: UInt64)? {
    let words = turned == 0 ? words : Self.turn(words, up: 192 - turned)
    for check in elimination.checks.reversed() where !Self.isEven(check, words) { return nil }
    // A row's own bit is its highest, and not yet known when its parity is taken.
    var (s0, s1): (UInt64, UInt64) = (0, 0)
    for bit in 0..<64 {
      let row = elimination.pivots[bit]
      if row.state == 0 { return nil }
      let sum = (row.state.lowWord & s0) ^ Self.sum(row.seen, words)
      s0 |= UInt64(truncatingIfNeeded: sum.nonzeroBitCount & 1) &<< UInt64(bit)
    }
    for bit in 0..<64 {
      let row = elimination.pivots[64 &+ bit]
      if row.state == 0 { return nil }
      let sum = (row.state.lowWord & s0) ^ (row.state.highWord & s1) ^ Self.sum(row.seen, words)
      s1 |= UInt64(truncatingIfNeeded: sum.nonzeroBitCount & 1) &<< UInt64(bit)
    }
    return s0 | s1 == 0 ? nil : (s0, s1)
  }

  /// Whether an even number of the observed bits of `mask` is set.
  @inline(__always)
  static func isEven(_ mask: ObservedBits, _ words: ObservedBits) -> Bool {
    sum(mask, words).nonzeroBitCount & 1 == 0
  }

  /// `bits` as they stand `count` places up the ring, below 192.
  private static func turn(_ bits: ObservedBits, up count: Int) -> ObservedBits {
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
