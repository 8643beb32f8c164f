import Bytes

/// The tokens that lately followed one context: the newest three, and how often the first of them was right.
struct Followers: BitwiseCopyable {
  var check: UInt32 = 0
  /// The confidence, 0 to 15, above 28 bits of token number plus one; 0 is nothing.
  var first: UInt32 = 0
  var second: UInt32 = 0
  var third: UInt32 = 0
}

/// Contexts and their followers: buckets of four under a 32-bit hash; grows with what it holds up to a bound, from where
/// on the least sure of a bucket gives way.
struct FollowerTable: ~Copyable {
  private var slots = Buffer<Followers>(repeating: Followers(), count: 1 << 8)
  private var filled = 0
  static let bound = 1 << 16

  /// The slot of `hash`, or -1.
  @inline(__always)
  func find(_ hash: UInt32) -> Int {
    let base = (Int(hash) & ((slots.count >> 2) &- 1)) &* 4
    for k in 0..<4 where slots[base &+ k].check == hash { return base &+ k }
    return -1
  }

  @inline(__always)
  subscript(_ slot: Int) -> Followers { slots[slot] }

  /// Notes that `token` followed the context `hash`.
  @inline(__always)
  mutating func note(_ token: Int, after hash: UInt32) {
    let slot = find(hash)
    if slot >= 0 { note(token, in: slot) } else { insert(token, after: hash) }
  }

  /// Notes that `token` followed the context of a slot.
  @inline(__always)
  mutating func note(_ token: Int, in slot: Int) {
    var entry = slots[slot]
    let value = UInt32(truncatingIfNeeded: token &+ 1)
    let first = entry.first & 0x0FFF_FFFF
    let sure = entry.first >> 28
    if first == value {
      entry.first = first | min(15, sure &+ 1) << 28
    } else if sure >= 4, entry.second != value, first != 0 {
      // One surprise does not unseat what was right many times.
      entry.first = first | (sure >> 1) << 28
      entry.third = entry.second
      entry.second = value
    } else {
      if entry.second != value { entry.third = entry.second }
      entry.second = first
      entry.first = value
    }
    slots[slot] = entry
  }

  /// Notes that `token` followed the context `hash`, which has no slot yet.
  mutating func insert(_ token: Int, after hash: UInt32) {
    insert(Followers(check: hash, first: UInt32(truncatingIfNeeded: token &+ 1)))
  }

  private mutating func insert(_ entry: Followers) {
    if filled &* 2 > slots.count, slots.count < Self.bound { grow() }
    let base = (Int(entry.check) & ((slots.count >> 2) &- 1)) &* 4
    var weakest = base
    for k in base..<(base &+ 4) {
      if slots[k].first == 0 {
        filled &+= 1
        slots[k] = entry
        return
      }
      if slots[k].first >> 28 < slots[weakest].first >> 28 { weakest = k }
    }
    // Ageing, so that what was once sure does not stay for ever.
    for k in base..<(base &+ 4) where slots[k].first >> 28 != 0 { slots[k].first &-= 1 << 28 }
    slots[weakest] = entry
  }

  private mutating func grow() {
    let old = slots.count
    var bigger = Buffer<Followers>(repeating: Followers(), count: old &* 4)
    swap(&bigger, &slots)
    filled = 0
    for k in 0..<old where bigger[k].first != 0 { insert(bigger[k]) }
  }
}
