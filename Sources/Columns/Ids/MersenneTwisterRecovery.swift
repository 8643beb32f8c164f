import Bytes

/// How state is found in ids drawn from MT19937 while the application may draw in between.
///
/// Over GF(2) the recurrence may be squared: x[n+624p] = x[n+397p] ^ F^p x for p = 1, 2, 4, with F the twist of neighbours.
/// So two neighbouring words and two far ones that obey it tell how many draws lie between them, whatever was drawn
/// there: a *link*. Links give rigid pieces; in the largest the recurrence is peeled like an erasure code, which places
/// further ids; a small elimination does the rest.
struct MersenneTwisterRecovery {
  /// Draws that surely follow each other: `length` words from `start` on.
  struct Run {
    var start: Int32
    var length: Int32
  }

  /// pos(near) = pos(anchor) - 1 + 397p, pos(far) = pos(anchor) - 1 + 624p.
  struct Link {
    var anchor: Int32
    var near: Int32
    var far: Int32
  }

  /// Words within which the links of the recurrence itself lie: 624 of the generator and a few from elsewhere.
  static let reach = 760
  /// Most draws looked at.
  static let most = 2600

  /// Untempered words in the order of the sample.
  let words: [UInt32]
  let draws: ArraySlice<IdDraw>
  let bytes: Bool

  init(_ draws: ArraySlice<IdDraw>, bytes: Bool) {
    self.draws = draws
    self.bytes = bytes
    var words: [UInt32] = []
    words.reserveCapacity(draws.count * 3)
    for draw in draws {
      if bytes {
        if draw.isTrace {
          words.append(Self.word(draw.high >> 32, bytes))
          words.append(Self.word(draw.high, bytes))
        }
        words.append(Self.word(draw.low >> 32, bytes))
        words.append(Self.word(draw.low, bytes))
      } else {
        words.append(Self.word(draw.low, bytes))
        words.append(Self.word(draw.low >> 32, bytes))
        if draw.isTrace {
          words.append(Self.word(draw.high, bytes))
          words.append(Self.word(draw.high >> 32, bytes))
        }
      }
    }
    self.words = words
  }

  private static func word(_ bits: UInt64, _ bytes: Bool) -> UInt32 {
    let output = UInt32(truncatingIfNeeded: bits)
    return MersenneTwister.untemper(bytes ? output.byteSwapped : output)
  }

  /// One run a draw.
  private var single: [Run] {
    var at: Int32 = 0
    return draws.map { draw in
      let run = Run(start: at, length: draw.isTrace ? 4 : 2)
      at += run.length
      return run
    }
  }

  static func recover(_ sample: IdSample, bytes: Bool, budget: inout Int) -> MersenneTwister? {
    let draws = sample.draws
    // 48 ids and what comes after them within reach: other generators have no link there.
    guard draws.count >= 160, budget > 200_000 else { return nil }
    let probe = MersenneTwisterRecovery(
      draws[max(0, min(draws.count / 3, draws.count - 430))...].prefix(48 + 380), bytes: bytes)
    let first = probe.links(probe.single.prefix(48), power: 1, ratio: nil, budget: &budget)
    guard !first.isEmpty else { return nil }
    let guess = first.count >= 8 ? Self.ratio(first) : nil

    // The longest stretches without a hole in time.
    var stretches: [Range<Int>] = []
    var start = 0
    for i in 1...draws.count
    where i == draws.count
      || (draws[i].start > draws[i - 1].start && draws[i].start - draws[i - 1].start > 20_000_000_000)
    {
      stretches.append(start..<i)
      start = i
    }
    stretches.sort { ($1.count, $0.lowerBound) < ($0.count, $1.lowerBound) }
    if stretches[0].count < 400 { stretches = [0..<draws.count] }
    for stretch in stretches.prefix(2) {
      // A short part is enough where little is drawn in between.
      for length in guess ?? 0 > 0.6 ? [600, 1000, most] : [most] {
        let part = draws[stretch].prefix(length)
        let recovery = MersenneTwisterRecovery(part, bytes: bytes)
        guard recovery.words.count >= 640 else { break }
        if let generator = recovery.contiguous() ?? (length == 600 ? nil : recovery.linked(guess, budget: &budget)),
          let found = recovery.anchored(generator, span: recovery.words.count * 8, budget: &budget)
        {
          return found
        }
      }
    }
    return nil
  }

