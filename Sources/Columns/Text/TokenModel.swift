import Bytes

/// Text as a sequence of tokens, each guessed from what came before.
///
/// The first guess is the token that followed the last occurrence of the present run of tokens (a match model, as in
/// lpaq, Mahoney 2007): while it is right a token costs one adaptive bit and next to no time. When it is wrong, the
/// tokens that lately followed two contexts are tried (symbol ranking, Fenwick 1997): the string so far in its column,
/// and the last two tokens. A token that nobody guessed is either known, and given by its rank among the followers of the
/// token before or by how long ago its class last surprised us, or new, and spelled (`TokenSpeller`).
///
/// So patterns with variables in them (CLP, Rodrigues 2021; Denum, Yu 2024), front coding, packed layouts and references
/// to earlier values of other columns are one mechanism, which needs no trial of layouts and no thresholds.
///
/// The stream of a token, every number in it by adaptive models:
/// 1. If a run is followed: whether its next token is this one. If so that is all.
/// 2. If followers of the two contexts are known (at most six, the string's first, without the one that was just
///    wrong): whether this is one of them; if so, for each but the last of them in turn, whether it is the one.
/// 3. A symbol of sixteen: 0 to 7, a new token of that `TokenKind`; 8 to 10, a known word, number or opaque token; 11, a
///    follower of the token before; 12, the opaque token that came, in steps 3 and 4, behind the one that last came again
///    there; 13, the one behind that; 14, the same as 12 for numbers. So one column's ids are told by another's.
/// 4. Of a follower its rank, a symbol of sixteen; of another known token, how many of its class were coded in steps 3
///    and 4, or were new, since it last was, itself included, as a number, 0 being the end of the string; of a new one
///    its spelling.
///
/// Contexts and tables learn only from what the run did not foretell. Written once for both directions (`BitCoder`); the
/// tables live as long as a segment.
struct TokenModel: TextModel, ~Copyable {
  private var models = Models()
  private var dictionary = TokenDictionary()
  private var speller = TokenSpeller()
  private var runs = TokenRuns()
  private var followers = FollowerTable()
  private var recency = TokenRecency()
  private var order = ColumnOrder()

  private let runFlags: Int
  private let guessFlags: Int
  private let whichFlags: Int
  private let kindTrees: Int
  private let distances: Int
  private let ranks: Int
  private let identifierTrees: Int

  /// The last two tokens as contexts see them, newest first: typed ones by kind alone.
  private var p1: UInt32 = 0
  private var p2: UInt32 = 0
  /// All tokens of the string, the same way.
  private var path: UInt32 = 0

  init() {
    runFlags = models.allocate(2 * 4 * 4 * 16)
    guessFlags = models.allocate(16 * 64)
    whichFlags = models.allocate(6 * 16)
    kindTrees = models.allocate(256 * ModelSize.nibble)
    distances = models.allocate(3 * ModelSize.number)
    ranks = models.allocate(ModelSize.nibble)
    identifierTrees = models.allocate(64 * ModelSize.nibble)
  }

  /// How much the segment has taught: its owner starts anew when this is too much.
  var size: Int { runs.count &* 16 &+ dictionary.size }

  // MARK: strings

  func prepare(strings: Int) {
    if strings > 256 { runs.prefetch() }
  }

  mutating func codeColumn<C: BitCoder & ~Copyable>(_ column: Int, columns: Int, _ coder: inout C) -> Int {
    order.code(column, columns: columns, &coder)
  }

  func newIdentifier(_ text: ByteView) -> TokenKind? {
    if text.count < 8 || text.count > Tokenizer.maximumLength || ByteClass.of(text.unchecked(7)) == 0 { return nil }
    let (kind, end) = Tokenizer.next(text, 0)
    if !kind.isOpaque || end != text.count { return nil }
    return dictionary.find(text, hash: TokenDictionary.hash(text)) < 0 ? kind : nil
  }

  func expect(_ text: ByteView) {
    if (8...Tokenizer.maximumLength).contains(text.count) { dictionary.prefetch(hash: TokenDictionary.hash(text)) }
  }

