import Bytes

/// Which column the next string belongs to, guessed from the columns of the last two strings.
///
/// The stream: for each of the (at most three) columns that lately followed the last two, and then of those that
/// followed the last one alone, without repeats: whether it is this one. If none is, its number. With one column, nothing.
struct ColumnOrder: ~Copyable {
  private var models = Models()
  private var followers = FollowerTable()
  private let flags: Int
  private let numbers: Int
  private var last = 0
  private var earlier = 0

  init() {
    flags = models.allocate(6 * 16)
    numbers = models.allocate(ModelSize.number)
  }

  mutating func code<C: BitCoder & ~Copyable>(_ column: Int, columns: Int, _ coder: inout C) -> Int {
    if columns == 1 { return 0 }
    let pair = mix(
      mix(UInt32(truncatingIfNeeded: last), 0x51ED_270B) ^ UInt32(truncatingIfNeeded: earlier), 0x2545_F491)
    let single = mix(UInt32(truncatingIfNeeded: last), 0x6C07_8965)
    let pairSlot = followers.find(pair)
    let singleSlot = followers.find(single)
    var candidates = Candidates(without: -1)
    let pairSure = pairSlot >= 0 ? candidates.take(followers[pairSlot]) : 0
    let own = candidates.count
    let singleSure = singleSlot >= 0 ? candidates.take(followers[singleSlot]) : 0
    var found = -1
    var k = 0
    while k < candidates.count {
      let place = k < own ? k &* 16 &+ pairSure : (k &- own &+ 3) &* 16 &+ singleSure
      if coder.codeBit(candidates[k] == column, &models, flags &+ place) {
        found = candidates[k]
        break
      }
      k &+= 1
    }
    if found < 0 { found = Int(truncatingIfNeeded: coder.codeNumber(UInt64(column), &models, numbers)) }
    if found < 0 || found >= columns {
      coder.fail()
      found = 0
    }
    if pairSlot >= 0 { followers.note(found, in: pairSlot) }
    if singleSlot >= 0 { followers.note(found, in: singleSlot) }
    if pairSlot < 0 { followers.insert(found, after: pair) }
    if singleSlot < 0 { followers.insert(found, after: single) }
    earlier = last
    last = found &+ 1
    return found
  }
}
