import Bytes

/// Text as a sequence of tokens, each guessed from what came before.
///
/// In order of trust the guesses are: the token that followed the last occurrence of the present run of tokens (a match
/// model, as in lpaq, Mahoney 2007), then what lately followed three contexts of falling length (symbol ranking, Fenwick
/// 1997): the string so far in its column, the last two tokens, the last one. Each guess costs one adaptive bit. A token
/// that nobody guessed is either known, and given by how long ago its class last surprised us, or new, and spelled:
/// UUIDs, hexadecimal runs and the like as packed raw bits, numbers by value or by difference to the number that last
/// stood there, words by their letters.
///
/// So patterns with variables in them (CLP, Rodrigues 2021; Denum, Yu 2024), front coding, packed layouts and references
/// to earlier values of other columns are one mechanism, which needs no trial of layouts and no thresholds.
///
/// Written once for both directions (`BitCoder`); the tables live as long as a segment.
struct TokenModel: TextModel, ~Copyable {
  private var models = Models()
  private var dictionary = TokenDictionary()
  private var followers = FollowerTable()
  private var columnFollowers = FollowerTable()
  /// All tokens so far, string ends included, and where the run of tokens with some hash last ended in there.
  private var history = Buffer<UInt32>(capacity: 1 << 12)
  private var runs = Buffer<UInt32>(repeating: 0, count: 1 << 10)
  /// Tokens that were not guessed, by class (word, number, opaque), and where in its class each token stands last.
  private var surprisingWords = Buffer<UInt32>()
  private var surprisingNumbers = Buffer<UInt32>()
  private var surprisingOpaques = Buffer<UInt32>()
  private var lastPlace = Buffer<UInt32>()
  /// For each token, where in `history` it last had a follower, and for each such place the one before.
  private var lastFollower = Buffer<UInt32>()
  private var earlierFollower = Buffer<UInt32>()
  /// The walk through followers that last saw each token.
  private var walked = Buffer<UInt32>()
  private var walk: UInt32 = 0
  private var numbers = NumberSlots()
  private var mixer: LetterMixer

  private let matchFlags: Int
  private let guessFlags: Int
  private let kindTrees: Int
  private let distances: Int
  private let nibbles: Int
  private let lengths: Int
  private let stops: Int
  private let ranks: Int
  private let columnFlags: Int
  private let columnNumbers: Int

  private var matchAt = 0
  private var matchLength = 0
  /// Whether the run goes on behind a token it did not foretell, and whether that was the present one.
  private var recovering = false
  private var missed = false
  /// The last tokens as contexts see them, newest first: typed ones by kind alone.
  private var p1: UInt32 = 0
  private var p2: UInt32 = 0
  private var p3: UInt32 = 0
  private var exact1: UInt32 = 0
  private var path: UInt32 = 0
  private var column1 = 0
  private var column2 = 0

  /// From this many right guesses in a row on, the match model is believed without keeping the other contexts.
  private static let longMatch = 20

  init(spells: Bool = true) {
    mixer = LetterMixer(contexts: 5, tableBits: spells ? 17 : 6)
    matchFlags = models.allocate(2 * 144)
    guessFlags = models.allocate(3 * 3 * 16 * 4)
    kindTrees = models.allocate(256 * 16)
    distances = models.allocate(3 * ModelSize.number)
    nibbles = models.allocate(2 * 16)
    lengths = models.allocate(8 * 128)
    stops = models.allocate(512)
    columnFlags = models.allocate(2 * 3 * 16)
    columnNumbers = models.allocate(ModelSize.number)
    ranks = models.allocate(4 * 64)
    know(0)
    earlierFollower.append(0)
    history.append(0)
  }

  /// How much the segment has taught: its owner starts anew when this is too much.
  var size: Int { history.count &* 4 &+ dictionary.text.count }

  // MARK: one string

