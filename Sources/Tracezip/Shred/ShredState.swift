import Bytes

/// What shredding needs at hand and leaves behind, whatever the front end.
struct ShredState: ~Copyable {
  var skeletons = Skeletons()
  var strings = StringTable()
  /// `string-table` off: every string leaf is a string of its own.
  var interns = true
  /// Which step of a JSON spine follows which.
  var jsonGuesses = JSONGuesses()

  @inline(__always)
  mutating func string(_ bytes: ByteView) -> UInt64 {
    UInt64(truncatingIfNeeded: interns ? strings.intern(bytes) : strings.append(bytes))
  }

  /// The id of a string at a node, which mostly is what it was the last time.
  @inline(__always)
  mutating func string(_ bytes: ByteView, at node: Int) -> UInt64 {
    let last = skeletons.nodes[node].lastString
    if last != .max, interns, strings.holds(Int(last), bytes) { return UInt64(last) }
    let id = string(bytes)
    skeletons.nodes[node].lastString = UInt32(truncatingIfNeeded: id)
    return id
  }
}
