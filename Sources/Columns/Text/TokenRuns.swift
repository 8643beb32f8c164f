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
  /// Where the run with some hash last ended.
  private var ends = Buffer<UInt32>(repeating: 0, count: 1 << 8)
  private var entered = 0
  private var at = 0
  private var length = 0
  /// Whether the run goes on behind a token that it did not foretell, and whether it just was wrong.
  private var recovering = false
  private var wrong = false

  init() { tokens.append(0) }

  var count: Int { tokens.count }

  private static let mask: UInt32 = 0x0FFF_FFFF

  @inline(__always)
  var last: Int { Int(tokens[tokens.count &- 1] & Self.mask) }

  @inline(__always)
  var following: Bool { length > 0 }

  /// The token that the run foretells; -1 without one.
  @inline(__always)
  var expected: Int { length > 0 ? Int(tokens[at] & Self.mask) : -1 }

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
    recovering = !recovering && length > 3
    length = recovering ? 1 : 0
    wrong = true
  }

  mutating func leave() { length = 0 }

  /// Appends a token that the run did not foretell, and looks for a run to follow from here.
  mutating func append(_ token: Int, surprising: Bool) {
    let how: UInt32 = surprising ? 2 : wrong ? 1 : 0
    wrong = false
    tokens.append(UInt32(truncatingIfNeeded: token) & Self.mask | how << 28)
    if length > 0 { at &+= 1 }
    let n = tokens.count
    if n < 4 { return }
    entered &+= 1
    if entered > ends.count, ends.count < 1 << 20 { grow() }
    let place = Int(hash(n) >> 4) & (ends.count &- 1)
    let candidate = Int(ends[place])
    ends[place] = UInt32(truncatingIfNeeded: n)
    if candidate >= 4, same(candidate, n, 1), same(candidate, n, 2), same(candidate, n, 3) {
      at = candidate
      length = 2
      recovering = false
    }
  }

  @inline(__always)
  private func same(_ a: Int, _ b: Int, _ back: Int) -> Bool {
    (tokens[a &- back] ^ tokens[b &- back]) & Self.mask == 0
  }

  @inline(__always)
  private func hash(_ n: Int) -> UInt32 {
    let newest = mix(tokens[n &- 1] & Self.mask, 0x85EB_CA6B) ^ (tokens[n &- 2] & Self.mask)
    return mix(mix(newest, 0xC2B2_AE35) ^ (tokens[n &- 3] & Self.mask), 0x27D4_EB2F)
  }

  private mutating func grow() {
    let old = ends.count
    var bigger = Buffer<UInt32>(repeating: 0, count: old &* 4)
    for place in 0..<old where ends[place] > 0 {
      let end = ends[place]
      let to = Int(hash(Int(end)) >> 4) & (bigger.count &- 1)
      bigger[to] = max(bigger[to], end)
    }
    swap(&ends, &bigger)
  }
}
