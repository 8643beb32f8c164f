import Bytes

/// Where known tokens are found that nobody guessed: among those that once followed the token before, newest first, or
/// else in the order in which their class last surprised us.
struct TokenRecency: ~Copyable {
  private struct Known: BitwiseCopyable {
    /// Where among the surprises of its class the token stands last, and the newest link to a follower.
    var place: UInt32 = 0
    var link: UInt32 = 0
    /// The walk that last saw it.
    var walk: UInt32 = 0
  }

  private struct Link: BitwiseCopyable {
    var follower: UInt32
    var earlier: UInt32
  }

  private var known = Buffer<Known>(capacity: 1 << 8)
  private var links = Buffer<Link>(capacity: 1 << 8)
  private var words = Buffer<UInt32>()
  private var numbers = Buffer<UInt32>()
  private var opaques = Buffer<UInt32>()
  private var walk: UInt32 = 0

  private static let lastRank = 15
  private static let steps = 16

  init() {
    // Token 0 is the end of a string; link 0 is none.
    know(0)
    links.append(Link(follower: 0, earlier: 0))
  }

  /// Makes room for what is known of a new token, the next in order.
  mutating func know(_ token: Int) { known.append(Known()) }

  /// Notes that `token` followed `before`, which did not foretell it.
  @inline(__always)
  mutating func link(_ token: Int, after before: Int) {
    let earlier = known[before].link
    known[before].link = UInt32(truncatingIfNeeded: links.count)
    links.append(Link(follower: UInt32(truncatingIfNeeded: token), earlier: earlier))
  }

  /// The rank of `token`, from 1 on, among the followers of `before`, each counted once and those in `wrong` not at
  /// all; 0 where it has none.
  mutating func rank(of token: Int, after before: Int, _ wrong: Candidates) -> Int {
    let (rank, found) = search(token, Int.max, before, wrong)
    return found < 0 ? 0 : rank
  }

  mutating func token(at rank: Int, after before: Int, _ wrong: Candidates) -> Int {
    search(-1, rank, before, wrong).token
  }

  private mutating func search(
    _ token: Int, _ rank: Int, _ before: Int, _ wrong: Candidates
  ) -> (rank: Int, token: Int) {
    walk &+= 1
    var at = Int(known[before].link)
    var counted = 0
    var steps = 0
    while at > 0, steps < Self.steps, counted < Self.lastRank {
      let link = links[at]
      let candidate = Int(link.follower)
      if known[candidate].walk != walk {
        known[candidate].walk = walk
        if !wrong.has(candidate) {
          counted &+= 1
          if candidate == token || counted == rank { return (counted, candidate) }
        }
      }
      at = Int(link.earlier)
      steps &+= 1
    }
    return (0, -1)
  }

  /// Notes a surprise of the class `which`.
  @inline(__always)
  mutating func note(_ token: Int, _ which: Int) {
    let value = UInt32(truncatingIfNeeded: token)
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
