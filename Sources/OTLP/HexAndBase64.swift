import Bytes

/// Which letters a hex text uses: enough, with the bytes, to write it again exactly.
public enum HexLetters: UInt8, Sendable {
  /// Digits only: either case writes it again.
  case none
  case lower
  case upper
}

/// Eight hex digits in a word, the first one lowest, handled all at once.
@usableFromInline
enum HexWord {
  /// The high bit of every byte that is at least `low` and below `end`; bytes are below 128.
  @inlinable @inline(__always)
  static func within(_ word: UInt64, _ low: UInt8, _ end: UInt8) -> UInt64 {
    // With its high bit set no byte borrows from its neighbour.
    let lifted = word | Lanes.highs
    return (lifted &- Lanes.all(low)) & ~(lifted &- Lanes.all(end)) & Lanes.highs
  }

  @inlinable @inline(__always)
  static func lower(_ word: UInt64) -> UInt64 { within(word, UInt8(ascii: "a"), UInt8(ascii: "g")) }

  @inlinable @inline(__always)
  static func upper(_ word: UInt64) -> UInt64 { within(word, UInt8(ascii: "A"), UInt8(ascii: "G")) }

  @inlinable @inline(__always)
  static func isHex(_ word: UInt64) -> Bool {
    let digits = within(word, UInt8(ascii: "0"), UInt8(ascii: "9") + 1)
    return word & Lanes.highs == 0 && digits | lower(word) | upper(word) == Lanes.highs
  }

  /// The four bytes that eight hex digits write.
  @inlinable @inline(__always)
  static func bytes(_ word: UInt64) -> UInt64 {
    let nibbles = (word & Lanes.all(0x0F)) &+ (word >> 6 & Lanes.ones) &* 9
    var pairs = (nibbles << 4 | nibbles >> 8) & 0x00FF_00FF_00FF_00FF
    pairs = (pairs | pairs >> 8) & 0x0000_FFFF_0000_FFFF
    return (pairs | pairs >> 16) & 0xFFFF_FFFF
  }

  /// The eight hex digits of four bytes.
  @inlinable @inline(__always)
  static func digits(_ bytes: UInt64, upper: Bool) -> UInt64 {
    var spread = (bytes | bytes << 16) & 0x0000_FFFF_0000_FFFF
    spread = (spread | spread << 8) & 0x00FF_00FF_00FF_00FF
    let nibbles = (spread >> 4 | spread << 8) & Lanes.all(0x0F)
    let letters = (nibbles &+ Lanes.all(6)) >> 4 & Lanes.ones
    return nibbles &+ Lanes.all(UInt8(ascii: "0")) &+ letters &* (upper ? 7 : 39)
  }
}