  /// Nothing missing and nothing in between: the longest stretch in which every word obeys the recurrence.
  private func contiguous() -> MersenneTwister? {
    let count = words.count - MersenneTwister.long
    var best = (length: 0, start: 0)
    var length = 0
    for n in 0..<count {
      let obeys =
        words[n + MersenneTwister.long] == words[n + MersenneTwister.short]
        ^ MersenneTwister.twist(words[n], words[n + 1])
      length = obeys ? length + 1 : 0
      if length > best.length { best = (length, n + 1 - length) }
    }
    guard best.length >= min(count, 400) else { return nil }
    return MersenneTwister(words: Array(words[best.start..<best.start + MersenneTwister.long]))
  }

  // MARK: Links

  /// Links anchored in `runs`. `ratio` is the share of the generator's draws that is in the sample, where it is known:
  /// then only plausible distances are looked at.
  func links<R: Sequence<Run>>(_ runs: R, power: Int, ratio: Double?, budget: inout Int) -> [Link] {
    var links: [Link] = []
    var index = SlidingIndex(bits: 13, count: words.count)
    var inserted = 0
    var nearest = 1
    var nearReach = Self.reach
    var farthest = 1
    var farReach = Self.reach
    if let ratio {
      let (near, far) = (397 * Double(power) * ratio, 624 * Double(power) * ratio)
      let (nearSlack, farSlack) = (30 + 60 * ratio * Double(power), 30 + 90 * ratio * Double(power))
      nearest = max(1, Int(near - nearSlack))
      nearReach = Int(near + nearSlack)
      farthest = max(1, Int(far - farSlack))
      farReach = Int(far + farSlack)
    }
    var term = [UInt32](repeating: 0, count: power + 1)
    for run in runs where run.length >= power {
      let (start, length) = (Int(run.start), Int(run.length))
      for first in start - 1..<max(start, start + length - power) {
        let anchor = first + 1
        while inserted < min(words.count, anchor + nearReach) {
          index.insert(inserted, hash: UInt64(words[inserted]))
          inserted += 1
        }
        let from = anchor + farthest
        let to = min(words.count, anchor + farReach)
        guard from < to else { break }
        // Of an unseen first word only the top bit matters.
        for top in 0..<(first < start ? 2 : 1) as Range<UInt32> {
          for i in 0...power { term[i] = first + i < start ? top << 31 : words[first + i] }
          for round in 0..<power {
            for i in 0..<power - round { term[i] = MersenneTwister.twist(term[i], term[i + 1]) }
          }
          let twisted = term[0]
          // Far more links than chance and truth together have: the same ids again and again.
          guard budget > 0, links.count < 64 * (anchor + 4) else { return [] }
          budget -= (to - from) * 2
          for far in from..<to {
            let wanted = words[far] ^ twisted
            var near = index.first(hash: UInt64(wanted))
            while near > anchor {
              if words[near] == wanted, near < far, near >= anchor + nearest, near < anchor + nearReach {
                links.append(Link(anchor: Int32(anchor), near: Int32(near), far: Int32(far)))
              }
              near = index.older(near)
              budget -= 2
            }
          }
        }
      }
    }
    return links
  }

  // MARK: Pieces

  private func link(_ links: [Link], power: Int, _ positions: inout RelativePositions) {
    for link in links {
      positions.link(Int(link.anchor), Int(link.near), MersenneTwister.short * power - 1)
      positions.link(Int(link.anchor), Int(link.far), MersenneTwister.long * power - 1)
    }
  }

