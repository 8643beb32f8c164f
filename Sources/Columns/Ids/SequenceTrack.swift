import Bytes

/// A generator and the units it gave last, shared by the planner and the coder: see `MadeUnits`.
final class SequenceTrack {
  /// Units behind the expected one that are kept for late ids; an id further behind moves its lane back.
  static var window: Int64 { 1 << 16 }

  // Entering a class' property costs as much as finding an id. Nothing called from within comes back here.
  @exclusivity(unchecked) private var made: MadeUnits
  let shape: IdShape

  /// `generator` stands at `position`.
  convenience init(_ generator: any IdSequence, at position: Int64 = 0) {
    self.init(generator, units: Buffer(), at: position)
  }

  /// `generator` has given `units` last, the first of them at `position`.
  init(_ generator: any IdSequence, units: consuming Buffer<UInt64>, at position: Int64) {
    unsafe made = MadeUnits(generator, units: units, at: position)
    shape = type(of: generator).shape
  }

  /// The position of the first unit that is kept, and of the first that has not been made.
  var reach: Range<Int64> { unsafe made.origin..<made.end }

  /// Makes units up to `position`, somewhat more than is asked for, so that the generator is not called for each id.
  func extend(to position: Int64) { unsafe made.extend(to: position) }

  /// Drops units before `position`, now and then.
  func forget(before position: Int64) { unsafe made.forget(before: position) }

  /// Frees the units; they are made again where an id still needs them.
  func rest() { unsafe made.rest() }

  /// The generator at `position`, to where it runs if need be.
  func generator(at position: Int64) -> any IdSequence { unsafe made.generator(at: position) }

  /// The id at `position`, which the caller has found to be within reach.
  func id(at position: Int64, isTrace: Bool) -> (high: UInt64, low: UInt64) { unsafe made.id(at: position, isTrace) }

  /// Whether the id of `draw` is the one at `position`, which is within reach.
  func gives(_ draw: IdDraw, at position: Int64) -> Bool {
    let id = id(at: position, isTrace: draw.isTrace)
    return id.low == draw.low && (!draw.isTrace || id.high == draw.high)
  }

  /// The position nearest `from` at which the id of `draw` stands: up to 23 units on, which have been made, or else up to
  /// 16 back.
  func find(_ draw: IdDraw, near from: Int64) -> Int64? { unsafe made.find(draw, near: from) }

  /// Looks for ids of `scan` at `positions`, whose units have been made, and enough behind them for an id.
  func look(_ positions: Range<Int64>, _ scan: borrowing SequenceScan, _ hits: inout Buffer<SequenceScan.Hit>) {
    unsafe made.look(positions, scan, &hits)
  }
}

/// A generator and the units it gave last: enough of them that ids which come late cost nothing. It runs backward too,
/// since blocks need not follow each other in time.
private struct MadeUnits: ~Copyable {
  private var generator: any IdSequence
  private var units: Buffer<UInt64>
  /// The position of the first of `units`.
  private(set) var origin: Int64
  private let shape: IdShape

  init(_ generator: any IdSequence, units: consuming Buffer<UInt64>, at position: Int64) {
    self.generator = generator
    self.units = units
    origin = position
    shape = type(of: generator).shape
  }

  /// Units up to this position have been made.
  var end: Int64 { origin &+ Int64(units.count) }

  @inline(__always)
  mutating func extend(to position: Int64) {
    if position > end { makeMore(Int(position &- end)) }
  }

  @inline(never)
  private mutating func makeMore(_ missing: Int) {
    let count = max(missing, min(units.count, shape.unitBits < 32 ? 64 : 1024), 64)
    generator.append(count &+ generator.unitsBeside(count), to: &units)
  }

  /// Makes units up to `position`, forgetting those too far behind it to matter.
  @inline(never)
  private mutating func run(to position: Int64) {
    while position - end > 1 << 16 {
      generator.append(1 << 16, to: &units)
      forget(before: end - SequenceTrack.window)
    }
    extend(to: position)
  }

  mutating func forget(before position: Int64) {
    let excess = Int(min(position - origin, Int64(units.count)))
    guard excess > units.count / 2, excess > 1024 else { return }
    units.removeFirst(excess)
    origin += Int64(excess)
  }

  mutating func rest() {
    if units.isEmpty { return }
    origin = end
    units = Buffer()
  }

  mutating func generator(at position: Int64) -> any IdSequence {
    run(to: position)
    var result = generator
    result.rewind(Int(end - position))
    return result
  }

  mutating func id(at position: Int64, _ isTrace: Bool) -> (high: UInt64, low: UInt64) {
    let last = position &+ Int64(isTrace ? shape.unitsOfTrace : shape.unitsOfSpan)
    if position < origin { startAgain(at: position) }
    if last > end { run(to: last) }
    let at = Int(position &- origin)
    return isTrace ? shape.trace(units, at: at) : (0, shape.word(units, at: at))
  }

  /// Goes back to before `position`, which is before all units that are kept.
  @inline(never)
  private mutating func startAgain(at position: Int64) {
    generator.rewind(Int(end - position) + 64)
    units.removeAll()
    origin = position - 64
  }

  func find(_ draw: IdDraw, near from: Int64) -> Int64? {
    let at = Int(from - origin)
    // An id is told by its first unit nearly always.
    var first = draw.isTrace && shape.highFirst ? draw.high : draw.low
    let rest = UInt64(64 - shape.unitBits)
    first = shape.highFirst ? first >> rest : (first << rest) >> rest
    for i in at..<at + 24 where units[i] == first && gives(draw, i) { return origin + Int64(i) }
    for i in (max(0, at - 16)..<max(0, at)).reversed() where units[i] == first && gives(draw, i) {
      return origin + Int64(i)
    }
    return nil
  }

  /// Whether the id of `draw` is the one at `at` of the units.
  private func gives(_ draw: IdDraw, _ at: Int) -> Bool {
    if draw.isTrace {
      let trace = shape.trace(units, at: at)
      return trace.low == draw.low && trace.high == draw.high
    }
    return shape.word(units, at: at) == draw.low
  }

  func look(_ positions: Range<Int64>, _ scan: borrowing SequenceScan, _ hits: inout Buffer<SequenceScan.Hit>) {
    let first = Int(positions.lowerBound - origin)
    scan.look(units, first..<first + positions.count, origin: origin, shape: shape, &hits)
  }
}
