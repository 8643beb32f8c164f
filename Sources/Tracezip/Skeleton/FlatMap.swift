import Bytes

/// Open addressing from a 64-bit key to an index. Keys are mostly hashes of something wider: compare what is found.
struct FlatMap: ~Copyable {
  private struct Entry: BitwiseCopyable {
    var key: UInt64
    /// -1: free.
    var value: Int
  }
  private var entries = Buffer<Entry>(repeating: Entry(key: 0, value: -1), count: 64)
  private(set) var count = 0

  @inline(__always)
  private static func mix(_ key: UInt64) -> Int {
    let m = key &* 0x9E37_79B9_7F4A_7C15
    return Int(truncatingIfNeeded: m ^ m >> 32)
  }

  subscript(key: UInt64) -> Int? {
    @inline(__always) get {
      let mask = entries.count &- 1
      var slot = FlatMap.mix(key) & mask
      while true {
        let entry = entries[slot]
        if entry.value < 0 { return nil }
        if entry.key == key { return entry.value }
        slot = (slot &+ 1) & mask
      }
    }
    @inline(__always) set {
      guard let newValue else { return }
      let mask = entries.count &- 1
      var slot = FlatMap.mix(key) & mask
      while entries[slot].value >= 0 {
        if entries[slot].key == key {
          entries[slot].value = newValue
          return
        }
        slot = (slot &+ 1) & mask
      }
      entries[slot] = Entry(key: key, value: newValue)
      count &+= 1
      if count &* 2 > entries.count { grow() }
    }
  }

  /// Forgets everything; a map grown large gives its memory back.
  mutating func removeAll() {
    if count == 0 { return }
    entries = Buffer<Entry>(repeating: Entry(key: 0, value: -1), count: min(entries.count, 1024))
    count = 0
  }

  @inline(never)
  private mutating func grow() {
    var bigger = Buffer<Entry>(repeating: Entry(key: 0, value: -1), count: entries.count * 4)
    let mask = bigger.count - 1
    for i in 0..<entries.count where entries[i].value >= 0 {
      var slot = FlatMap.mix(entries[i].key) & mask
      while bigger[slot].value >= 0 { slot = (slot &+ 1) & mask }
      bigger[slot] = entries[i]
    }
    entries = bigger
  }
}
