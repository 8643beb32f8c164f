import Bytes

/// Every distinct string leaf of a segment, once, in one arena; an id is the place in the order of first appearance.
struct StringTable: ~Copyable {
  struct Entry: BitwiseCopyable {
    var at: UInt32
    var count: UInt32
    var hash: UInt32
  }
  private(set) var arena = Buffer<UInt8>(capacity: 1 << 16)
  private(set) var entries = Buffer<Entry>(capacity: 1 << 12)
  /// Open addressing over entry ids + 1, above which, as far as there is room, stand the hash's upper bits: what differs
  /// there need not be looked up.
  private var slots = Buffer<UInt32>(repeating: 0, count: 1 << 13)

  var count: Int { entries.count }
  var bytes: Int { arena.count }

  @inline(__always)
  func view(_ id: Int) -> ByteView {
    let e = entries[id]
    return arena[Int(e.at)..<Int(e.at) + Int(e.count)]
  }

  @inline(__always)
  func holds(_ id: Int, _ bytes: ByteView) -> Bool {
    let e = entries[id]
    guard Int(e.count) == bytes.count else { return false }
    return arena[Int(e.at)..<Int(e.at) + Int(e.count)] == bytes
  }

  /// Whether `bytes` stand in the arena at `at`.
  @inline(__always)
  func has(_ bytes: ByteView, at: Int) -> Bool { arena.view.has(bytes, at: at) }

  /// Whether the `n` bytes of the arena at `at` stand in `bytes` at `place`, where they must fit.
  @inline(__always)
  func matches(_ at: Int, _ n: Int, _ bytes: ByteView, _ place: Int) -> Bool {
    arena.view.matches(at, n, bytes, place)
  }

  /// A fast mix of two words at a time, the last two overlapping the ones before, so that lengths make few branches (after
  /// wyhash, Wang Yi); only spreads, never leaves this process.
  @inline(__always)
  static func hash(_ bytes: ByteView) -> UInt32 {
    let n = bytes.count
    var h = UInt64(truncatingIfNeeded: n) &* 0x9E37_79B9_7F4A_7C15
    var a: UInt64 = 0
    var b: UInt64 = 0
    if n > 16 {
      var at = 0
      while n &- at > 16 {
        h = mix(bytes.load(UInt64.self, at: at) ^ 0xA076_1D64_78BD_642F, bytes.load(UInt64.self, at: at &+ 8) ^ h)
        at &+= 16
      }
      a = bytes.load(UInt64.self, at: n &- 16)
      b = bytes.load(UInt64.self, at: n &- 8)
    } else if n >= 8 {
      a = bytes.load(UInt64.self, at: 0)
      b = bytes.load(UInt64.self, at: n &- 8)
    } else if n >= 4 {
      a = UInt64(bytes.load(UInt32.self, at: 0))
      b = UInt64(bytes.load(UInt32.self, at: n &- 4))
    } else if n > 0 {
      a = UInt64(bytes.unchecked(0)) << 16 | UInt64(bytes.unchecked(n >> 1)) << 8 | UInt64(bytes.unchecked(n &- 1))
    }
    h = mix(a ^ 0xE703_7ED1_A0B4_28DB, b ^ h)
    return UInt32(truncatingIfNeeded: h ^ h >> 32)
  }

  /// Where one word is 0 the other still counts, or strings could be made up that all have one hash.
  @inline(__always)
  private static func mix(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let product = a.multipliedFullWidth(by: b)
    return (product.high ^ product.low) &+ a &+ (b << 32 | b >> 32)
  }

  /// The id of `bytes`, new or known.
  mutating func intern(_ bytes: ByteView) -> Int {
    let hash = StringTable.hash(bytes)
    let mask = slots.count &- 1
    var slot = Int(hash) & mask
    while true {
      let held = slots[slot]
      if held == 0 { break }
      if (held ^ hash) & ~UInt32(truncatingIfNeeded: mask) == 0 {
        let id = (Int(held) & mask) &- 1
        if entries[id].hash == hash, holds(id, bytes) { return id }
      }
      slot = (slot &+ 1) & mask
    }
    let id = append(bytes, hash: hash)
    slots[slot] = StringTable.held(id, hash, mask)
    if entries.count &* 2 > slots.count { rehash() }
    return id
  }

  /// Adds without looking for an equal: the decoder, or a table that is switched off.
  @discardableResult
  mutating func append(_ bytes: ByteView, hash: UInt32 = 0) -> Int {
    entries.append(Entry(at: UInt32(arena.count), count: UInt32(bytes.count), hash: hash))
    arena.append(bytes)
    return entries.count &- 1
  }

  /// Fewer than half of the slots are taken: numbers of entries fit where the mask is.
  @inline(__always)
  private static func held(_ id: Int, _ hash: UInt32, _ mask: Int) -> UInt32 {
    hash & ~UInt32(truncatingIfNeeded: mask) | UInt32(truncatingIfNeeded: id &+ 1)
  }

  private mutating func rehash() {
    var bigger = Buffer<UInt32>(repeating: 0, count: slots.count * 2)
    let mask = bigger.count - 1
    for id in 0..<entries.count {
      var slot = Int(entries[id].hash) & mask
      while bigger[slot] != 0 { slot = (slot &+ 1) & mask }
      bigger[slot] = StringTable.held(id, entries[id].hash, mask)
    }
    slots = bigger
  }
}
