import Bytes

/// Where known tokens are found that nobody guessed: among those that once followed the token before, newest first, or
/// else in the order in which their class last surprised us.
struct TokenRecency: ~Copyable {
  private struct Known: BitwiseCopyable {
    /// Where among the surprises of its class the token stands last.
    var place: UInt32 = 0
    /// Its followers, each once, the newest first: `count` of them in a row with room for `room`.
    var row: UInt32 = 0
    var count: UInt16 = 0
    var room: UInt16 = 0
  }

  private var known = Buffer<Known>(capacity: 1 << 8)
  private var rows = Buffer<UInt32>(capacity: 1 << 8)
  private var words = Buffer<UInt32>()
  private var numbers = Buffer<UInt32>()
  private var opaques = Buffer<UInt32>()
  /// Of each class: behind where the surprise that last came again had been before.
  private var resume: SIMD4<UInt32> = .zero

  private static let lastRank = 15
  private static let most = 16

  init() {
    // Token 0 is the end of a string.
    know(0)
  }

  /// Makes room for what is known of a new token, the next in order.
  mutating func know(_ token: Int) { known.append(Known()) }

  /// Notes that `token` followed `before`, which did not foretell it.
  @inline(__always)
  mutating func link(_ token: Int, after before: Int) {
    let value = UInt32(truncatingIfNeeded: token)
    var it = known[before]
    let count = Int(it.count)
    let row = rows.elements[Int(it.row)..<(Int(it.row) &+ count)]
    // Those before it move down by one, over it or the one that is too many.
    var moving = value
    var at = 0
    while at < count {
      let next = row[at]
      row[at] = moving
      if next == value { return }
      moving = next
      at &+= 1
    }
    if count == Self.most { return }
    if it.count == it.room { it = moved(it) }
    rows[Int(it.row) &+ count] = moving
    it.count &+= 1
    known[before] = it
  }

  /// To a row twice as long.
  @inline(never)
  private mutating func moved(_ it: Known) -> Known {
    let row = rows.count
    let room = it.room == 0 ? 2 : it.room &* 2
    rows.append(repeating: 0, count: Int(room))
    for k in 0..<Int(it.count) { rows[row &+ k] = rows[Int(it.row) &+ k] }
    return Known(place: it.place, row: UInt32(truncatingIfNeeded: row), count: it.count, room: room)
  }

  /// The rank of `token`, from 1 on, among the followers of `before`, those in `wrong` left out; 0 where it has none.
  @inline(__always)
  func rank(of token: Int, after before: Int, _ wrong: Candidates) -> Int {
    let it = known[before]
    let row = rows.elements[Int(it.row)..<(Int(it.row) &+ Int(it.count))]
    var at = 0
    while at < row.count, Int(row[at]) != token { at &+= 1 }
    if at == row.count { return 0 }
    var rank = 1
    var k = 0
    while k < at {
      if !wrong.has(Int(row[k])) { rank &+= 1 }
      k &+= 1
    }
    return rank > Self.lastRank ? 0 : rank
  }

  /// The token of this rank, or -1.
  @inline(__always)
  func token(at rank: Int, after before: Int, _ wrong: Candidates) -> Int {
    let it = known[before]
    let row = rows.elements[Int(it.row)..<(Int(it.row) &+ Int(it.count))]
    var left = rank
    var at = 0
    while at < row.count {
      let candidate = Int(row[at])
      if !wrong.has(candidate) {
        left &-= 1
        if left == 0 { return candidate }
      }
      at &+= 1
    }
    return -1
  }

  /// Notes a surprise of the class `which`; `isNew`: the first time.
  @inline(__always)
  mutating func note(_ token: Int, _ which: Int, isNew: Bool = false) {
    let value = UInt32(truncatingIfNeeded: token)
    if !isNew { resume[which] = known[token].place &+ 1 }
    switch which {
    case 0:
      known[token].place = UInt32(truncatingIfNeeded: words.count)
      words.append(value)
    case 1:
      known[token].place = UInt32(truncatingIfNeeded: numbers.count)
      numbers.append(value)
    default:
      known[token].place = UInt32(truncatingIfNeeded: opaques.count)
      opaques.append(value)
    }
  }

  /// The number (1) or opaque token (2) that came behind the one that last came again, or `ahead` more; or -1.
  @inline(__always)
  func next(_ which: Int, ahead: Int) -> Int {
    let at = Int(resume[which]) &+ ahead
    if which == 1 { return at < numbers.count ? Int(numbers[at]) : -1 }
    return at < opaques.count ? Int(opaques[at]) : -1
  }

  private func total(_ which: Int) -> Int { which == 0 ? words.count : which == 1 ? numbers.count : opaques.count }

  /// How many surprises of its class ago `token` was one; 1 is the last.
  func distance(to token: Int, _ which: Int) -> Int { total(which) &- Int(known[token].place) }

  func token(distance: UInt64, _ which: Int) -> Int? {
    let total = total(which)
    guard distance <= UInt64(total) else { return nil }
    let at = total &- Int(distance)
    return Int(which == 0 ? words[at] : which == 1 ? numbers[at] : opaques[at])
  }
}
