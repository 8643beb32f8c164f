import Bytes

/// A hash table from 64-bit keys to 32-bit numbers, open addressing with linear probing, at most half full. It is what
/// recovering generators spends its time in, so it has no reference counts and hashes by one multiplication, which is
/// enough: its keys are ids or generator states, random as they are, or pairs of small numbers.
struct FlatMap: ~Copyable {
  private var keys: Buffer<UInt64>
  private var values: Buffer<UInt32>
  private var shift: UInt64
  private(set) var count = 0

  /// What `find` returns for an absent key; it cannot be stored.
  static var absent: UInt32 { .max }

  init(expecting n: Int) {
    var bits = 4
    while 1 << bits < n * 2 { bits += 1 }
    keys = Buffer(repeating: 0, count: 1 << bits)
    values = Buffer(repeating: Self.absent, count: 1 << bits)
    shift = UInt64(64 - bits)
  }

  /// Empties the table, keeping its memory.
  mutating func clear(expecting n: Int) {
    var bits = 4
    while 1 << bits < n * 2 { bits += 1 }
    keys.removeAll()
    keys.append(repeating: 0, count: 1 << bits)
    values.removeAll()
    values.append(repeating: Self.absent, count: 1 << bits)
    shift = UInt64(64 - bits)
    count = 0
  }

  @inline(__always)
  private func slot(_ key: UInt64) -> Int {
    Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) &>> shift)
  }

  @inline(__always)
  func find(_ key: UInt64) -> UInt32 {
    var at = slot(key)
    while true {
      let value = values[at]
      if value == Self.absent || keys[at] == key { return value }
      at = (at &+ 1) & (keys.count &- 1)
    }
  }

  /// Sets the value of `key` and returns the one it had, or `absent`.
  @inline(__always) @discardableResult
  mutating func set(_ key: UInt64, _ value: UInt32) -> UInt32 {
    let at = place(of: key)
    let old = values[at]
    values[at] = value
    return old
  }

  /// Gives `key` the value if it has none; the one it had, or `absent`.
  @inline(__always)
  mutating func add(_ key: UInt64, _ value: UInt32) -> UInt32 {
    let at = place(of: key)
    let old = values[at]
    if old == Self.absent { values[at] = value }
    return old
  }

  /// Counts `key`: the number of times so far.
  @inline(__always)
  mutating func increment(_ key: UInt64) -> UInt32 {
    let at = place(of: key)
    values[at] = values[at] == Self.absent ? 1 : values[at] &+ 1
    return values[at]
  }

  /// Where the value of `key` is, or goes: it is `absent` there until it is written, which must be done.
  @inline(__always)
  private mutating func place(of key: UInt64) -> Int {
    if count &* 2 >= keys.count { grow() }
    var at = slot(key)
    while values[at] != Self.absent {
      if keys[at] == key { return at }
      at = (at &+ 1) & (keys.count &- 1)
    }
    keys[at] = key
    count &+= 1
    return at
  }

  private mutating func grow() {
    var bigger = FlatMap(expecting: keys.count)
    for at in 0..<keys.count where values[at] != Self.absent { bigger.set(keys[at], values[at]) }
    self = bigger
  }
}
