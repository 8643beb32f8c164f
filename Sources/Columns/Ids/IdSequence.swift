import Bytes

/// How ids are made of a generator's outputs.
///
/// A *unit* is what ids are whole numbers of: a byte-stream generator has units of 8 bytes, Mersenne Twister of one
/// 32-bit output. Positions count units.
public struct IdShape: Sendable {
  /// Bits of a unit: 4, 8, 32 or 64. A span id is `64 / unitBits` units, a trace id twice as many. A generator of
  /// 63-bit words has units of 64 bits, the top one 0.
  public let unitBits: Int
  /// Whether the first unit holds an id's most significant bits.
  public let highFirst: Bool
  /// Whether a root draws its trace id before its span id.
  public let traceIsFirst: Bool
  /// Whether trace ids are drawn at all; where not, they are coded by other means.
  public let drawsTraces: Bool
  /// Units of an id.
  public let unitsOfSpan: Int
  public let unitsOfTrace: Int

  public init(unitBits: Int, highFirst: Bool, traceIsFirst: Bool, drawsTraces: Bool = true) {
    self.unitBits = unitBits
    self.highFirst = highFirst
    self.traceIsFirst = traceIsFirst
    self.drawsTraces = drawsTraces
    unitsOfSpan = 64 / unitBits
    unitsOfTrace = 128 / unitBits
  }

  /// The 64 bits made of the units from `position` on, which the caller knows to be there.
  @inlinable @inline(__always)
  public func word(_ units: borrowing Buffer<UInt64>, at position: Int) -> UInt64 {
    if unitBits == 64 { return units[position] }
    if unitBits == 32 {
      let first = units[position]
      let second = units[position &+ 1]
      return highFirst ? first << 32 | second : second << 32 | first
    }
    let part = units.elements[position..<position &+ unitsOfSpan]
    var word: UInt64 = 0
    var k = 0
    while k < part.count {
      word = word &<< UInt64(unitBits) | part[highFirst ? k : part.count &- 1 &- k]
      k &+= 1
    }
    return word
  }

  /// The trace id made of the units from `position` on.
  @inlinable
  public func trace(_ units: borrowing Buffer<UInt64>, at position: Int) -> (high: UInt64, low: UInt64) {
    let first = word(units, at: position)
    let second = word(units, at: position + unitsOfSpan)
    return highFirst ? (first, second) : (second, first)
  }
}

/// A generator whose outputs form one sequence: a state, and the units that follow from it.
///
/// The codec keeps all units from position 0 (the stored state) up to the last one needed, so a generator only ever runs
/// forward; `rewind` serves the encoder, which finds a state in the midst of the ids. Every function is deterministic
/// and uses fixed-width integers only. Work is counted in a budget, not in time, so that output depends on nothing but
/// the input: about one unit of budget a nanosecond.
public protocol IdSequence: Sendable {
  /// For statistics: "Go math/rand".
  static var name: String { get }

  static var shape: IdShape { get }

  /// Finds a generator of most ids of `sample`, its position 0 at or near (a few thousand units) the first of them. Nil
  /// if there is none, if it is not certain (at least 64 bits of the ids must agree that were not needed to find it), or
  /// if `budget`, from which the work done is taken, runs out. Cheap tests that reject other generators come first.
  static func recover(_ sample: IdSample, budget: inout Int) -> Self?

  /// Moves position 0 back by `units`.
  mutating func rewind(_ units: Int)

  /// Appends the next `count` units and moves position 0 behind them.
  mutating func append(_ count: Int, to units: inout Buffer<UInt64>)

  /// How many more units than `count` cost nothing: those that are made together with the last of them.
  func unitsBeside(_ count: Int) -> Int

  /// The state at position 0 as stored in an archive. A shorter form may be searched for within `budget`.
  func state(budget: inout Int) -> [UInt8]

  /// Reads `state`; all of it must be used. Nil where it makes no sense or would take more work than `budget`, which is
  /// reduced by the work done. The input is hostile.
  init?(state: ByteView, budget: inout Int)
}

extension IdSequence {
  public func unitsBeside(_ count: Int) -> Int { 0 }
}