  /// Begins a string, or goes on with it behind a part that was copied (`part` above 0).
  mutating func begin(column: Int, part: Int) {
    path = mix(UInt32(truncatingIfNeeded: column &+ min(part, 1) &* 0x10_0000), 0x9E37_79B1)
    p1 = 0x8000_0000 | UInt32(truncatingIfNeeded: column)
    p2 = 0
    p3 = 0
    exact1 = p1
    if part > 0 { matchLength = 0 } else { numbers.ordinal = 0 }
  }

  mutating func encode(_ text: ByteView, column: Int, ends: Bool, _ coder: inout RangeEncoder) {
    var at = 0
    while at < text.count {
      let (kind, end) = Tokenizer.next(text, at)
      let bytes = text[at..<end]
      let hash = TokenDictionary.hash(bytes)
      let known = dictionary.find(bytes, hash: hash) ?? -1
      if codeKnown(known, kind, column, &coder) < 0 {
        let token = spell(kind, bytes, column, &coder)
        dictionary.enter(hash: hash)
        finish(token)
      }
      at = end
    }
    if ends { _ = codeKnown(0, .word, column, &coder) }
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
      var token = codeKnown(-1, .word, column, &coder)
      if token == 0 { return length == nil }
      if token < 0 {
        token = spell(TokenKind(rawValue: UInt8(-1 &- token)) ?? .word, .empty, column, &coder)
        finish(token)
      }
      let bytes = dictionary.bytes(token)
      if bytes.count == 0 || bytes.count > room &- text.count { break }
      text.append(bytes)
    }
    return false
  }

  /// Codes an opaque token alone, for a model that codes the text around it: `a`, `b` and `c` hash what is known of
  /// its place, from much to little. The token's number; 0 is none.
  mutating func codeOpaque<C: BitCoder & ~Copyable>(
    _ kind: TokenKind, _ bytes: ByteView, column: Int, _ a: UInt32, _ b: UInt32, _ c: UInt32, _ coder: inout C
  ) -> Int {
    path = a
    p1 = b
    p2 = 0
    exact1 = c
    let hash = C.decodes ? 0 : TokenDictionary.hash(bytes)
    let known = C.decodes ? -1 : dictionary.find(bytes, hash: hash) ?? -1
    var token = codeKnown(known, kind, column, &coder)
    if token < 0 {
      let said = TokenKind(rawValue: UInt8(-1 &- token)) ?? .word
      if !said.isOpaque {
        coder.fail()
        return 0
      }
      token = spell(said, bytes, column, &coder)
      if !C.decodes { dictionary.enter(hash: hash) }
      finish(token)
    }
    return token
  }

  @inline(__always)
  func bytes(_ token: Int) -> ByteView { dictionary.bytes(token) }

  /// A known token, or one less than minus the kind of a new one. Known tokens are noted before returning.
  @inline(__always)
  private mutating func codeKnown<C: BitCoder & ~Copyable>(
    _ token: Int, _ kind: TokenKind, _ column: Int, _ coder: inout C
  ) -> Int {
    var failed = Guesses()
    if matchLength > 0 {
      let guess = Int(history[matchAt])
      var flag = matchFlags &+ min(matchLength, 15)
      if matchLength < Self.longMatch {
        // Whether the context of the string so far says the same, and how surely.
        let slot = followers.find(path)
        if slot >= 0 {
          let entry = followers[slot]
          flag &+= Int(entry.first & 0x0FFF_FFFF) == guess &+ 1 ? 16 : 80
          flag &+= Int(entry.first >> 30) &* 16
        }
      }
      if recovering { flag &+= 144 }
      let hit = coder.codeBit(guess == token, &models, flag)
      if hit {
        if matchLength >= Self.longMatch {
          matchLength &+= 1
          matchAt &+= 1
          advance(guess)
          return guess
        }
        finish(guess)
        return guess
      }
      failed.add(guess)
      // One token may have been put in another's place: the run is given a second chance behind it.
      recovering = !recovering && matchLength > 3
      matchLength = recovering ? 1 : 0
      missed = true
    }
    let (a, b, c) = contexts()
    var order = 0
    while order < 3 {
      let slot = followers.find(order == 0 ? a : order == 1 ? b : c)
      if slot >= 0 {
        let found = guess(followers[slot], token, &failed, guessFlags &+ order &* 192, &coder)
        if found >= 0 {
          finish(found)
          return found
        }
      }
      order &+= 1
    }
    // Nobody guessed it. Kind 7 of the first tree: known, of which class follows.
    let under = kindTrees &+ Int(b >> 24) &* 16
    var rank = 0
    if !C.decodes, token >= 0 { rank = follower(token, nil, failed).rank }
    let symbol =
      rank > 0 ? 11 : token >= 0 ? 8 &+ Self.classOf(dictionary.kind(token)) : Int(kind.rawValue)
    let what = coder.codeTree(symbol, bits: 4, &models, under, limit: 60)
    if what < 8 {
      return -1 &- what
    }
    if what == 11 {
      rank = coder.codeTree(rank, bits: 6, &models, ranks)
      let found = C.decodes ? follower(nil, rank, failed).token : token
      if found < 0 {
        coder.fail()
        return 0
      }
      if found > 0 { surprise(found, Self.classOf(dictionary.kind(found))) }
      finish(found)
      return found
    }
    let which = min(what &- 8, 2)
    if what > 10 { coder.fail() }
    let total = which == 0 ? surprisingWords.count : which == 1 ? surprisingNumbers.count : surprisingOpaques.count
    let back = token > 0 ? total &- Int(lastPlace[token]) : 0
    let distance = Int(
      truncatingIfNeeded: coder.codeNumber(UInt64(back), &models, distances &+ which &* ModelSize.number))
    if distance < 0 || distance > total { coder.fail() }
    let found: Int
    if distance <= 0 || distance > total {
      // No distance at all is the end of the string, when nothing foretold it.
      found = 0
    } else {
      let at = total &- distance
      found = Int(
        which == 0 ? surprisingWords[at] : which == 1 ? surprisingNumbers[at] : surprisingOpaques[at])
    }
    if found > 0 { surprise(found, which) }
    finish(found)
    return found
  }

  /// Walks the tokens that once followed the present one, newest first, each counted once: the rank of `token`, from 1
  /// on, or the token at `rank`. Rank 0 and token -1 are none.
  private mutating func follower(_ token: Int?, _ rank: Int?, _ failed: Guesses) -> (rank: Int, token: Int) {
    walk &+= 1
    var at = Int(lastFollower[Int(history[history.count &- 1])])
    var counted = 0
    var steps = 0
    while at > 0, steps < 160, counted < 63 {
      let candidate = Int(history[at])
      if walked[candidate] != walk {
        walked[candidate] = walk
        if !failed.has(candidate) {
          counted &+= 1
          if candidate == token || counted == rank { return (counted, candidate) }
        }
      }
      at = Int(earlierFollower[at])
      steps &+= 1
    }
    return (0, -1)
  }

  /// Makes room for what is known of a new token.
  private mutating func know(_ token: Int) {
    lastPlace.append(0)
    lastFollower.append(0)
    walked.append(0)
  }

  private static func classOf(_ kind: UInt8) -> Int { kind == 0 ? 0 : kind == 1 ? 1 : 2 }

  private mutating func surprise(_ token: Int, _ which: Int) {
    let value = UInt32(truncatingIfNeeded: token)
    switch which {
    case 0:
      lastPlace[token] = UInt32(truncatingIfNeeded: surprisingWords.count)
      surprisingWords.append(value)
    case 1:
      lastPlace[token] = UInt32(truncatingIfNeeded: surprisingNumbers.count)
      surprisingNumbers.append(value)
    default:
      lastPlace[token] = UInt32(truncatingIfNeeded: surprisingOpaques.count)
      surprisingOpaques.append(value)
    }
  }

  // MARK: contexts

  @inline(__always)
  private func contexts() -> (UInt32, UInt32, UInt32) {
    (path, mix(mix(p1, 0x85EB_CA6B) ^ p2, 0xC2B2_AE35), mix(exact1, 0x27D4_EB2F))
  }

  /// Notes `token` in all contexts and moves on.
  @inline(__always)
  private mutating func finish(_ token: Int) {
    let (a, b, c) = contexts()
    followers.note(token, after: a)
    followers.note(token, after: b)
    followers.note(token, after: c)
    if matchLength > 0 {
      matchAt &+= 1
      if !missed {
        matchLength &+= 1
        if matchLength > 4 { recovering = false }
      }
      if matchAt >= history.count { matchLength = 0 }
    }
    missed = false
    advance(token)
    if matchLength < 2 { findMatch() }
  }

  @inline(__always)
  private mutating func advance(_ token: Int) {
    let before = Int(history[history.count &- 1])
    earlierFollower.append(lastFollower[before])
    lastFollower[before] = UInt32(truncatingIfNeeded: history.count)
    history.append(UInt32(truncatingIfNeeded: token))
    let kind = dictionary.kind(token)
    let seen = kind == 0 ? UInt32(truncatingIfNeeded: token) : 0x4000_0000 | UInt32(kind)
    p3 = p2
    p2 = p1
    p1 = seen
    exact1 = UInt32(truncatingIfNeeded: token)
    path = mix(path ^ seen, 0x9E37_79B1)
    if kind == 1 { numbers.ordinal &+= 1 }
    enterRun()
  }

  @inline(__always)
  private func runHash(_ n: Int) -> UInt32 {
    if n < 4 { return 0 }
    return mix(mix(mix(history[n &- 1], 0x85EB_CA6B) ^ history[n &- 2], 0xC2B2_AE35) ^ history[n &- 3], 0x27D4_EB2F)
  }

  @inline(__always)
  private mutating func enterRun() {
    if history.count > runs.count, runs.count < 1 << 20 { growRuns() }
    let place = Int(runHash(history.count) >> 4) & (runs.count &- 1)
    pendingMatch = Int(runs[place])
    runs[place] = UInt32(truncatingIfNeeded: history.count)
  }
  private var pendingMatch = 0

  private mutating func growRuns() {
    runs = Buffer<UInt32>(repeating: 0, count: runs.count &* 4)
    for n in 4..<history.count { runs[Int(runHash(n) >> 4) & (runs.count &- 1)] = UInt32(truncatingIfNeeded: n) }
  }

  /// After a token that no match foretold: follows the last occurrence of the last three tokens, if they are the same.
  @inline(__always)
  private mutating func findMatch() {
    let n = history.count
    let at = pendingMatch
    guard at >= 4, at < n, n >= 4 else { return }
    if history[at &- 1] == history[n &- 1], history[at &- 2] == history[n &- 2], history[at &- 3] == history[n &- 3] {
      matchAt = at
      matchLength = 2
      recovering = false
    }
  }

  // MARK: guesses

  /// Guesses of this token that were wrong; nobody makes them again.
  private struct Guesses {
    var a = -1
    var b = -1
    var c = -1
    var d = -1
    var count = 0
    @inline(__always)
    mutating func add(_ token: Int) {
      d = c
      c = b
      b = a
      a = token
      count &+= 1
    }
    @inline(__always)
    func has(_ token: Int) -> Bool { a == token || b == token || c == token || d == token }
  }

  @inline(__always)
  private mutating func guess<C: BitCoder & ~Copyable>(
    _ entry: Followers, _ token: Int, _ failed: inout Guesses, _ flags: Int, _ coder: inout C
  ) -> Int {
    let sure = Int(entry.first >> 28)
    var rank = 0
    while rank < 3 {
      let stored = rank == 0 ? entry.first & 0x0FFF_FFFF : rank == 1 ? entry.second : entry.third
      if stored == 0 { return -1 }
      let candidate = Int(stored) &- 1
      if !failed.has(candidate) {
        let flag = flags &+ (rank &* 16 &+ sure) &* 4 &+ min(failed.count, 3)
        if coder.codeBit(candidate == token, &models, flag) { return candidate }
        failed.add(candidate)
      }
      rank &+= 1
    }
    return -1
  }

  // MARK: columns

  /// The column of the next string, guessed from the last two.
  mutating func codeColumn<C: BitCoder & ~Copyable>(_ column: Int, columns: Int, _ coder: inout C) -> Int {
    if columns == 1 { return 0 }
    let b = mix(
      mix(UInt32(truncatingIfNeeded: column1), 0x51ED_270B) ^ UInt32(truncatingIfNeeded: column2), 0x2545_F491)
    let a = mix(UInt32(truncatingIfNeeded: column1), 0x6C07_8965)
    var failed = Guesses()
    var found = -1
    let first = columnFollowers.find(b)
    if first >= 0 { found = guessColumn(columnFollowers[first], column, &failed, columnFlags, &coder) }
    if found < 0 {
      let second = columnFollowers.find(a)
      if second >= 0 { found = guessColumn(columnFollowers[second], column, &failed, columnFlags &+ 48, &coder) }
    }
    if found < 0 {
      found = Int(truncatingIfNeeded: coder.codeNumber(UInt64(column), &models, columnNumbers))
      if found < 0 || found >= columns {
        coder.fail()
        found = 0
      }
    }
    columnFollowers.note(found, after: b)
    columnFollowers.note(found, after: a)
    column2 = column1
    column1 = found &+ 1
    return found
  }

  private mutating func guessColumn<C: BitCoder & ~Copyable>(
    _ entry: Followers, _ column: Int, _ failed: inout Guesses, _ flags: Int, _ coder: inout C
  ) -> Int {
    let sure = Int(entry.first >> 28)
    for rank in 0..<3 {
      let stored = rank == 0 ? entry.first & 0x0FFF_FFFF : rank == 1 ? entry.second : entry.third
      if stored == 0 { return -1 }
      let candidate = Int(stored) &- 1
      if failed.has(candidate) { continue }
      if coder.codeBit(candidate == column, &models, flags &+ rank &* 16 &+ sure) { return candidate }
      failed.add(candidate)
    }
    return -1
  }

  // MARK: new tokens

  /// Spells a new token and adds it to the dictionary.
  private mutating func spell<C: BitCoder & ~Copyable>(
    _ kind: TokenKind, _ bytes: ByteView, _ column: Int, _ coder: inout C
  ) -> Int {
    switch kind {
    case .word: spellWord(bytes, &coder)
    case .number: spellNumber(bytes, column, &coder)
    case .lowerUUID: spellUUID(bytes, 0x57, &coder)
    case .upperUUID: spellUUID(bytes, 0x37, &coder)
    case .lowerHex: spellHex(bytes, 0x57, kind, &coder)
    case .upperHex: spellHex(bytes, 0x37, kind, &coder)
    case .alphanumeric: spellAlphanumeric(bytes, &coder)
    case .urlSafe: spellURLSafe(bytes, &coder)
    }
    let token = dictionary.close(kind)
    know(token)
    surprise(token, Self.classOf(kind.rawValue))
    return token
  }

  private mutating func codeLength<C: BitCoder & ~Copyable>(
    _ length: Int, _ kind: TokenKind, _ coder: inout C
  ) -> Int {
    coder.codeTree(length, bits: 7, &models, lengths &+ Int(kind.rawValue) &* 128, limit: 127)
  }

  /// Letters by the mixer, each followed by whether the word goes on.
  private mutating func spellWord<C: BitCoder & ~Copyable>(_ bytes: ByteView, _ coder: inout C) {
    var before = lastBytes()
    var word = exact1
    var length = 0
    repeat {
      for k in 0..<4 { mixer.set(k, newest: k &+ 1, of: before) }
      mixer.set(4, word)
      let byte = mixer.code(C.decodes ? 0 : bytes[length], &coder)
      dictionary.add(byte)
      length &+= 1
      let flag = stops &+ Int(byte) &* 2 &+ (ByteClass.of(UInt8(truncatingIfNeeded: before)) == 0 ? 0 : 1)
      before = before << 8 | UInt64(byte)
      word = mix(word ^ UInt32(byte), 0x9E37_79B1)
      if length >= Tokenizer.maximumLength { return }
      if coder.codeBit(length == bytes.count, &models, flag, limit: 127) { return }
    } while !coder.failed
  }

  /// The last eight bytes of text before the token that is being spelled, as far as the last token has them.
  private func lastBytes() -> UInt64 {
    let last = Int(history[history.count &- 1])
    var value: UInt64 = 0
    if last == 0 { return UInt64(p1 & 0xFF) }
    let bytes = dictionary.bytes(last)
    for k in max(0, bytes.count &- 8)..<bytes.count { value = value << 8 | UInt64(bytes[k]) }
    return value
  }

  private mutating func spellNumber<C: BitCoder & ~Copyable>(
    _ bytes: ByteView, _ column: Int, _ coder: inout C
  ) {
    var value: Int64 = 0
    for k in 0..<bytes.count { value = value &* 10 &+ Int64(bytes[k] & 15) }
    let padded = bytes.count > 1 && bytes[0] == 0x30
    let slot = numbers.slot(column, &models)
    let base = numbers.slots[slot].base
    // 0 is a number as one writes it, else the width it is filled up to with zeros.
    let width = coder.codeTree(padded ? bytes.count : 0, bits: 5, &models, base, limit: 60)
    if width > 18 { coder.fail() }
    let last = numbers.slots[slot].last
    if numbers.slots[slot].deltaCost < numbers.slots[slot].plainCost {
      value = last &+ coder.codeSigned(value &- last, &models, base &+ 32)
    } else {
      value = Int64(bitPattern: coder.codeNumber(UInt64(bitPattern: value), &models, base &+ 32 &+ ModelSize.signed))
    }
    if value < 0 || value >= 1_000_000_000_000_000_000 {
      coder.fail()
      value = 0
    }
    numbers.slots[slot].learn(value)
    if C.decodes {
      var digits = 1
      var ten: Int64 = 10
      while ten <= value, digits < 18 {
        ten &*= 10
        digits &+= 1
      }
      for _ in stride(from: digits, to: min(width, 18), by: 1) { dictionary.add(0x30) }
      var unit: Int64 = 1
      for _ in 1..<max(digits, 1) { unit &*= 10 }
      while unit > 0 {
        dictionary.add(0x30 &+ UInt8(truncatingIfNeeded: value / unit % 10))
        unit /= 10
      }
    } else {
      dictionary.add(bytes)
    }
  }

  /// 30 hexadecimal digits raw; the two that give version and variant are learned.
  private mutating func spellUUID<C: BitCoder & ~Copyable>(_ bytes: ByteView, _ letter: UInt8, _ coder: inout C) {
    spellDigits(bytes, 0, 8, letter, &coder)
    dictionary.add(0x2D)
    spellDigits(bytes, 9, 4, letter, &coder)
    for from in [14, 19] {
      dictionary.add(0x2D)
      let value = C.decodes ? 0 : Self.digit(bytes[from])
      let nibble = coder.codeTree(value, bits: 4, &models, nibbles &+ (from == 14 ? 0 : 16), limit: 60)
      dictionary.add(UInt8(nibble) &+ (nibble < 10 ? 0x30 : letter))
      spellDigits(bytes, from &+ 1, 3, letter, &coder)
    }
    dictionary.add(0x2D)
    spellDigits(bytes, 24, 12, letter, &coder)
  }

  @inline(__always)
  private static func digit(_ byte: UInt8) -> Int { byte < 0x3A ? Int(byte & 15) : Int(byte & 15) &+ 9 }

  /// Up to 16 hexadecimal digits as they are.
  @inline(__always)
  private mutating func spellDigits<C: BitCoder & ~Copyable>(
    _ bytes: ByteView, _ from: Int, _ count: Int, _ letter: UInt8, _ coder: inout C
  ) {
    var value: UInt64 = 0
    if !C.decodes {
      for k in from..<(from &+ count) { value = value << 4 | UInt64(Self.digit(bytes[k])) }
    }
    value = coder.codeRaw(value, count: count &* 4)
    for k in 0..<count {
      let nibble = UInt8(truncatingIfNeeded: value >> UInt64((count &- 1 &- k) &* 4)) & 15
      dictionary.add(nibble &+ (nibble < 10 ? 0x30 : letter))
    }
  }

  private mutating func spellHex<C: BitCoder & ~Copyable>(
    _ bytes: ByteView, _ letter: UInt8, _ kind: TokenKind, _ coder: inout C
  ) {
    let length = codeLength(bytes.count, kind, &coder)
    var at = 0
    while at < length {
      let run = min(16, length &- at)
      spellDigits(bytes, at, run, letter, &coder)
      at &+= run
    }
  }

  private mutating func spellAlphanumeric<C: BitCoder & ~Copyable>(_ bytes: ByteView, _ coder: inout C) {
    let length = codeLength(bytes.count, .alphanumeric, &coder)
    for k in 0..<length {
      var value: UInt64 = 0
      if !C.decodes {
        let byte = UInt64(bytes[k])
        value = byte < 0x3A ? byte &- 0x30 : byte < 0x5B ? byte &- 0x37 : byte &- 0x3D
      }
      let got = coder.codeRaw(value, count: 6) & 63
      if got > 61 { coder.fail() }
      dictionary.add(UInt8(got &+ (got < 10 ? 0x30 : got < 36 ? 0x37 : 0x3D)))
    }
  }

  /// Six bits a character, as above; `-` is 62 and `_` is 63.
  private mutating func spellURLSafe<C: BitCoder & ~Copyable>(_ bytes: ByteView, _ coder: inout C) {
    let length = codeLength(bytes.count, .urlSafe, &coder)
    for k in 0..<length {
      var value: UInt64 = 0
      if !C.decodes {
        let byte = UInt64(bytes[k])
        value =
          byte == 0x2D
          ? 62 : byte == 0x5F ? 63 : byte < 0x3A ? byte &- 0x30 : byte < 0x5B ? byte &- 0x37 : byte &- 0x3D
      }
      let got = coder.codeRaw(value, count: 6) & 63
      dictionary.add(
        got == 62 ? 0x2D : got == 63 ? 0x5F : UInt8(got &+ (got < 10 ? 0x30 : got < 36 ? 0x37 : 0x3D)))
    }
  }
}

