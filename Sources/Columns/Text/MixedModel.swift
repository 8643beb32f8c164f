import Bytes

/// Text byte by byte under a `LetterMixer`: the densest and slowest way, for little text or for `best`.
///
/// Opaque tokens (UUIDs and the like) are lifted out, a mark standing for them, and go through a `TokenModel`, which
/// packs new ones and refers to earlier ones; their random digits would only cost time and spoil the contexts.
struct MixedModel: TextModel, ~Copyable {
  private var mixer: LetterMixer
  private var opaques = TokenModel()
  /// All symbols so far and where the last six with some hash ended.
  private var history = Buffer<UInt8>(capacity: 1 << 12)
  private var places = Buffer<UInt32>(repeating: 0, count: 1 << 18)
  private var matchAt = 0
  private var matchLength = 0
  private var before: UInt64 = 0
  private var word: UInt32 = 0
  private var lastWord: UInt32 = 0
  private var path: UInt32 = 0
  private var columnHash: UInt32 = 0

  private enum Mark {
    static let end: UInt8 = 0
    /// The next symbol is a byte that looks like a mark.
    static let literal: UInt8 = 0xFE
    static let opaque: UInt8 = 0xFF
  }

  /// The mixer's tables have `1 << tableBits` places per context: what suits the text of the first block.
  init(tableBits: Int) { mixer = LetterMixer(contexts: 8, tableBits: tableBits) }

  static func tableBits(textBytes: Int, effort: TextOptions.Effort) -> Int {
    min(max(Int.bitWidth - textBytes.leadingZeroBitCount + 3, effort == .best ? 18 : 17), 20)
  }

  var size: Int { history.count &+ opaques.size }

  mutating func codeColumn<C: BitCoder & ~Copyable>(_ column: Int, columns: Int, _ coder: inout C) -> Int {
    opaques.codeColumn(column, columns: columns, &coder)
  }

  func newIdentifier(_ text: ByteView) -> TokenKind? { opaques.newIdentifier(text) }

  mutating func codeIdentifier<C: BitCoder & ~Copyable>(
    _ kind: TokenKind, _ bytes: ByteView, column: Int, _ coder: inout C, into text: inout Buffer<UInt8>
  ) { opaques.codeIdentifier(kind, bytes, column: column, &coder, into: &text) }

  /// Begins a string, or goes on with it behind a part that was copied (`part` above 0).
  mutating func begin(column: Int, part: Int) {
    columnHash = mix(UInt32(truncatingIfNeeded: column &+ min(part, 1) &* 0x10_0000) &+ 1, 0x9E37_79B1)
    path = columnHash
    word = columnHash
    lastWord = 0
    before = before << 8 | UInt64(columnHash & 0xFF)
    if part > 0 { matchLength = 0 }
  }

  mutating func encode(_ text: ByteView, column: Int, ends: Bool, _ coder: inout RangeEncoder) {
    var at = 0
    while at < text.count {
      let (kind, end) = Tokenizer.next(text, at)
      if kind.isOpaque {
        _ = code(Mark.opaque, &coder)
        _ = codeOpaque(kind, text[at..<end], column, &coder)
      } else {
        for k in at..<end {
          let byte = text[k]
          if byte == Mark.end || byte >= Mark.literal { _ = code(Mark.literal, &coder) }
          _ = code(byte, &coder)
        }
      }
      at = end
    }
    if ends { _ = code(Mark.end, &coder) }
  }

  /// Appends to `text` up to the end of the string, or `length` bytes; false where the stream makes no sense or `text`
  /// would pass `limit`.
  mutating func decode(
    column: Int, length: Int?, limit: Int, _ coder: inout RangeDecoder, into text: inout Buffer<UInt8>
  ) -> Bool {
    let stop = text.count &+ (length ?? 0)
    let room = length == nil ? limit : min(limit, stop)
    while !coder.failed {
      if length != nil, text.count == stop { return true }
      var byte = code(0, &coder)
      if byte == Mark.end { return length == nil }
      if byte == Mark.opaque {
        let token = codeOpaque(.lowerUUID, .empty, column, &coder)
        let bytes = opaques.bytes(token)
        if bytes.count == 0 || bytes.count > room &- text.count { break }
        text.append(bytes)
        continue
      }
      if byte == Mark.literal { byte = code(0, &coder) }
      if text.count >= room { break }
      text.append(byte)
    }
    return false
  }

  private mutating func codeOpaque<C: BitCoder & ~Copyable>(
    _ kind: TokenKind, _ bytes: ByteView, _ column: Int, _ coder: inout C
  ) -> Int {
    let near = mix(UInt32(truncatingIfNeeded: before & 0xFFFF_FFFF), 0x85EB_CA6B)
    return opaques.codeOpaque(kind, bytes, column: column, place: path, near: near, &coder)
  }

  private mutating func code<C: BitCoder & ~Copyable>(_ symbol: UInt8, _ coder: inout C) -> UInt8 {
    for k in 0..<4 { mixer.set(k, newest: k &+ 1, of: before) }
    mixer.set(4, mix(word, 0x27D4_EB2F))
    mixer.set(5, newest: 6, of: before)
    mixer.set(6, mix(word ^ lastWord, 0xC2B2_AE35))
    mixer.set(7, path)
    let expected = matchLength > 0 ? history[matchAt] : 0
    let coded = mixer.code(symbol, expected: expected, length: matchLength, &coder)
    if matchLength > 0 {
      matchLength = coded == expected ? min(matchLength &+ 1, 1 << 16) : 0
      matchAt &+= 1
    }
    history.append(coded)
    before = before << 8 | UInt64(coded)
    path = mix(path ^ UInt32(coded), 0x9E37_79B1)
    if ByteClass.of(coded) != 0 {
      word = mix(word ^ UInt32(coded), 0x85EB_CA6B)
    } else if word != 0 {
      lastWord = word
      word = 0
    }
    let hash = (before & 0xFFFF_FFFF_FFFF) &* 0x9FB2_1C65_1E98_DF25
    let place = Int(hash >> 40) & (places.count &- 1)
    if matchLength == 0 {
      let at = Int(places[place])
      if at > 0, at < history.count {
        var length = 0
        while length < 32, length < at, history[at &- 1 &- length] == history[history.count &- 1 &- length] {
          length &+= 1
        }
        if length >= 4 {
          matchAt = at
          matchLength = length
        }
      }
    }
    places[place] = UInt32(truncatingIfNeeded: history.count)
    return coded
  }
}