extension ByteView {
  /// Decodes the 16 hex digits at `offset` into eight bytes, the first one lowest in `value` (as a little-endian load of
  /// the id would give them); nil where a byte is no hex digit, where the cases are mixed, or past the end.
  @inlinable
  public func hex8(at offset: Int) -> (value: UInt64, letters: HexLetters)? {
    guard offset >= 0, offset &+ 16 <= count else { return nil }
    // Both loads lie inside the sixteen bytes just checked.
    let first = unsafe UInt64(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    let second = unsafe UInt64(littleEndian: base.loadUnaligned(fromByteOffset: offset &+ 8, as: UInt64.self))
    let lower = HexWord.lower(first) | HexWord.lower(second)
    let upper = HexWord.upper(first) | HexWord.upper(second)
    guard HexWord.isHex(first), HexWord.isHex(second), lower == 0 || upper == 0 else { return nil }
    return (HexWord.bytes(first) | HexWord.bytes(second) << 32, lower != 0 ? .lower : upper != 0 ? .upper : .none)
  }

  /// As `hex8`, for digits that `HexLetters.lower` writes and no others: what they are decoded to must write them again.
  @inlinable @inline(__always)
  public func lowerHex8(at offset: Int) -> UInt64? {
    guard offset >= 0, offset &+ 16 <= count else { return nil }
    let first = unsafe UInt64(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    let second = unsafe UInt64(littleEndian: base.loadUnaligned(fromByteOffset: offset &+ 8, as: UInt64.self))
    let (low, high) = (HexWord.bytes(first), HexWord.bytes(second))
    guard HexWord.digits(low, upper: false) == first, HexWord.digits(high, upper: false) == second else { return nil }
    return low | high << 32
  }

  /// Decodes 32 hex digits into two words as `hex8` does.
  @inlinable
  public func hex16(at offset: Int) -> (first: UInt64, second: UInt64, letters: HexLetters)? {
    guard let a = hex8(at: offset), let b = hex8(at: offset &+ 16) else { return nil }
    if a.letters == .none || a.letters == b.letters { return (a.value, b.value, b.letters) }
    return b.letters == .none ? (a.value, b.value, a.letters) : nil
  }

  /// Appends the bytes this text writes in hex, of any even length; nil, and nothing appended, where it is not hex in
  /// one case.
  public func hexDecode(into out: inout Buffer<UInt8>) -> HexLetters? {
    guard count & 1 == 0 else { return nil }
    let mark = out.count
    var letters = HexLetters.none
    for i in stride(from: 0, to: count, by: 2) {
      var byte: UInt8 = 0
      for j in i..<i + 2 {
        let c = self[j]
        var own = HexLetters.none
        switch c {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte = byte << 4 | (c &- UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"):
          byte = byte << 4 | (c &- UInt8(ascii: "a") &+ 10)
          own = .lower
        case UInt8(ascii: "A")...UInt8(ascii: "F"):
          byte = byte << 4 | (c &- UInt8(ascii: "A") &+ 10)
          own = .upper
        default:
          out.truncate(to: mark)
          return nil
        }
        if own != .none {
          guard letters == .none || letters == own else {
            out.truncate(to: mark)
            return nil
          }
          letters = own
        }
      }
      out.append(byte)
    }
    return letters
  }

  /// Appends the bytes this text writes in base64 (RFC 4648 section 4). Only the canonical form is read: standard
  /// alphabet, padded, unused bits zero, so that `append(base64:)` writes it again exactly. False, and nothing
  /// appended, otherwise.
  public func base64Decode(into out: inout Buffer<UInt8>) -> Bool {
    guard count & 3 == 0 else { return false }
    var data = self
    var padding = 0
    while padding < 2, data.count > 0, data[data.count - 1] == UInt8(ascii: "=") {
      data = data[0..<data.count - 1]
      padding += 1
    }
    return data.base64Groups(into: &out, urlSafe: false, strict: true)
  }

  /// As `base64Decode`, but reads what protobuf's JSON mapping tells parsers to accept: the URL-safe alphabet and
  /// missing padding too. For conversion, where the spelling need not come back.
  public func base64DecodeLeniently(into out: inout Buffer<UInt8>) -> Bool {
    var data = self
    while data.count > 0, data[data.count - 1] == UInt8(ascii: "=") { data = data[0..<data.count - 1] }
    return data.base64Groups(into: &out, urlSafe: true, strict: false)
  }

  private func base64Groups(into out: inout Buffer<UInt8>, urlSafe: Bool, strict: Bool) -> Bool {
    let mark = out.count
    var bits: UInt32 = 0
    var held: UInt32 = 0
    guard count & 3 != 1 else { return false }
    for i in 0..<count {
      guard let six = Self.sextet(self[i], urlSafe) else {
        out.truncate(to: mark)
        return false
      }
      bits = bits << 6 | six
      held += 6
      if held >= 8 {
        held -= 8
        out.append(UInt8(truncatingIfNeeded: bits >> held))
      }
    }
    if strict, bits & (1 << held - 1) != 0 {
      out.truncate(to: mark)
      return false
    }
    return true
  }

  private static func sextet(_ c: UInt8, _ urlSafe: Bool) -> UInt32? {
    switch c {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(c - UInt8(ascii: "A"))
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(c - UInt8(ascii: "a") + 26)
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(c - UInt8(ascii: "0") + 52)
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    case UInt8(ascii: "-") where urlSafe: 62
    case UInt8(ascii: "_") where urlSafe: 63
    default: nil
    }
  }
}

extension ByteRoom {
  /// The sixteen hex digits of eight bytes, the lowest byte of `value` first.
  @inlinable @inline(__always)
  public mutating func put(hex value: UInt64, letters: HexLetters) {
    put(integer: HexWord.digits(value & 0xFFFF_FFFF, upper: letters == .upper))
    put(integer: HexWord.digits(value >> 32, upper: letters == .upper))
  }
}

extension Buffer where Element == UInt8 {
  /// Appends the sixteen hex digits of eight bytes, the lowest byte of `value` first.
  @inlinable
  public mutating func append(hex value: UInt64, letters: HexLetters) {
    var room = self.room(16)
    room.put(hex: value, letters: letters)
    close(room)
  }

  public mutating func append(hex bytes: ByteView, letters: HexLetters) {
    let gap: UInt8 = letters == .upper ? 7 : 39
    for i in 0..<bytes.count * 2 {
      let nibble = i & 1 == 0 ? bytes[i >> 1] >> 4 : bytes[i >> 1] & 15
      append(nibble &+ UInt8(ascii: "0") &+ (nibble > 9 ? gap : 0))
    }
  }

  /// Appends `bytes` in base64, standard alphabet, padded.
  public mutating func append(base64 bytes: ByteView) {
    let alphabet = ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" as StaticString).view
    var at = 0
    while at < bytes.count {
      let n = min(3, bytes.count - at)
      var bits = UInt32(bytes[at]) << 16
      if n > 1 { bits |= UInt32(bytes[at + 1]) << 8 }
      if n > 2 { bits |= UInt32(bytes[at + 2]) }
      for k in 0..<4 {
        append(k <= n ? alphabet[Int(bits >> UInt32(18 - 6 * k) & 63)] : UInt8(ascii: "="))
      }
      at += n
    }
  }
}