  private func chain(_ runs: [Run], _ positions: inout RelativePositions) {
    for run in runs {
      for i in 1..<max(1, Int(run.length)) { positions.link(Int(run.start) + i - 1, Int(run.start) + i, 1) }
    }
  }

  /// The share of the generator's draws that is in the sample, by the median of what links of the first power say.
  private static func ratio(_ links: [Link]) -> Double {
    links.map { Double($0.far - $0.anchor) / 624 }.sorted()[links.count / 2]
  }

  /// What elimination has given so far.
  private struct Attempt {
    /// Words of the largest piece it was tried on; smaller ones are not worth another.
    var tried: Int
    /// A state of which only `free` bits are not certain gives most ids; it is what there is if nothing better comes.
    var nearly: MersenneTwister?
    var free = Int.max

    init(tried: Int) { self.tried = tried }
  }

  /// `guess` is the share of draws in the sample as a few links have it.
  private func linked(_ guess: Double?, budget: inout Int) -> MersenneTwister? {
    var runs = single
    let all = links(runs, power: 1, ratio: guess, budget: &budget)
    guard all.count >= 12, budget > 0 else { return nil }
    let ratio = Self.ratio(all)

    var positions = RelativePositions(count: words.count)
    chain(runs, &positions)
    let plausible = all.filter {
      let (near, far) = (Double($0.near - $0.anchor), Double($0.far - $0.anchor))
      return abs(near - 397 * ratio) < 30 + 60 * ratio && abs(far - 624 * ratio) < 30 + 90 * ratio
    }
    link(plausible, power: 1, &positions)
    var attempt = Attempt(tried: words.count)
    if positions.largest().count * 2 > words.count,
      let found = grow(&positions, runs, ratio: ratio, attempt: &attempt, budget: &budget)
    {
      return found
    }
    attempt.tried = 0

    // Neighbours between which the application never draws make longer runs.
    let transitions = Transitions(draws, firsts: runs.map { $0.start }, lengths: runs.map { $0.length })
    let gapless = transitions.gapless(&positions, count: words.count)
    transitions.link(&positions, count: words.count)
    var glued: [Run] = []
    for (i, run) in runs.enumerated() {
      if i > 0, gapless[i - 1] {
        glued[glued.count - 1].length += run.length
      } else {
        glued.append(run)
      }
    }
    runs = glued
    chain(runs, &positions)
    for power in [1, 2, 4] {
      guard budget > 0 else { return nil }
      // Of the first power, longer runs give nothing new.
      if power > 1 { link(links(runs, power: power, ratio: ratio, budget: &budget), power: power, &positions) }
      if let found = grow(&positions, runs, ratio: ratio, attempt: &attempt, budget: &budget) { return found }
    }
    return attempt.nearly
  }

