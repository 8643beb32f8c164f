import Bytes

/// Text byte by byte under a `LetterMixer`: the densest and slowest way, for little text or for `best`.
///
/// Opaque tokens (UUIDs and the like) are lifted out, a mark standing for them, and go through a `TokenModel`, which
/// packs new ones and refers to earlier ones; their random digits would only cost time and spoil the contexts.
struct MixedModel: TextModel, ~Copyable {
  private var mixer: LetterMixer
  private var match = MatchMixer()
  private var opaques = TokenModel()
  private var history: LetterHistory
  private var word: UInt32 = 0
  private var path: UInt32 = 0
  private var columnHash: UInt32 = 0

  private enum Mark {
    static let end: UInt8 = 0
    /// The next symbol is a byte that looks like a mark.
    static let literal: UInt8 = 0xFE
    static let opaque: UInt8 = 0xFF
  }

  /// The mixer's tables have `1 << tableBits` places per context: what suits the text of the first block.
  init(tableBits: Int) {
    mixer = LetterMixer(tableBits: tableBits)
    history = LetterHistory(bits: min(tableBits, 18))
  }

  static func tableBits(textBytes: Int, effort: TextOptions.Effort) -> Int {
    let bits = Int.bitWidth - textBytes.leadingZeroBitCount
    return effort == .best ? min(max(bits + 2, 18), 20) : min(max(bits + 1, 14), 20)
  }

  var size: Int { history.count &+ opaques.size }

  func prepare(strings: Int) {}

  mutating func codeColumn<C: BitCoder & ~Copyable>(_ column: Int, columns: Int, _ coder: inout C) -> Int {
    opaques.codeColumn(column, columns: columns, &coder)
  }

  func newIdentifier(_ text: ByteView) -> TokenKind? { opaques.newIdentifier(text) }

  func expect(_ text: ByteView) { opaques.expect(text) }

  mutating func codeIdentifier<C: BitCoder & ~Copyable>(
    _ kind: TokenKind, _ bytes: ByteView, column: Int, _ coder: inout C, into text: inout Buffer<UInt8>
  ) { opaques.codeIdentifier(kind, bytes, column: column, &coder, into: &text) }

  /// Begins a string, or goes on with it behind a part that was copied (`part` above 0).
  mutating func begin(column: Int, part: Int) {
    columnHash = mix(UInt32(truncatingIfNeeded: column &+ min(part, 1) &* 0x10_0000) &+ 1, 0x9E37_79B1)
    path = columnHash
    word = columnHash
    history.before = history.before << 8 | UInt64(columnHash & 0xFF)
    if part > 0 { history.forgetMatch() }
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
    let near = mix(UInt32(truncatingIfNeeded: history.before & 0xFFFF_FFFF), 0x85EB_CA6B)
    return opaques.codeOpaque(kind, bytes, column: column, place: path, near: near, &coder)
  }

  private mutating func code<C: BitCoder & ~Copyable>(_ symbol: UInt8, _ coder: inout C) -> UInt8 {
    let (expected, length, before) = (history.expected, history.matchLength, history.before)
    let isLong = length >= MatchMixer.least
    var coded = expected
    if !isLong
      || !match.code(
        symbol == expected, expected: expected, length: length, before: before, word: word, path: path, &coder)
    {
      mixer.setNewest(before)
      mixer.set(4, mix(word, 0x27D4_EB2F))
      mixer.set(6, path)
      let last = UInt8(truncatingIfNeeded: before)
      coded = mixer.code(symbol, last: last, expected: expected, length: isLong ? 0 : length, &coder)
    }
    history.append(coded)
    path = mix(path ^ UInt32(coded), 0x9E37_79B1)
    word = ByteClass.of(coded) != 0 ? mix(word ^ UInt32(coded), 0x85EB_CA6B) : 0
    return coded
  }
}
