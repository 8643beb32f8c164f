import Bytes

/// Where each key of a sample was seen last. A new round forgets everything without clearing anything. Two keys may
/// fall on one place, so that the older of them is forgotten: the sample then tells a little less.
struct Sightings: ~Copyable {
  private struct Entry: BitwiseCopyable {
    var key: UInt64 = 0
    var round: UInt32 = 0
    var place: UInt32 = 0
  }
  private static var size: Int { 1024 }
  private var entries = Buffer<Entry>(repeating: Entry(), count: size)
  private var round: UInt32 = 0

  mutating func begin() {
    round &+= 1
    if round > 0 { return }
    entries = Buffer<Entry>(repeating: Entry(), count: Self.size)
    round = 1
  }

  /// Where `key` was seen last in this round, if it was; it is seen at `place` now.
  @inline(__always)
  mutating func see(_ key: UInt64, at place: Int) -> Int? {
    let mixed = key &* 0x9E37_79B9_7F4A_7C15
    let slot = Int(truncatingIfNeeded: mixed >> 54)
    let entry = entries[slot]
    entries[slot] = Entry(key: key, round: round, place: UInt32(truncatingIfNeeded: place))
    return entry.round == round && entry.key == key ? Int(entry.place) : nil
  }
}