  /// Peels the largest piece, places ids that equal a peeled word, and so on, until a state is known or nothing new comes.
  private func grow(
    _ positions: inout RelativePositions, _ runs: [Run], ratio: Double,
    attempt: inout Attempt,
    budget: inout Int
  ) -> MersenneTwister? {
    // What was known before each placing, to which a contradiction leads back.
    var history: [RelativePositions] = []
    var careful = false
    var deep = false
    var runs = runs
    for _ in 0..<20 {
      let piece = positions.largest()
      guard piece.count >= 60, budget > 0 else { return nil }
      let margin = 1300
      let low = piece.reduce(Int.max) { min($0, $1.offset) } - margin
      let high = piece.reduce(Int.min) { max($0, $1.offset) } + margin
      guard high - low < 1 << 18 else { return nil }
      budget -= (high - low) * 30 + words.count * 30
      var stretch = MersenneTwisterStretch(count: high - low + 1)
      var placed = [Int32](repeating: -1, count: words.count)
      for member in piece {
        placed[member.draw] = Int32(member.offset - low)
        stretch.see(member.offset - low, words[member.draw])
      }
      stretch.peel()
      if deep { stretch.peelDeep(budget: &budget) }
      if stretch.contradictions > 0 {
        // Something that was placed is not where it seemed. Only the piece as it was before that is kept, and ids are
        // placed one by one.
        if careful { _ = history.popLast() }
        guard var sure = history.popLast() else { return nil }
        positions = RelativePositions(count: words.count)
        let kept = sure.largest()
        for member in kept { positions.link(kept[0].draw, member.draw, member.offset - kept[0].offset) }
        runs = single
        chain(runs, &positions)
        careful = true
        deep = true
        continue
      }
      if let start = stretch.run() {
        return MersenneTwister(words: Array(stretch.words[start..<start + MersenneTwister.long]))
      }
      history.append(positions)
      if place(&positions, piece[0], runs, placed, stretch, low: low, ratio: ratio) > 0 { continue }
      if !deep {
        deep = true
        continue
      }
      guard piece.count > attempt.tried else { return nil }
      attempt.tried = piece.count
      guard let (words, free) = stretch.eliminate(budget: &budget) else { return nil }
      if free == 0 { return MersenneTwister(words: words) }
      if free < attempt.free {
        attempt.free = free
        attempt.nearly = MersenneTwister(words: words)
      }
      return nil
    }
    return nil
  }

  /// Links runs elsewhere that equal known words to the piece of `anchor`; how many.
  private func place(
    _ positions: inout RelativePositions, _ anchor: (draw: Int, offset: Int), _ runs: [Run], _ placed: [Int32],
    _ stretch: MersenneTwisterStretch, low: Int, ratio: Double
  ) -> Int {
    var index = SlidingIndex(bits: 15, count: stretch.words.count)
    for at in 0..<stretch.words.count where stretch.isKnown(at) { index.insert(at, hash: UInt64(stretch.words[at])) }
    var count = 0
    var last: (word: Int, at: Int)?
    for run in runs {
      let (start, length) = (Int(run.start), Int(run.length))
      if placed[start] >= 0 {
        last = (start, Int(placed[start]))
        continue
      }
      search: for word in start..<start + length {
        var at = index.first(hash: UInt64(words[word]))
        while at >= 0 {
          if stretch.words[at] == words[word] {
            // Every other word of the run must agree, or not be known.
            let begin = at - (word - start)
            var agree = 0
            var disagree = 0
            for i in 0..<length where begin + i >= 0 && begin + i < stretch.words.count && stretch.isKnown(begin + i) {
              if stretch.words[begin + i] == words[start + i] { agree += 1 } else { disagree += 1 }
            }
            var plausible = agree >= 2
            if !plausible, let last {
              let expected = Double(start - last.word) / ratio
              plausible = abs(Double(begin - last.at) - expected) < 300 + 2 * expected
            }
            if disagree == 0, plausible, positions.link(anchor.draw, start, begin + low - anchor.offset) {
              count += 1
              break search
            }
          }
          at = index.older(at)
        }
      }
    }
    return count
  }

  // MARK: Certainty

  /// The generator with position 0 at its first id of the sample, of which it must give back more words than its state
  /// has; ids are looked for up to `span` words before and behind.
  func anchored(_ generator: MersenneTwister, span: Int, budget: inout Int) -> MersenneTwister? {
    guard budget > span * 20 else { return nil }
    budget -= span * 20
    var walker = generator
    walker.back(span)
    let origin = walker
    var made: [UInt32] = []
    made.reserveCapacity(2 * span)
    walker.run(2 * span) { made.append($0) }
    var wanted: [UInt64: Int] = [:]
    var lengths = [UInt8](repeating: 0, count: words.count)
    for run in single {
      let at = Int(run.start)
      wanted[UInt64(words[at]) << 32 | UInt64(words[at + 1])] = at
      lengths[at] = UInt8(run.length)
    }
    var first: Int?
    var found = 0
    for position in 0..<made.count - 1 {
      let key = UInt64(made[position]) << 32 | UInt64(made[position + 1])
      guard let word = wanted[key] else { continue }
      let length = lengths[word] == 4 && position + 3 < made.count && words[word + 2] == made[position + 2] ? 4 : 2
      wanted[key] = nil
      if first == nil { first = position }
      found += length
    }
    guard let first, found >= MersenneTwister.long + 8 else { return nil }
    var result = origin
    result.run(first) { _ in }
    return result
  }
}

