import Bytes

/// All tokens of a segment, string ends included, and the run that is followed in them: behind the last occurrence of the
/// last three tokens.
///
/// Where one token stands in another's place the run goes on behind it, once: strings of one pattern differ in few
/// tokens. Only ends of runs are entered into the table, so a run leads to where one like it last began to differ.
struct TokenRuns: ~Copyable {
  /// The token in 28 bits; above, how it came: 0 foretold or guessed at once, 1 guessed after the run was wrong, 2
  /// unguessed. What was once a surprise will often be one again.
  private var tokens = Buffer<UInt32>(capacity: 1 << 8)
  /// Where the run with some hash last ended, in 24 bits; above, the upper eight bits of the hash.
  private var ends = Buffer<UInt32>(repeating: 0, count: 1 << 8)
  private var entered = 0
  /// Where each column's last string begins, and its last part.
  private var starts = Buffer<UInt32>()
  private var at = 0
  private var length = 0
  /// Whether the run goes on behind a token that it did not foretell, and whether it just was wrong.
  private var recovering = false
  private var wrong = false

  init() { tokens.append(0) }

  var count: Int { tokens.count }

  private static let mask: UInt32 = 0x0FFF_FFFF
  private static let position: UInt32 = 0x00FF_FFFF
  private static let bound = 1 << 16
  /// Above the column where a string begins.
  private static let begin: UInt32 = 3 << 28

  /// Asks for the table, which is met at random and has mostly left the caches since the block before: one after the other
  /// its lines come much faster.
  func prefetch() {
    var at = 0
    while at < ends.count {
      ends.prefetch(at)
      at &+= 16
    }
  }

  /// The last token of the string, or 0.
  @inline(__always)
  var last: Int {
    let last = tokens[tokens.count &- 1]
    return last < Self.begin ? Int(last & Self.mask) : 0
  }

  @inline(__always)
  var following: Bool { length > 0 && tokens[at] < Self.begin }

  /// The token that the run foretells; -1 without one.
  @inline(__always)
  var expected: Int { following ? Int(tokens[at] & Self.mask) : -1 }

  /// Begins a string, or a part of one, of `column`: the run goes on if its next string is of that column, too, else
  /// the column's last string is followed.
  mutating func begin(column: Int, part: Int) {
    let place = column &* 2 &+ min(part, 1)
    if place >= starts.count { starts.append(repeating: 0, count: place &+ 2 &- starts.count) }
    let mark = UInt32(truncatingIfNeeded: place) & Self.mask | Self.begin
    if length > 0, tokens[at] == mark {
      at &+= 1
    } else {
      at = Int(starts[place])
      length = at > 0 ? 1 : 0
      recovering = false
    }
    wrong = false
    tokens.append(mark)
    starts[place] = UInt32(truncatingIfNeeded: tokens.count)
  }

  /// How far the run is to be trusted: its length, how the foretold token came, whether it is recovering. Below 128.
  @inline(__always)
  var context: Int { (min(length, 15) &* 4 &+ Int(tokens[at] >> 28)) &+ (recovering ? 64 : 0) }

  /// The run was right.
  @inline(__always)
  mutating func follow(_ token: Int) {
    tokens.append(UInt32(truncatingIfNeeded: token) & Self.mask)
    at &+= 1
    length &+= 1
    if length > 4 { recovering = false }
  }

  /// The run was wrong.
  mutating func missed() {
    recovering = !recovering && length > 1
    length = recovering ? 1 : 0
    wrong = true
  }

  /// Appends a token that the run did not foretell, and looks for a run to follow from here.
  mutating func append(_ token: Int, surprising: Bool) {
    let how: UInt32 = surprising ? 2 : wrong ? 1 : 0
    wrong = false
    tokens.append(UInt32(truncatingIfNeeded: token) & Self.mask | how << 28)
    if length > 0 { at &+= 1 }
    let n = tokens.count
    if n < 4 { return }
    entered &+= 1
    if entered > ends.count, ends.count < Self.bound { grow() }
    let hash = hash(n)
    let place = Int(hash >> 4) & (ends.count &- 1)
    let found = ends[place]
    let candidate = Int(found & Self.position)
    ends[place] = hash & ~Self.position | UInt32(truncatingIfNeeded: n) & Self.position
    if (found ^ hash) & ~Self.position == 0, candidate >= 4, candidate < n, same(candidate, n, 1),
      same(candidate, n, 2), same(candidate, n, 3)
    {
      at = candidate
      length = 2
      recovering = false
    }
  }

  @inline(__always)
  private func same(_ a: Int, _ b: Int, _ back: Int) -> Bool {
    Self.bare(tokens[a &- back]) == Self.bare(tokens[b &- back])
  }

  @inline(__always)
  private func hash(_ n: Int) -> UInt32 {
    let newest = mix(Self.bare(tokens[n &- 1]), 0x85EB_CA6B) ^ Self.bare(tokens[n &- 2])
    return mix(mix(newest, 0xC2B2_AE35) ^ Self.bare(tokens[n &- 3]), 0x27D4_EB2F)
  }

  /// Without how it came.
  @inline(__always)
  private static func bare(_ token: UInt32) -> UInt32 { token < begin ? token & mask : token }

  private mutating func grow() {
    let old = ends.count
    var bigger = Buffer<UInt32>(repeating: 0, count: old &* 4)
    for place in 0..<old where ends[place] & Self.position > 3 {
      let hash = hash(Int(ends[place] & Self.position))
      bigger[Int(hash >> 4) & (bigger.count &- 1)] = ends[place]
    }
    swap(&ends, &bigger)
  }
}
