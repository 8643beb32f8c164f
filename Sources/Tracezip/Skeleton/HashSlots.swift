import Bytes

/// Open addressing from a hash to small numbers that name something elsewhere: four bytes a place, for large tables
/// that are looked into at random. Whoever asks compares what is found.
struct HashSlots: ~Copyable {
  /// Number + 1, 0 for a free place.
  private var slots = Buffer<UInt32>(repeating: 0, count: 256)
  private(set) var count = 0

  @inline(__always)
  private static func mix(_ hash: UInt64) -> Int {
    let m = hash &* 0x9E37_79B9_7F4A_7C15
    return Int(truncatingIfNeeded: m ^ m >> 32)
  }

  /// Asks for the memory in which `hash` will be looked up.
  @inline(__always)
  func prefetch(_ hash: UInt64) { slots.prefetch(HashSlots.mix(hash) & (slots.count &- 1)) }

  /// The first number under `hash` that `isWanted`.
  @inline(__always)
  func find(_ hash: UInt64, where isWanted: (Int) -> Bool) -> Int? {
    let mask = slots.count &- 1
    var slot = HashSlots.mix(hash) & mask
    while true {
      let held = Int(slots[slot])
      if held == 0 { return nil }
      if isWanted(held &- 1) { return held &- 1 }
      slot = (slot &+ 1) & mask
    }
  }

  /// Adds `number`; `hashes` gives the hash of every number so far when the table grows.
  @inline(__always)
  mutating func insert(_ number: Int, _ hash: UInt64, hashes: (Int) -> UInt64) {
    if (count &+ 1) &* 2 > slots.count { grow(hashes) }
    put(number, hash)
    count &+= 1
  }

  @inline(__always)
  private mutating func put(_ number: Int, _ hash: UInt64) {
    let mask = slots.count &- 1
    var slot = HashSlots.mix(hash) & mask
    while slots[slot] != 0 { slot = (slot &+ 1) & mask }
    slots[slot] = UInt32(truncatingIfNeeded: number &+ 1)
  }

  @inline(never)
  private mutating func grow(_ hashes: (Int) -> UInt64) {
    var old = Buffer<UInt32>(repeating: 0, count: slots.count * 4)
    swap(&old, &slots)
    for i in 0..<old.count where old[i] != 0 { put(Int(old[i]) &- 1, hashes(Int(old[i]) &- 1)) }
  }

  /// Forgets everything, keeps the memory.
  mutating func removeAll() {
    if count == 0 { return }
    slots.clear()
    count = 0
  }
}