/// What is known of the numbers of each column, by their ordinal in the string.
struct NumberSlots: ~Copyable {
  struct Slot: BitwiseCopyable {
    var base: Int
    var last: Int64 = 0
    /// What either way would have cost lately, in bits, eightfold.
    var plainCost: Int = 0
    var deltaCost: Int = 0

    mutating func learn(_ value: Int64) {
      let plain = 64 - value.leadingZeroBitCount
      let delta = 65 - (value &- last).magnitude.leadingZeroBitCount
      plainCost += plain - plainCost >> 3
      deltaCost += delta - deltaCost >> 3
      last = value
    }
  }
  var slots = Buffer<Slot>()
  private var byColumn = Buffer<Int32>()
  var ordinal = 0

  mutating func slot(_ column: Int, _ models: inout Models) -> Int {
    let place = column &* 8 &+ min(ordinal, 7)
    if place >= byColumn.count { byColumn.append(repeating: -1, count: place + 8 - byColumn.count) }
    if byColumn[place] < 0 {
      byColumn[place] = Int32(truncatingIfNeeded: slots.count)
      slots.append(Slot(base: models.allocate(32 + ModelSize.signed + ModelSize.number)))
    }
    return Int(byColumn[place])
  }
}

/// A 32-bit mixing step; the constants are odd.
@inline(__always)
func mix(_ value: UInt32, _ constant: UInt32) -> UInt32 {
  let product = (value ^ value >> 15) &* constant
  return product ^ product >> 13
}