/// Words of the sequence by position, some of them known, and what the recurrence makes of them.
struct MersenneTwisterStretch {
  private(set) var words: [UInt32]
  /// Bit 0: the top bit is known; bit 1: the low 31 bits.
  private var known: [UInt8]
  /// Words that are in the sample.
  private var seen: [Bool]
  private var fresh: [Int32] = []
  private(set) var contradictions = 0
  private let long = MersenneTwister.long
  private let short = MersenneTwister.short

  init(count: Int) {
    words = [UInt32](repeating: 0, count: count)
    known = [UInt8](repeating: 0, count: count)
    seen = [Bool](repeating: false, count: count)
  }

  @inline(__always)
  func isKnown(_ at: Int) -> Bool { known[at] == 3 }

  mutating func see(_ at: Int, _ value: UInt32) {
    seen[at] = true
    learn(at, value)
  }

  private mutating func learn(_ at: Int, _ value: UInt32) {
    if known[at] == 3 {
      if words[at] != value { contradictions += 1 }
      return
    }
    learn(at, value, part: 1, mask: 0x8000_0000)
    learn(at, value, part: 2, mask: 0x7FFF_FFFF)
  }

  private mutating func learn(_ at: Int, _ value: UInt32, part: UInt8, mask: UInt32) {
    if known[at] & part != 0 {
      if (words[at] ^ value) & mask != 0 { contradictions += 1 }
      return
    }
    known[at] |= part
    words[at] |= value & mask
    fresh.append(Int32(at))
  }

  /// Fills in what the recurrence gives from known words.
  mutating func peel() {
    while let at = fresh.popLast(), contradictions < 20 {
      let p = Int(at)
      for n in [p, p - 1, p - short, p - long] where n >= 0 && n + long < words.count {
        let (a, b) = (known[n + long] == 3, known[n + short] == 3)
        let c = known[n] & 1 != 0 && known[n + 1] & 2 != 0
        if a && b {
          let y = MersenneTwister.untwist(words[n + long] ^ words[n + short])
          learn(n, y, part: 1, mask: 0x8000_0000)
          learn(n + 1, y, part: 2, mask: 0x7FFF_FFFF)
        } else if c && a {
          learn(n + short, words[n + long] ^ MersenneTwister.twist(words[n], words[n + 1]))
        } else if c && b {
          learn(n + long, words[n + short] ^ MersenneTwister.twist(words[n], words[n + 1]))
        }
      }
    }
  }

  /// Peels with the squared recurrences too.
  mutating func peelDeep(budget: inout Int) {
    var term = [UInt32](repeating: 0, count: 9)
    for _ in 0..<16 {
      guard contradictions == 0, budget > 0 else { return }
      var found = false
      for power in [2, 4, 8] where words.count > long * power {
        budget -= words.count * 2
        var full = 0
        for end in 0..<words.count - long * power + power {
          full = known[end] == 3 ? full + 1 : 0
          guard full > power else { continue }
          let n = end - power
          let (near, far) = (n + short * power, n + long * power)
          guard far < words.count, (known[near] == 3) != (known[far] == 3) else { continue }
          for i in 0...power { term[i] = words[n + i] }
          for round in 0..<power {
            for i in 0..<power - round { term[i] = MersenneTwister.twist(term[i], term[i + 1]) }
          }
          if known[near] == 3 { learn(far, words[near] ^ term[0]) } else { learn(near, words[far] ^ term[0]) }
          found = true
        }
      }
      guard found else { return }
      peel()
    }
  }

