import Bytes

/// Spells tokens that were never seen before: identifiers as packed raw bits, numbers by value or by difference to the
/// number that last stood there, words by their letters.
///
/// The stream of a new token of each kind:
/// - word: each letter by the model of letters, and after each whether it was the last, under that letter. 64 letters end
///   a word without saying so.
/// - number: a tree of five bits, 0 or how many digits zeros fill it up to; then by the column and the ordinal of the
///   number in its string a plain number or a signed difference (`NumberHistory`).
/// - lower and upper UUID: whether its version (digit 12) is that of the last one that was another than the one before,
///   4 at first; if not, the version, a symbol of sixteen; whether the variant (the upper two bits of digit 16) is 2; if
///   not, the variant as two raw bits; then raw the digits before the version, the three behind it, and the last 62 bits.
/// - lower and upper hex: the length, a tree of seven bits, then raw bits, groups of up to sixteen digits as one
///   number each.
/// - alphanumeric, URL-safe: the length, the same, and six raw bits a character: digits, capitals, small letters, `-`,
///   `_`.
struct TokenSpeller: ~Copyable {
  private var models = Models()
  private var letters = LetterModel()
  /// By column and ordinal: where the models of the widths are, and the history.
  private struct Place: BitwiseCopyable {
    var widths: Int
    var history: NumberHistory
  }
  private var places = Buffer<Place>()
  private var byColumn = Buffer<Int32>()
  /// Whether the version is the last, whether the variant is the usual one, then which version.
  private let uuids: Int
  private var lastVersion = 4
  private let lengths: Int
  private let stops: Int

  /// How many numbers the present string had so far.
  var ordinal = 0

  init() {
    uuids = models.allocate(2 + ModelSize.nibble)
    lengths = models.allocate(8 * 128)
    stops = models.allocate(512)
  }

  /// Spells a token and adds it to the dictionary; its number. `before` is the token before it.
  mutating func spell<C: BitCoder & ~Copyable>(
    _ kind: TokenKind, _ bytes: ByteView, _ column: Int, after before: ByteView,
    _ dictionary: inout TokenDictionary, _ coder: inout C
  ) -> Int {
    switch kind {
    case .word: spellWord(bytes, column, before, &dictionary, &coder)
    case .number: spellNumber(bytes, column, &dictionary, &coder)
    case .lowerUUID, .upperUUID:
      spellUUID(bytes, kind == .lowerUUID ? HexDigits.lower : HexDigits.upper, &dictionary, &coder)
    case .lowerHex, .upperHex:
      spellHex(bytes, kind, &dictionary, &coder)
    case .alphanumeric, .urlSafe: spellCharacters(bytes, kind, &dictionary, &coder)
    }
    return dictionary.close(kind)
  }

  private mutating func codeLength<C: BitCoder & ~Copyable>(
    _ length: Int, _ kind: TokenKind, _ coder: inout C
  ) -> Int {
    coder.codeTree(length, bits: 7, &models, lengths &+ Int(kind.rawValue) &* 128, limit: 127)
  }

  private mutating func spellWord<C: BitCoder & ~Copyable>(
    _ bytes: ByteView, _ column: Int, _ last: ByteView, _ dictionary: inout TokenDictionary, _ coder: inout C
  ) {
    var before = UInt64(column & 0xFF)
    if last.count > 0 {
      before = 0
      for k in max(0, last.count &- 8)..<last.count { before = before << 8 | UInt64(last[k]) }
    }
    var length = 0
    repeat {
      let byte = letters.code(C.decodes ? 0 : bytes[length], after: before, &coder)
      dictionary.add(byte)
      length &+= 1
      let flag = stops &+ Int(byte) &* 2 &+ (ByteClass.of(UInt8(truncatingIfNeeded: before)) == 0 ? 0 : 1)
      before = before << 8 | UInt64(byte)
      if length >= Tokenizer.maximumLength { return }
      if coder.codeBit(length == bytes.count, &models, flag, limit: 127) { return }
    } while !coder.failed
  }

  private mutating func spellNumber<C: BitCoder & ~Copyable>(
    _ bytes: ByteView, _ column: Int, _ dictionary: inout TokenDictionary, _ coder: inout C
  ) {
    var value: Int64 = 0
    for k in 0..<bytes.count { value = value &* 10 &+ Int64(bytes[k] & 15) }
    let padded = bytes.count > 1 && bytes[0] == 0x30
    let place = place(column)
    let width = coder.codeTree(padded ? bytes.count : 0, bits: 5, &models, places[place].widths, limit: 60)
    if width > 18 { coder.fail() }
    value = places[place].history.code(value, &models, &coder)
    if !C.decodes {
      dictionary.add(bytes)
      return
    }
    if value < 0 || value >= 1_000_000_000_000_000_000 {
      coder.fail()
      value = 0
    }
    var digits = 1
    var unit: Int64 = 1
    while value / unit > 9 {
      unit &*= 10
      digits &+= 1
    }
    for _ in stride(from: digits, to: min(width, 18), by: 1) { dictionary.add(0x30) }
    while unit > 0 {
      dictionary.add(0x30 &+ UInt8(truncatingIfNeeded: value / unit % 10))
      unit /= 10
    }
  }