  /// The kind is a symbol of sixteen under the column's (up to 64) models. Runs and contexts learn nothing of it; it can
  /// be referred to as all known tokens can.
  mutating func codeIdentifier<C: BitCoder & ~Copyable>(
    _ kind: TokenKind, _ bytes: ByteView, column: Int, _ coder: inout C, into text: inout Buffer<UInt8>
  ) {
    let tree = identifierTrees &+ min(column, 63) &* ModelSize.nibble
    let kind = TokenKind(rawValue: UInt8(coder.codeNibble(Int(kind.rawValue), &models, tree))) ?? .word
    if !kind.isOpaque {
      coder.fail()
      return
    }
    let token = spell(kind, bytes, column, &coder)
    if C.decodes {
      text.append(dictionary.bytes(token))
    } else {
      dictionary.enter(hash: TokenDictionary.hash(bytes))
    }
  }

  mutating func begin(column: Int, part: Int) {
    path = mix(UInt32(truncatingIfNeeded: column &+ min(part, 1) &* 0x10_0000), 0x9E37_79B1)
    p1 = 0x8000_0000 | UInt32(truncatingIfNeeded: column)
    p2 = 0
    runs.begin(column: column, part: part)
    if part == 0 { speller.ordinal = 0 }
  }

  mutating func encode(_ text: ByteView, column: Int, ends: Bool, _ coder: inout RangeEncoder) {
    var at = 0
    while at < text.count {
      // Where the run's next token stands there is no need to cut the text.
      let expected = runs.expected
      if expected > 0, let end = dictionary.end(of: expected, in: text, at: at) {
        _ = code(expected, .word, column, &coder)
        at = end
        continue
      }
      let (kind, end) = Tokenizer.next(text, at)
      let bytes = text[at..<end]
      let hash = TokenDictionary.hash(bytes)
      let known = dictionary.find(bytes, hash: hash)
      if code(known, kind, column, &coder) < 0 {
        let token = spell(kind, bytes, column, &coder)
        dictionary.enter(hash: hash)
        learnNew(token)
      }
      at = end
    }
    if ends { _ = code(0, .word, column, &coder) }
  }

  mutating func decode(
    column: Int, length: Int?, limit: Int, _ coder: inout RangeDecoder, into text: inout Buffer<UInt8>
  ) -> Bool {
    let stop = text.count &+ (length ?? 0)
    let room = length == nil ? limit : min(limit, stop)
    while !coder.failed {
      if length != nil, text.count == stop { return true }
      var token = code(-1, .word, column, &coder)
      if token == 0 { return length == nil }
      if token < 0 {
        token = spell(TokenKind(rawValue: UInt8(-1 &- token)) ?? .word, .empty, column, &coder)
        learnNew(token)
      }
      let bytes = dictionary.bytes(token)
      if bytes.count == 0 || bytes.count > room &- text.count { break }
      text.appendSlack(bytes)
    }
    return false
  }

  /// Codes an opaque token alone, for a model that codes the text around it: `place` and `near` hash what is known of
  /// where it stands. The token's number; 0 is none.
  mutating func codeOpaque<C: BitCoder & ~Copyable>(
    _ kind: TokenKind, _ bytes: ByteView, column: Int, place: UInt32, near: UInt32, _ coder: inout C
  ) -> Int {
    path = place
    p1 = near
    p2 = 0
    let hash = C.decodes ? 0 : TokenDictionary.hash(bytes)
    var token = code(C.decodes ? -1 : dictionary.find(bytes, hash: hash), kind, column, &coder)
    if token < 0 {
      let said = TokenKind(rawValue: UInt8(-1 &- token)) ?? .word
      if !said.isOpaque {
        coder.fail()
        return 0
      }
      token = spell(said, bytes, column, &coder)
      if !C.decodes { dictionary.enter(hash: hash) }
      learnNew(token)
    }
    return token
  }

  @inline(__always)
  func bytes(_ token: Int) -> ByteView { dictionary.bytes(token) }

  // MARK: one token

