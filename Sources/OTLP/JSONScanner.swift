import Bytes

/// A piece of JSON text found by `JSONScanner`.
@frozen
public struct JSONToken: BitwiseCopyable, Sendable {
  @frozen
  public enum Kind: UInt8, Sendable {
    case objectStart
    case objectEnd
    case arrayStart
    case arrayEnd
    /// A member's name; its colon has been read too.
    case key
    case string
    case number
    case `true`
    case `false`
    case null
    /// One whole value has been read.
    case end
    /// The bytes end inside the value. With more bytes the same call may succeed: nothing was consumed.
    case cutOff
    /// Not JSON from `start` on.
    case malformed
    /// More containers inside each other than `JSONScanner.maximumDepth`.
    case tooDeep
  }

  public let kind: Kind
  /// A number that `canonicalUnsigned` or `canonicalSigned` may read, a string or key without backslashes.
  public let isPlain: Bool
  /// First byte of the token; of the content where it is quoted, so that the quote is the byte before.
  public let start: Int
  /// End of the token; of the content where it is quoted, so that the quote is the byte at `end`.
  public let end: Int

  @inlinable @inline(__always)
  init(_ kind: Kind, _ start: Int, _ end: Int, plain: Bool = true) {
    self.kind = kind
    self.start = start
    self.end = end
    isPlain = plain
  }

  public var range: Range<Int> { start..<end }
}

/// Splits JSON text into tokens, checking the grammar of RFC 8259 between them but not the content of strings.
///
/// Nothing is allocated and nothing recurses: which containers are open is one bit per level. Text between two tokens
/// (punctuation, white space) is whatever lies between their offsets, so a caller that copies tokens and gaps copies
/// every byte. The scanner holds offsets only and is handed the bytes with each call, so that a window may move under
/// it (`rebase`).
@frozen
public struct JSONScanner: Sendable {
  @usableFromInline
  enum Expecting: UInt8, Sendable {
    case value
    case valueOrEnd
    case key
    case keyOrEnd
    case commaOrEnd
    case nothing
  }

  /// Containers inside containers; what is deeper is kept verbatim by the caller.
  @inlinable public static var maximumDepth: Int { 512 }

  /// Where the next token is looked for.
  public private(set) var position: Int
  /// Open containers.
  public private(set) var depth: Int = 0
  @usableFromInline var expecting: Expecting = .value
  /// Bit `n` is set where the container at depth `n` is an object.
  @usableFromInline var objects = SIMD8<UInt64>(repeating: 0)

  public init(at position: Int = 0) {
    precondition(position >= 0)
    self.position = position
  }

  /// Tells the scanner that the first `n` bytes of the window are gone.
  public mutating func rebase(by n: Int) {
    precondition(n >= 0 && n <= position)
    position -= n
  }

  private var isInObject: Bool { objects[depth >> 6] >> UInt64(depth & 63) & 1 != 0 }

  private mutating func push(object: Bool) -> Bool {
    guard depth < Self.maximumDepth - 1 else { return false }
    depth += 1
    let bit: UInt64 = 1 << UInt64(depth & 63)
    if object { objects[depth >> 6] |= bit } else { objects[depth >> 6] &= ~bit }
    return true
  }

  private mutating func afterValue() { expecting = depth == 0 ? .nothing : .commaOrEnd }

  /// The next token of `bytes`. After `end`, `cutOff`, `malformed` and `tooDeep` the scanner stays where it is.
  public mutating func next(in bytes: ByteView) -> JSONToken {
    if expecting == .nothing { return JSONToken(.end, position, position) }
    var at = bytes.skippingSpace(from: position)
    guard at < bytes.count else { return JSONToken(.cutOff, position, at) }
    var wanted = expecting
    if wanted == .commaOrEnd {
      let byte = bytes.unchecked(at)
      if byte == UInt8(ascii: ",") {
        wanted = isInObject ? .key : .value
        at = bytes.skippingSpace(from: at &+ 1)
        guard at < bytes.count else { return JSONToken(.cutOff, position, at) }
      } else {
        return close(byte, at)
      }
    }
    let byte = bytes.unchecked(at)
    switch wanted {
    case .key, .keyOrEnd:
      if byte == UInt8(ascii: "\"") { return key(bytes, at) }
      return wanted == .keyOrEnd ? close(byte, at) : JSONToken(.malformed, at, at)
    case .valueOrEnd where byte == UInt8(ascii: "]"):
      return close(byte, at)
    default:
      return value(bytes, at)
    }
  }