  private mutating func place(_ column: Int) -> Int {
    let key = column &* 8 &+ min(ordinal, 7)
    if key >= byColumn.count { byColumn.append(repeating: -1, count: key &+ 8 &- byColumn.count) }
    if byColumn[key] < 0 {
      byColumn[key] = Int32(truncatingIfNeeded: places.count)
      places.append(Place(widths: models.allocate(32), history: NumberHistory(&models)))
    }
    return Int(byColumn[key])
  }

  private mutating func spellUUID<C: BitCoder & ~Copyable>(
    _ bytes: ByteView, _ letters: HexDigits, _ dictionary: inout TokenDictionary, _ coder: inout C
  ) {
    var uuid = UUIDText(high: 0, low: 0)
    if !C.decodes, let said = UUIDText(bytes, 0, letters) { uuid = said }
    var version = Int(uuid.high >> 12 & 15)
    if coder.codeBit(version == lastVersion, &models, uuids) {
      version = lastVersion
    } else {
      version = coder.codeNibble(version, &models, uuids &+ 2)
      lastVersion = version
    }
    var variant = uuid.low >> 62
    if coder.codeBit(variant == 2, &models, uuids &+ 1) {
      variant = 2
    } else {
      variant = coder.codeRaw(variant, count: 2)
    }
    let time = coder.codeRaw(uuid.high >> 16, count: 48)
    let middle = coder.codeRaw(uuid.high & 0xFFF, count: 12)
    let rest = coder.codeRaw(uuid.low & (1 << 62 &- 1), count: 62)
    if C.decodes {
      uuid = UUIDText(high: time << 16 | UInt64(version) << 12 | middle, low: variant << 62 | rest)
      dictionary.add(uuid, letters)
    } else {
      dictionary.add(bytes)
    }
  }

  private mutating func spellHex<C: BitCoder & ~Copyable>(
    _ bytes: ByteView, _ kind: TokenKind, _ dictionary: inout TokenDictionary, _ coder: inout C
  ) {
    let length = codeLength(bytes.count, kind, &coder)
    if !C.decodes { dictionary.add(bytes) }
    var at = 0
    while at < length {
      let run = min(16, length &- at)
      spellDigits(bytes, at, run, kind == .lowerHex ? .lower : .upper, &dictionary, &coder)
      at &+= run
    }
  }

  /// Up to 16 digits; only a decoder adds them.
  @inline(__always)
  private mutating func spellDigits<C: BitCoder & ~Copyable>(
    _ bytes: ByteView, _ from: Int, _ count: Int, _ letters: HexDigits, _ dictionary: inout TokenDictionary,
    _ coder: inout C
  ) {
    var value: UInt64 = 0
    if !C.decodes {
      for k in from..<(from &+ count) { value = value << 4 | HexDigits.value(bytes[k]) }
    }
    value = coder.codeRaw(value, count: count &* 4)
    if !C.decodes { return }
    for k in 0..<count { dictionary.add(letters.digit(value >> UInt64((count &- 1 &- k) &* 4) & 15)) }
  }

  private mutating func spellCharacters<C: BitCoder & ~Copyable>(
    _ bytes: ByteView, _ kind: TokenKind, _ dictionary: inout TokenDictionary, _ coder: inout C
  ) {
    let length = codeLength(bytes.count, kind, &coder)
    for k in 0..<length {
      let got = coder.codeRaw(C.decodes ? 0 : Base64Digits.value(bytes[k]), count: 6) & 63
      dictionary.add(Base64Digits.digit(got))
    }
  }
}

/// Digits, capitals, small letters, `-` and `_`, in this order.
enum Base64Digits {
  @inline(__always)
  static func value(_ byte: UInt8) -> UInt64 {
    if byte == 0x2D { return 62 }
    if byte == 0x5F { return 63 }
    return UInt64(byte &- (byte < 0x3A ? 0x30 : byte < 0x5B ? 0x37 : 0x3D))
  }

  @inline(__always)
  static func digit(_ value: UInt64) -> UInt8 {
    if value > 61 { return value == 62 ? 0x2D : 0x5F }
    return UInt8(truncatingIfNeeded: value) &+ (value < 10 ? 0x30 : value < 36 ? 0x37 : 0x3D)
  }
}