  /// A known token, or one less than minus the kind of a new one. Known tokens are learned before returning.
  @inline(__always)
  private mutating func code<C: BitCoder & ~Copyable>(
    _ token: Int, _ kind: TokenKind, _ column: Int, _ coder: inout C
  ) -> Int {
    var wrong = -1
    if runs.following {
      let guess = runs.expected
      let place = runs.context &* 4 &+ Int(guess == 0 ? 3 : min(2, dictionary.kind(guess)))
      if coder.codeBit(guess == token, &models, runFlags &+ place) {
        runs.follow(guess)
        advance(guess)
        return guess
      }
      wrong = guess
      runs.missed()
    }
    return codeUnforeseen(token, kind, wrong, &coder)
  }

  @inline(never)
  private mutating func codeUnforeseen<C: BitCoder & ~Copyable>(
    _ token: Int, _ kind: TokenKind, _ wrong: Int, _ coder: inout C
  ) -> Int {
    let (string, pair) = contexts()
    let slot = followers.find(string)
    let pairSlot = followers.find(pair)
    var candidates = Candidates(without: wrong)
    var sure = 0
    if slot >= 0 { sure = candidates.take(followers[slot]) }
    let own = candidates.count
    var pairSure = 0
    if pairSlot >= 0 { pairSure = candidates.take(followers[pairSlot]) }
    if candidates.count > 0 {
      let which = C.decodes ? -1 : candidates.index(of: token)
      // The string's confidence, the pair's coarsely, and which of them have something to say.
      let place = sure &* 4 &+ (pairSlot < 0 ? 0 : pairSure < 2 ? 1 : pairSure < 8 ? 2 : 3)
      let flag = guessFlags &+ place &* 16 &+ (own == 0 ? 0 : 4) &+ (wrong < 0 ? 0 : 8) &+ min(candidates.count &- 1, 3)
      if coder.codeBit(which >= 0, &models, flag) {
        var k = 0
        while k < candidates.count &- 1 {
          let trust = k < own ? sure : pairSure
          if coder.codeBit(which == k, &models, whichFlags &+ k &* 16 &+ trust) { break }
          k &+= 1
        }
        let found = candidates[k]
        learn(found, string, slot, pair, pairSlot, surprising: false)
        return found
      }
    }
    let found = codeSurprise(token, kind, &candidates, kindTrees &+ Int(pair >> 24) &* ModelSize.nibble, &coder)
    if found >= 0 { learn(found, string, slot, pair, pairSlot, surprising: true) }
    return found
  }

  /// Steps 3 and 4 for a token that nobody guessed.
  @inline(__always)
  private mutating func codeSurprise<C: BitCoder & ~Copyable>(
    _ token: Int, _ kind: TokenKind, _ wrong: inout Candidates, _ tree: Int, _ coder: inout C
  ) -> Int {
    var rank = 0
    let before = runs.last
    var symbol = Int(kind.rawValue)
    if !C.decodes, token >= 0 {
      symbol = resumed(token)
      if symbol < 0 {
        rank = recency.rank(of: token, after: before, wrong)
        symbol = rank > 0 ? 11 : 8 &+ dictionary.tokenClass(token)
      }
    }
    let what = coder.codeNibble(symbol, &models, tree)
    if what < 8 { return -1 &- what }
    if what > 11 {
      let which = what == 14 ? 1 : 2
      let found = recency.next(which, ahead: what == 13 ? 1 : 0)
      if found < 0 || what == 15 {
        coder.fail()
        return 0
      }
      recency.note(found, which)
      return found
    }
    if what == 11 {
      rank = coder.codeNibble(rank, &models, ranks)
      let found = C.decodes ? recency.token(at: rank, after: before, wrong) : token
      if found < 0 {
        coder.fail()
        return 0
      }
      if found > 0 { recency.note(found, dictionary.tokenClass(found)) }
      return found
    }
    let which = min(what &- 8, 2)
    let back = token > 0 ? recency.distance(to: token, which) : 0
    let distance = coder.codeNumber(UInt64(back), &models, distances &+ which &* ModelSize.number)
    // No distance at all is the end of the string, when nothing foretold it.
    if distance == 0 { return 0 }
    guard let found = recency.token(distance: distance, which) else {
      coder.fail()
      return 0
    }
    recency.note(found, which)
    return found
  }

  /// The symbol of a number or an opaque token that stands where its class goes on; -1 if it does not.
  @inline(__always)
  private func resumed(_ token: Int) -> Int {
    switch dictionary.tokenClass(token) {
    case 0: -1
    case 1: recency.next(1, ahead: 0) == token ? 14 : -1
    default: recency.next(2, ahead: 0) == token ? 12 : recency.next(2, ahead: 1) == token ? 13 : -1
    }
  }

