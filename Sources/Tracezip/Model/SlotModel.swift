import Bytes
import Columns

/// The coder's memory of one slot (a word of a template's rows).
struct Slot: BitwiseCopyable {
  /// Last value of the block before, the guess for a constant.
  var last: UInt64 = 0
  var seen: UInt32 = 0
  /// Values after which the encoder weighs the context anew.
  var nextReview: UInt32 = 0
  var context: UInt8 = 0
  var other: UInt8 = 0
  /// Whether traces learn its values for the column's other slots, although its own context is another.
  var teaches = false
  var numeric: UInt8 = 0
  var alphabet: Int32 = -1
  /// How often the alphabet knew a value, and how often it did not.
  var hits: UInt32 = 0
  var misses: UInt32 = 0
  var shape: UInt32 = 0
  var number: UInt32 = 0
  var decimal: Int32 = -1

  /// The alphabet did not know a value; whether it is to learn it. A slot of values that never come back does not fill
  /// its alphabet with them.
  @inline(__always)
  mutating func missed() -> Bool {
    misses &+= 1
    return misses < 512 || hits > misses >> 5
  }

  mutating func coded(_ n: Int, last: UInt64) {
    seen &+= UInt32(truncatingIfNeeded: n)
    self.last = last
  }
}

/// How a slot's varying values are coded.
enum SlotShape {
  static let same = 0
  static let constant = 1
  static let symbols = 2
  static let numbers = 3
}

/// What a symbol's context is.
enum SlotContext {
  static let none = 0
  static let previous = 1
  static let other = 2
  static let trace = 3
  static let scope = 4
}

/// How numbers are predicted.
enum SlotNumber {
  static let plain = 0
  static let delta = 1
  static let raw = 2
  static let decimal = 3
}
