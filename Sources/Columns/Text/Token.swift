import Bytes

/// What a stretch of text is, seen by its bytes alone.
enum TokenKind: UInt8 {
  /// Letters with the punctuation around them, or anything else: spelled byte by byte when new.
  case word = 0
  /// Up to 18 decimal digits, leading zeros counted.
  case number = 1
  /// 8-4-4-4-12 hexadecimal digits, letters all lower case.
  case lowerUUID = 2
  case upperUUID = 3
  /// Eight or more hexadecimal digits, lower case letters, with both letters and digits.
  case lowerHex = 4
  case upperHex = 5
  /// Twelve or more letters and digits that are too mixed to be words.
  case alphanumeric = 6
  /// Twenty or more of letters, digits, `-` and `_`, as mixed as random ones are (base64 for URLs, RFC 4648).
  case urlSafe = 7

  /// Whether the bytes are taken to be random: packed when new, never modelled.
  var isOpaque: Bool { rawValue >= 2 }
}

/// Cuts text into tokens. Any cut is correct, since tokens are joined again; a good cut makes words that return.
enum Tokenizer {
  static let maximumLength = 64

  /// The token that starts at `start`, which lies inside `text`.
  @inline(__always)
  static func next(_ text: ByteView, _ start: Int) -> (kind: TokenKind, end: Int) {
    let limit = min(text.count, start &+ maximumLength)
    let first = ByteClass.of(text.unchecked(start))
    if text.unchecked(start) >= 0xE0 {
      // Scripts that do not part words: a character is a token.
      var at = start &+ 1
      while at < min(limit, start &+ 4), text.unchecked(at) & 0xC0 == 0x80 { at &+= 1 }
      return (.word, at)
    }
    if first & (ByteClass.digit | ByteClass.letter) != 0 {
      // A run of letters and digits: what kinds of both it has decides.
      var at = start &+ 1
      var seen = first
      while at < limit {
        let next = ByteClass.of(text.unchecked(at))
        if next & (ByteClass.digit | ByteClass.letter) == 0 || text.unchecked(at) >= 0xE0 { break }
        seen |= next
        at &+= 1
      }
      let length = at &- start
      if length == 8, let kind = uuid(text, start) { return (kind, start &+ UUIDText.length) }
      // Past a `-` or `_`: only random characters are taken together with it.
      if at < limit, text.unchecked(at) == 0x2D || text.unchecked(at) == 0x5F, seen & ByteClass.wide == 0,
        length > 8 || seen & (seen &- 1) != 0, let end = urlSafe(text, start, limit)
      {
        return (.urlSafe, end)
      }
      if seen & ByteClass.letter == 0 {
        return (.number, min(at, start &+ 18))
      }
      if seen & ByteClass.digit != 0 {
        // Addresses ("0x7f…") share their first digits: better spelled.
        if length >= 8, text.unchecked(start &+ 1) != 0x78 {
          if seen & (ByteClass.otherLetter | ByteClass.wide | ByteClass.upperHex) == 0 { return (.lowerHex, at) }
          if seen & (ByteClass.otherLetter | ByteClass.wide | ByteClass.lowerHex) == 0 { return (.upperHex, at) }
          let upper = seen & ByteClass.upperHex != 0
          if length >= 12, seen & ByteClass.wide == 0, upper && seen & ByteClass.lowerHex != 0 || length >= 20 {
            return (.alphanumeric, at)
          }
        }
        return (.word, at)
      }
      return (.word, marks(text, at, min(limit, at &+ 1)))
    }
    var at = marks(text, start, limit)
    var letters = at
    while letters < limit, ByteClass.of(text.unchecked(letters)) & ByteClass.letter != 0,
      text.unchecked(letters) < 0xE0
    { letters &+= 1 }
    if letters < text.count, ByteClass.of(text.unchecked(letters)) & ByteClass.digit != 0 {
      // Letters that run on into digits belong to the next token.
      return (.word, at)
    }
    if letters > at { at = marks(text, letters, min(limit, letters &+ 1)) }
    return (.word, at)
  }

  /// Past the punctuation at `start`: at most eight bytes of it. Behind letters callers allow one: `session=` is a token,
  /// but the many ways of closing a JSON string shall not each make a new word of it.
  @inline(__always)
  private static func marks(_ text: ByteView, _ start: Int, _ limit: Int) -> Int {
    var at = start
    let stop = min(limit, start &+ 8)
    while at < stop, ByteClass.of(text.unchecked(at)) & (ByteClass.digit | ByteClass.letter) == 0 {
      if text.unchecked(at) == 0x25, at &+ 3 <= limit, isHex(text.unchecked(at &+ 1)), isHex(text.unchecked(at &+ 2)) {
        // A character of a URL, percent-encoded.
        at &+= 3
      } else {
        at &+= 1
      }
    }
    return at
  }

  @inline(__always)
  private static func isHex(_ byte: UInt8) -> Bool {
    ByteClass.of(byte) & (ByteClass.digit | ByteClass.lowerHex | ByteClass.upperHex) != 0
  }

  /// The end of a run at `start` that looks like random bytes in base64 for URLs: two out of five neighbours are of
  /// different classes (lower case, upper case, digits, the two marks), where words have few such borders.
  private static func urlSafe(_ text: ByteView, _ start: Int, _ limit: Int) -> Int? {
    var at = start
    var borders = 0
    var seen = 0
    var last = -1
    while at < limit {
      let byte = text.unchecked(at)
      let kind: Int
      if byte &- 0x30 < 10 {
        kind = 1
      } else if byte &- 0x61 < 26 {
        kind = 2
      } else if byte &- 0x41 < 26 {
        kind = 4
      } else if byte == 0x2D || byte == 0x5F {
        kind = 8
      } else {
        break
      }
      if kind != last { borders &+= 1 }
      last = kind
      seen |= kind
      at &+= 1
    }
    return at &- start >= 20 && seen & 7 == 7 && borders &* 5 >= (at &- start) &* 2 ? at : nil
  }

  /// A UUID at `start`; one without letters is a lower one.
  private static func uuid(_ text: ByteView, _ start: Int) -> TokenKind? {
    guard start &+ UUIDText.length <= text.count, text.unchecked(start &+ 8) == 0x2D else { return nil }
    if UUIDText(text, start, .lower) != nil { return .lowerUUID }
    return UUIDText(text, start, .upper) != nil ? .upperUUID : nil
  }
}

enum ByteClass {
  static let digit: UInt8 = 1
  static let lowerHex: UInt8 = 2
  static let upperHex: UInt8 = 4
  static let otherLetter: UInt8 = 8
  /// Bytes of UTF-8 sequences count as letters.
  static let wide: UInt8 = 16
  static let letter: UInt8 = 30

  @inline(__always)
  static func of(_ byte: UInt8) -> UInt8 {
    if byte &- 0x30 < 10 { return digit }
    let folded = byte | 0x20
    if folded &- 0x61 < 26 {
      if folded &- 0x61 < 6 { return byte == folded ? lowerHex : upperHex }
      return otherLetter
    }
    return byte >= 0x80 ? wide : 0
  }
}