  private mutating func spell<C: BitCoder & ~Copyable>(
    _ kind: TokenKind, _ bytes: ByteView, _ column: Int, _ coder: inout C
  ) -> Int {
    let before = runs.last
    let token = speller.spell(kind, bytes, column, after: dictionary.bytes(before), &dictionary, &coder)
    recency.know(token)
    recency.note(token, dictionary.tokenClass(token), isNew: true)
    return token
  }

  // MARK: learning

  @inline(__always)
  private func contexts() -> (string: UInt32, pair: UInt32) {
    (path, mix(mix(p1, 0x85EB_CA6B) ^ p2, 0xC2B2_AE35))
  }

  private mutating func learnNew(_ token: Int) {
    let (string, pair) = contexts()
    learn(token, string, followers.find(string), pair, followers.find(pair), surprising: true)
  }

  /// Notes a token that the run did not foretell in all contexts and moves on.
  private mutating func learn(
    _ token: Int, _ string: UInt32, _ slot: Int, _ pair: UInt32, _ pairSlot: Int, surprising: Bool
  ) {
    // Slots stay where they are until something is inserted.
    if slot >= 0 { followers.note(token, in: slot) }
    if pairSlot >= 0 { followers.note(token, in: pairSlot) }
    if slot < 0 { followers.insert(token, after: string) }
    if pairSlot < 0 { followers.insert(token, after: pair) }
    recency.link(token, after: runs.last)
    runs.append(token, surprising: surprising)
    advance(token)
  }

  @inline(__always)
  private mutating func advance(_ token: Int) {
    let kind = dictionary.kind(token)
    let seen = kind == 0 ? UInt32(truncatingIfNeeded: token) : 0x4000_0000 | UInt32(kind)
    p2 = p1
    p1 = seen
    path = mix(path ^ seen, 0x9E37_79B1)
    if kind == 1 { speller.ordinal &+= 1 }
  }
}

/// Tokens that may come next, without what is known to be wrong; at most six, and as many that are wrong.
struct Candidates {
  private var a: Int32 = -1
  private var b: Int32 = -1
  private var c: Int32 = -1
  private var d: Int32 = -1
  private var e: Int32 = -1
  private var f: Int32 = -1
  private(set) var count = 0
  private let without: Int32

  init(without: Int) { self.without = Int32(truncatingIfNeeded: without) }

  @inline(__always)
  subscript(index: Int) -> Int {
    switch index {
    case 0: Int(a)
    case 1: Int(b)
    case 2: Int(c)
    case 3: Int(d)
    case 4: Int(e)
    default: Int(f)
    }
  }

  /// Takes those of `entry` that are not here yet; how sure it is of its first.
  @inline(__always)
  mutating func take(_ entry: Followers) -> Int {
    add(entry.first & 0x0FFF_FFFF)
    add(entry.second)
    add(entry.third)
    return Int(entry.first >> 28)
  }

  @inline(__always)
  private mutating func add(_ stored: UInt32) {
    let token = Int32(truncatingIfNeeded: stored) &- 1
    if token < 0 || has(Int(token)) { return }
    switch count {
    case 0: a = token
    case 1: b = token
    case 2: c = token
    case 3: d = token
    case 4: e = token
    default: f = token
    }
    count &+= 1
  }

  @inline(__always)
  func has(_ token: Int) -> Bool {
    let value = Int32(truncatingIfNeeded: token)
    return value == a || value == b || value == c || value == without || value == d || value == e || value == f
  }

  @inline(__always)
  func index(of token: Int) -> Int {
    if token < 0 { return -1 }
    let value = Int32(truncatingIfNeeded: token)
    return value == a ? 0 : value == b ? 1 : value == c ? 2 : value == d ? 3 : value == e ? 4 : value == f ? 5 : -1
  }
}

/// A 32-bit mixing step; the constants are odd.
@inline(__always)
func mix(_ value: UInt32, _ constant: UInt32) -> UInt32 {
  let product = (value ^ value >> 15) &* constant
  return product ^ product >> 13
}