  private mutating func close(_ byte: UInt8, _ at: Int) -> JSONToken {
    let inObject = isInObject
    guard byte == (inObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else { return JSONToken(.malformed, at, at) }
    depth -= 1
    position = at + 1
    afterValue()
    return JSONToken(inObject ? .objectEnd : .arrayEnd, at, at + 1)
  }

  private mutating func key(_ bytes: ByteView, _ quote: Int) -> JSONToken {
    guard let end = bytes.jsonString(from: quote + 1) else { return JSONToken(.cutOff, quote, bytes.count) }
    let colon = bytes.skippingSpace(from: end.quote + 1)
    guard colon < bytes.count else { return JSONToken(.cutOff, quote, colon) }
    guard bytes.unchecked(colon) == UInt8(ascii: ":") else { return JSONToken(.malformed, colon, colon) }
    position = colon + 1
    expecting = .value
    return JSONToken(.key, quote + 1, end.quote, plain: !end.hasEscapes)
  }

  private mutating func value(_ bytes: ByteView, _ at: Int) -> JSONToken {
    switch bytes.unchecked(at) {
    case UInt8(ascii: "\""):
      guard let end = bytes.jsonString(from: at + 1) else { return JSONToken(.cutOff, at, bytes.count) }
      position = end.quote + 1
      afterValue()
      return JSONToken(.string, at + 1, end.quote, plain: !end.hasEscapes)
    case UInt8(ascii: "{"):
      guard push(object: true) else { return JSONToken(.tooDeep, at, at) }
      position = at + 1
      expecting = .keyOrEnd
      return JSONToken(.objectStart, at, at + 1)
    case UInt8(ascii: "["):
      guard push(object: false) else { return JSONToken(.tooDeep, at, at) }
      position = at + 1
      expecting = .valueOrEnd
      return JSONToken(.arrayStart, at, at + 1)
    case UInt8(ascii: "t"): return literal("true", .true, bytes, at)
    case UInt8(ascii: "f"): return literal("false", .false, bytes, at)
    case UInt8(ascii: "n"): return literal("null", .null, bytes, at)
    default: return number(bytes, at)
    }
  }

  private mutating func literal(_ text: StaticString, _ kind: JSONToken.Kind, _ bytes: ByteView, _ at: Int) -> JSONToken
  {
    let here = bytes[at..<min(bytes.count, at + text.utf8CodeUnitCount)]
    guard text.view.has(here, at: 0) else { return JSONToken(.malformed, at, at) }
    guard here.count == text.utf8CodeUnitCount else { return JSONToken(.cutOff, at, bytes.count) }
    position = at + here.count
    afterValue()
    return JSONToken(kind, at, position)
  }

  /// Inside a container something always follows a number, so one that touches the end of the bytes is cut off.
  private mutating func number(_ bytes: ByteView, _ at: Int) -> JSONToken {
    guard let (end, isInteger) = bytes.jsonNumber(from: at) else {
      let tail = bytes[at..<min(bytes.count, at + 32)]
      let mayGoOn = at + tail.count == bytes.count && Self.mayBeNumberPrefix(tail)
      return JSONToken(mayGoOn ? .cutOff : .malformed, at, at)
    }
    if end == bytes.count, depth > 0 { return JSONToken(.cutOff, at, end) }
    position = end
    afterValue()
    return JSONToken(.number, at, end, plain: isInteger)
  }

  private static func mayBeNumberPrefix(_ text: ByteView) -> Bool {
    for i in 0..<text.count {
      switch text[i] {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "e"), UInt8(ascii: "E"):
        continue
      default: return "NaN".hasPrefix(text.string) || "Infinity".hasPrefix(text.dropFirst(i).string)
      }
    }
    return true
  }
}
