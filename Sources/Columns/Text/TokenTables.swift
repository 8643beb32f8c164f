import Bytes

/// Every distinct token of a segment, by number. The encoder also finds numbers by bytes.
struct TokenDictionary: ~Copyable {
  private(set) var text = Buffer<UInt8>(capacity: 1 << 12)
  private var starts = Buffer<UInt32>(capacity: 1 << 10)
  private(set) var kinds = Buffer<UInt8>(capacity: 1 << 10)
  /// Open addressing over token numbers; 0 is free, since token 0 is the end of a string and has no bytes.
  private var table = Buffer<UInt32>(repeating: 0, count: 1 << 10)

  init() {
    starts.append(0)
    starts.append(0)
    kinds.append(0)
  }

  var count: Int { kinds.count }

  @inline(__always)
  func bytes(_ token: Int) -> ByteView { text[Int(starts[token])..<Int(starts[token &+ 1])] }

  @inline(__always)
  func kind(_ token: Int) -> UInt8 { kinds[token] }

  /// Adds the token whose bytes have been appended to `text` since the last one.
  mutating func close(_ kind: TokenKind) -> Int {
    starts.append(UInt32(truncatingIfNeeded: text.count))
    kinds.append(kind.rawValue)
    return kinds.count &- 1
  }

  mutating func add(_ byte: UInt8) { text.append(byte) }
  mutating func add(_ bytes: ByteView) { text.append(bytes) }
  /// Bytes of the token that is being added.
  var openBytes: Int { text.count &- Int(starts[starts.count &- 1]) }

  @inline(__always)
  static func hash(_ bytes: ByteView) -> UInt32 {
    var hash = UInt64(truncatingIfNeeded: bytes.count) &* 0x9E37_79B9_7F4A_7C15
    var at = 0
    while at &+ 8 <= bytes.count {
      hash = (hash ^ bytes.load(UInt64.self, at: at)) &* 0x9FB2_1C65_1E98_DF25
      hash ^= hash >> 32
      at &+= 8
    }
    if at &+ 4 <= bytes.count {
      hash = (hash ^ UInt64(bytes.load(UInt32.self, at: at))) &* 0x9FB2_1C65_1E98_DF25
      hash ^= hash >> 29
      at &+= 4
    }
    while at < bytes.count {
      hash = (hash ^ UInt64(bytes.unchecked(at))) &* 0x9FB2_1C65_1E98_DF25
      hash ^= hash >> 31
      at &+= 1
    }
    return UInt32(truncatingIfNeeded: hash ^ hash >> 32)
  }

  @inline(__always)
  func find(_ bytes: ByteView, hash: UInt32) -> Int? {
    let mask = table.count &- 1
    var at = Int(hash) & mask
    while true {
      let token = Int(table[at])
      if token == 0 { return nil }
      if self.bytes(token) == bytes { return token }
      at = (at &+ 1) & mask
    }
  }

  /// Makes the newest token findable; only an encoder needs it.
  mutating func enter(hash: UInt32) {
    if kinds.count &* 2 > table.count {
      table = Buffer<UInt32>(repeating: 0, count: table.count &* 4)
      for token in 1..<(kinds.count &- 1) { place(token, Self.hash(bytes(token))) }
    }
    place(kinds.count &- 1, hash)
  }

  private mutating func place(_ token: Int, _ hash: UInt32) {
    let mask = table.count &- 1
    var at = Int(hash) & mask
    while table[at] != 0 { at = (at &+ 1) & mask }
    table[at] = UInt32(truncatingIfNeeded: token)
  }
}

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
  private(set) var slots = Buffer<Followers>(repeating: Followers(), count: 1 << 10)
  private var filled = 0
  static let bound = 1 << 19

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
    let value = UInt32(truncatingIfNeeded: token &+ 1)
    if slot >= 0 {
      let old = slots[slot]
      let first = old.first & 0x0FFF_FFFF
      let sure = old.first >> 28
      if first == value {
        slots[slot].first = first | min(15, sure &+ 1) << 28
      } else if sure >= 4, old.second != value, first != 0 {
        // One surprise does not unseat what was right many times.
        slots[slot].first = first | (sure >> 1) << 28
        slots[slot].third = old.second
        slots[slot].second = value
      } else {
        if old.second != value { slots[slot].third = old.second }
        slots[slot].second = first
        slots[slot].first = value
      }
    } else {
      insert(Followers(check: hash, first: value))
    }
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
    var bigger = Buffer<Followers>(repeating: Followers(), count: old &* 2)
    swap(&bigger, &slots)
    filled = 0
    for k in 0..<old where bigger[k].first != 0 { insert(bigger[k]) }
  }
}
