import Bytes

/// Every distinct token of a segment, by number. The encoder also finds numbers by bytes.
struct TokenDictionary: ~Copyable {
  private struct Entry: BitwiseCopyable {
    var start: UInt32
    var length: UInt8
    var kind: UInt8
  }

  private var text = Buffer<UInt8>(capacity: 1 << 12)
  private var entries = Buffer<Entry>(capacity: 1 << 8)
  /// Where the token that is being added begins.
  private var opened = 0
  /// Open addressing: hashes above token numbers; 0 is free, since token 0 is the end of a string and has no bytes.
  private var table = Buffer<UInt64>(repeating: 0, count: 1 << 8)

  init() { entries.append(Entry(start: 0, length: 0, kind: 0)) }

  var size: Int { text.count }

  @inline(__always)
  func bytes(_ token: Int) -> ByteView {
    let entry = entries[token]
    return text[Int(entry.start)..<(Int(entry.start) &+ Int(entry.length))]
  }

  @inline(__always)
  func kind(_ token: Int) -> UInt8 { entries[token].kind }

  /// 0 for words and the end of a string, 1 for numbers, 2 for opaque tokens.
  @inline(__always)
  func tokenClass(_ token: Int) -> Int { Int(min(2, entries[token].kind)) }

  // MARK: adding

  mutating func add(_ byte: UInt8) { text.append(byte) }
  mutating func add(_ bytes: ByteView) { text.append(bytes) }
  mutating func add(_ uuid: UUIDText, _ letters: HexDigits) { uuid.append(to: &text, letters) }

  /// Adds the token whose bytes, at most 255, have been added since the last one.
  mutating func close(_ kind: TokenKind) -> Int {
    entries.append(
      Entry(
        start: UInt32(truncatingIfNeeded: opened), length: UInt8(truncatingIfNeeded: text.count &- opened),
        kind: kind.rawValue))
    opened = text.count
    return entries.count &- 1
  }

  // MARK: finding

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

  /// Asks for the memory in which `hash` will be looked up.
  @inline(__always)
  func prefetch(hash: UInt32) { table.prefetch(Int(hash) & (table.count &- 1)) }

  /// The token with these bytes, or -1.
  @inline(__always)
  func find(_ bytes: ByteView, hash: UInt32) -> Int {
    let mask = table.count &- 1
    var at = Int(hash) & mask
    while true {
      let entry = table[at]
      if entry == 0 { return -1 }
      if UInt32(truncatingIfNeeded: entry >> 32) == hash {
        let token = Int(entry & 0xFFFF_FFFF)
        if self.bytes(token) == bytes { return token }
      }
      at = (at &+ 1) & mask
    }
  }

  /// Where `token` ends in `text`, if it stands at `at` and no letter or digit goes on with it.
  @inline(__always)
  func end(of token: Int, in text: ByteView, at: Int) -> Int? {
    let bytes = bytes(token)
    if !text.has(bytes, at: at) { return nil }
    let end = at &+ bytes.count
    if end < text.count, ByteClass.of(text.unchecked(end)) != 0, ByteClass.of(text.unchecked(end &- 1)) != 0 {
      return nil
    }
    return end
  }

  /// Makes the newest token findable; only an encoder needs it.
  mutating func enter(hash: UInt32) {
    if entries.count &* 2 > table.count {
      var bigger = Buffer<UInt64>(repeating: 0, count: table.count &* (table.count < 1 << 20 ? 4 : 2))
      swap(&bigger, &table)
      for k in 0..<bigger.count where bigger[k] != 0 { place(bigger[k]) }
    }
    place(UInt64(hash) << 32 | UInt64(entries.count &- 1))
  }

  private mutating func place(_ entry: UInt64) {
    let mask = table.count &- 1
    var at = Int(truncatingIfNeeded: entry >> 32) & mask
    while table[at] != 0 { at = (at &+ 1) & mask }
    table[at] = entry
  }
}