  /// The start of 624 known words in a row.
  func run() -> Int? {
    var length = 0
    for n in known.indices {
      length = known[n] == 3 ? length + 1 : 0
      if length == long { return n + 1 - length }
    }
    return nil
  }

  /// A state by elimination, tried in windows with few unknown words, and how many of its bits stay free.
  func eliminate(budget: inout Int) -> (words: [UInt32], free: Int)? {
    guard words.count > long + 700 else { return nil }
    // A window counts only if enough words were seen, not derived, behind it. Of each stretch of 624
    // the best is taken.
    var seenBefore = [Int32](repeating: 0, count: words.count + 1)
    for n in seen.indices { seenBefore[n + 1] = seenBefore[n] + (seen[n] ? 1 : 0) }
    var windows: [(missing: Int, start: Int)] = []
    var missing = 0
    for n in 0..<words.count - 700 {
      if known[n] != 3 { missing += 1 }
      if n >= long, known[n - long] != 3 { missing -= 1 }
      guard n >= long - 1 else { continue }
      let start = n + 1 - long
      if start % long == 0 { windows.append((long, start)) }
      let after = Int(seenBefore[words.count] - seenBefore[n + 1])
      if missing < windows[windows.count - 1].missing, after >= 2 * missing + 16 {
        windows[windows.count - 1] = (missing, start)
      }
    }
    // Earlier windows have more unknowns, but more equations too.
    var limit = min((windows.map { $0.missing }.min() ?? long) + 40, long)
    var last = -1
    var best: (words: [UInt32], free: Int)?
    for _ in 0..<5 {
      guard let window = windows.first(where: { $0.missing < limit }) else { break }
      if window.start != last,
        let found = eliminate(start: window.start, missing: window.missing, budget: &budget)
      {
        if found.free == 0 { return found }
        if found.free < (best?.free ?? Int.max) { best = found }
      }
      last = window.start
      limit = min(limit * 3 / 2, long)
    }
    return best
  }

