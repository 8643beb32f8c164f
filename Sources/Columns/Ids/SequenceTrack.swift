import Bytes

/// A generator and all units it has given so far.
final class SequenceTrack {
  private var generator: any IdSequence
  private(set) var units = Buffer<UInt64>()
  private let shape: IdShape
  private let unitsOfSpan: Int

  init(_ generator: any IdSequence) {
    self.generator = generator
    shape = type(of: generator).shape
    unitsOfSpan = shape.unitsOfSpan
  }

  /// Makes units up to `end` at a cost of one each. False if `budget` does not allow it.
  private func reach(_ end: Int, _ budget: inout Int) -> Bool {
    let missing = end - units.count
    if missing <= 0 { return true }
    // Somewhat more than is asked for, so that the generator is not called for each id.
    let count = max(missing, min(units.count, 4096), 64)
    guard count <= budget, end < 1 << 28 else { return false }
    budget -= count
    generator.append(count, to: &units)
    return true
  }

  /// The id at `position`, or nil where it is out of reach.
  func id(at position: Int64, isTrace: Bool, _ budget: inout Int) -> (high: UInt64, low: UInt64)? {
    guard position >= 0, position < 1 << 28 else { return nil }
    let at = Int(position)
    guard reach(at + (isTrace ? 2 * unitsOfSpan : unitsOfSpan), &budget) else { return nil }
    return isTrace ? shape.trace(units, at: at) : (0, shape.word(units, at: at))
  }
}