  /// The bits of the unknown words of a window as unknowns, known words further on as equations, all over GF(2). Nil
  /// unless they fix nearly all of them and at least 64 equations are left over, all of which hold.
  private func eliminate(start: Int, missing: Int, budget: inout Int) -> (words: [UInt32], free: Int)? {
    let unknowns = missing * 32
    // Bits of a row: the unknowns, then the constant.
    let width = unknowns / 64 + 1
    let cost = unknowns * unknowns / 2 * width / 2
    guard unknowns <= 9000, cost < budget, width * 8 * 32 * long < 32 << 20 else { return nil }
    let constant = (word: unknowns / 64, bit: UInt64(1) << UInt64(unknowns % 64))

    // The last 624 words as 32 rows each, or as constants.
    var rows = [UInt64](repeating: 0, count: long * 32 * width)
    var variable = [Int](repeating: -1, count: long)
    var number = 0
    var isConstant = [Bool](repeating: false, count: long)
    func store(constant value: UInt32, _ slot: Int) {
      isConstant[slot] = true
      for i in slot * 32 * width..<(slot + 1) * 32 * width { rows[i] = 0 }
      for bit in 0..<32 where value >> UInt32(bit) & 1 == 1 {
        rows[(slot * 32 + bit) * width + constant.word] = constant.bit
      }
    }
    for n in 0..<long {
      if known[start + n] == 3 {
        store(constant: words[start + n], n)
      } else {
        variable[n] = number
        for bit in 0..<32 {
          let v = number * 32 + bit
          rows[(n * 32 + bit) * width + v / 64] = 1 << UInt64(v % 64)
        }
        number += 1
      }
    }
    // Reduced rows by their lowest unknown.
    var pivots = [UInt64]()
    var pivotOf = [Int](repeating: -1, count: unknowns)
    var rank = 0
    var spare = 0
    var row = [UInt64](repeating: 0, count: width)
    for n in long..<words.count - start {
      // x[n] = x[n-227] ^ twist of x[n-624] and x[n-623], bit by bit; it goes where x[n-624] was, of which only the top bit
      // is read.
      let (slot0, slot1, slot397) = (n % long, (n + 1) % long, (n + short) % long)
      let isKnown = known[start + n] == 3
      if isKnown, isConstant[slot0], isConstant[slot1], isConstant[slot397] {
        store(constant: words[start + n], slot0)
        budget -= width * 8
        continue
      }
      let top = Array(rows[(slot0 * 32 + 31) * width..<(slot0 * 32 + 32) * width])
      for bit in 0..<32 {
        let from397 = (slot397 * 32 + bit) * width
        for i in 0..<width { row[i] = rows[from397 &+ i] }
        if bit < 30 {
          let from1 = (slot1 * 32 + bit + 1) * width
          for i in 0..<width { row[i] ^= rows[from1 &+ i] }
        } else if bit == 30 {
          for i in 0..<width { row[i] ^= top[i] }
        }
        if (0x9908_B0DF as UInt32) >> UInt32(bit) & 1 == 1 {
          let from1 = slot1 * 32 * width
          for i in 0..<width { row[i] ^= rows[from1 &+ i] }
        }
        budget -= width * 2
        if isKnown {
          if words[start + n] >> UInt32(bit) & 1 == 1 { row[constant.word] ^= constant.bit }
          let (pivot, work) = Self.reduce(&row, pivots, pivotOf, unknowns)
          budget -= work
          if let pivot {
            pivotOf[pivot] = rank * width
            pivots += row
            rank += 1
          } else {
            guard row[constant.word] & constant.bit == 0 else { return nil }
            spare += 1
          }
        } else {
          for i in 0..<width { rows[(slot0 * 32 &+ bit) &* width &+ i] = row[i] }
        }
      }
      guard budget > 0 else { return nil }
      isConstant[slot0] = false
      if isKnown { store(constant: words[start + n], slot0) }
      if rank == unknowns && spare >= 256 { break }
    }
    // Of the first word only the top bit counts.
    let free = unknowns - rank - (known[start] & 2 == 0 ? 31 : 0)
    guard spare >= 64, free <= 256 else { return nil }
    // From the last unknown back; those that nothing fixes (of the first word only the top bit counts) are 0.
    var solution = [UInt64](repeating: 0, count: width)
    for column in (0..<unknowns).reversed() where pivotOf[column] >= 0 {
      var parity: UInt64 = 0
      for i in column / 64..<width { parity ^= pivots[pivotOf[column] + i] & solution[i] }
      parity ^= pivots[pivotOf[column] + constant.word] & constant.bit
      if parity.nonzeroBitCount & 1 == 1 { solution[column / 64] |= 1 << UInt64(column % 64) }
    }
    let state = (0..<long).map { n in
      guard variable[n] >= 0 else { return words[start + n] }
      let v = variable[n] * 32
      return UInt32(truncatingIfNeeded: solution[v / 64] >> UInt64(v % 64))
    }
    return (state, max(0, free))
  }

  /// Takes out of `row` every unknown that has a pivot. The lowest one that has none, if any is left, and the work done.
  private static func reduce(_ row: inout [UInt64], _ pivots: [UInt64], _ pivotOf: [Int], _ unknowns: Int)
    -> (pivot: Int?, work: Int)
  {
    let width = row.count
    var work = 8
    for at in 0..<width {
      while row[at] != 0 {
        let column = at * 64 + row[at].trailingZeroBitCount
        if column >= unknowns { return (nil, work) }
        let from = pivotOf[column]
        if from < 0 { return (column, work) }
        work += (width - at) / 2 + 4
        for i in at..<width { row[i] ^= pivots[from &+ i] }
      }
    }
    return (nil, work)
  }
}
