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
    // 24 ids and what comes after them within reach: other generators have no link there. Few links are no measure of
    // how much is drawn in between; then more is looked at.
    let isFree = budget > 100_000_000
    var first: [Link] = []
    for third in 1...2 where third == 1 || (1..<6).contains(first.count) {
      let probe = MersenneTwisterRecovery(
        draws[max(0, min(draws.count * third / 3, draws.count - 430))...].prefix(24 + 380), bytes: bytes)
      let anchors = probe.single.prefix(24)
      first += probe.links(anchors.prefix(8), budget: &budget)
      // Where nearly all is there a few tell enough.
      if first.count < 8 {
        let isEven = first.count >= 3 && Self.areEven(first)
        first += probe.links(anchors.dropFirst(8), isEven: isEven, budget: &budget)
      }
    }
    guard !first.isEmpty, first.count >= 6 || isFree else { return nil }
    let guess = first.count >= 6 ? Self.ratio(first) : nil
    // Ids are of two words or four, and most that draw beside them take two as well.
    let isEven = first.count >= 6 && Self.areEven(first)

    // The more is drawn in between, the more ids it takes; with fewer only an undisturbed sequence is found. Where work
    // hardly counts, less is tried as well, and what few links promise.
    let share = Self.ratio(first)
    let isEnough =
      share > 0.75
      ? draws.count >= 480 : share > 0.4 ? draws.count >= (isFree ? 320 : 800) : isFree && draws.count >= 640

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
        if let generator = recovery.contiguous()
          ?? (length == 600 || !isEnough
            ? nil : recovery.linked(guess, isEven: isEven, powers: isFree ? [1, 2, 4] : [1], budget: &budget)),
          let found = recovery.anchored(
            generator, span: Int(Double(recovery.words.count) * min(8, 1.25 / share)) + 1000, budget: &budget)
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

  /// Whether an even number of words lies between all that belong together.
  private static func areEven(_ links: [Link]) -> Bool { links.allSatisfy { ($0.near ^ $0.far) & 1 == 1 } }

  /// What elimination has given so far.
  private struct Attempt {
    /// Words of the largest piece it was tried on; smaller ones are not worth another.
    var tried: Int
    /// A state of which only `free` bits are not certain gives most ids; it is what there is if nothing better comes.
    var nearly: MersenneTwister?
    var free = Int.max

    init(tried: Int) { self.tried = tried }
  }

  /// `guess` is the share of draws in the sample as a few links have it, which also say whether all that is drawn
  /// `isEven`; links of higher `powers` are many and tell little that is new.
  private func linked(_ guess: Double?, isEven: Bool, powers: [Int], budget: inout Int) -> MersenneTwister? {
    var runs = single
    let all =
      guess.map { links(runs, power: 1, ratio: $0, isEven: isEven, budget: &budget) } ?? links(runs, budget: &budget)
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
    if positions.largestCount * 2 > words.count,
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
    for power in powers {
      guard budget > 0 else { return nil }
      // Of the first power, longer runs give nothing new.
      if power > 1 {
        let more = links(runs, power: power, ratio: ratio, isEven: false, budget: &budget)
        link(more, power: power, &positions)
      }
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
    // What is known by position, kept from one placing to the next while the piece stays where it was. Positions count
    // from the word `anchor`.
    var stretch = MersenneTwisterStretch(count: 0)
    var placed: [Int32] = []
    var anchor = 0
    var (low, high) = (0, 0)
    let margin = 700
    for _ in 0..<20 {
      let piece = positions.largest()
      guard piece.count >= 60, budget > 0 else { return nil }
      var origin = piece.first { $0.draw == anchor }?.offset ?? 0
      let first = piece.reduce(Int.max) { min($0, $1.offset) }
      let last = piece.reduce(Int.min) { max($0, $1.offset) }
      if stretch.count == 0 || first - origin < low + margin / 2 || last - origin > high - margin / 2 {
        (anchor, origin) = piece[0]
        (low, high) = (first - origin - margin, last - origin + margin)
        guard high - low < 1 << 18 else { return nil }
        budget -= (high - low) * 30 + words.count * 30
        stretch = MersenneTwisterStretch(count: high - low + 1)
        placed = [Int32](repeating: -1, count: words.count)
      }
      for member in piece where placed[member.draw] < 0 {
        let at = member.offset - origin - low
        placed[member.draw] = Int32(at)
        stretch.see(at, words[member.draw])
      }
      budget -= words.count * 8
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
        stretch = MersenneTwisterStretch(count: 0)
        careful = true
        deep = true
        continue
      }
      if let start = stretch.run() { return MersenneTwister(words: stretch.words(from: start)) }
      history.append(positions)
      if place(&positions, anchor, runs, placed, stretch, low: low, ratio: ratio) > 0 { continue }
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

  /// Links runs elsewhere that equal known words to the piece of the word `anchor`, from which `low` counts; how many.
  private func place(
    _ positions: inout RelativePositions, _ anchor: Int, _ runs: [Run], _ placed: [Int32],
    _ stretch: borrowing MersenneTwisterStretch, low: Int, ratio: Double
  ) -> Int {
    var index = SlidingIndex(bits: 13, count: stretch.words.count)
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
            if disagree == 0, plausible, positions.link(anchor, start, begin + low) {
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
    var wanted = FlatMap(expecting: words.count)
    var lengths = [UInt8](repeating: 0, count: words.count)
    var filter = Buffer<UInt64>(repeating: 0, count: 1 << 10)
    for run in single {
      let at = Int(run.start)
      wanted.set(UInt64(words[at]) << 32 | UInt64(words[at + 1]), UInt32(at))
      lengths[at] = UInt8(run.length)
      filter[Int(words[at] >> 22)] |= 1 << UInt64(words[at] >> 16 & 63)
    }
    var first: Int?
    var found = 0
    for position in 0..<made.count - 1 {
      if filter[Int(made[position] >> 22)] >> UInt64(made[position] >> 16 & 63) & 1 == 0 { continue }
      let key = UInt64(made[position]) << 32 | UInt64(made[position + 1])
      let hit = wanted.find(key)
      guard hit != FlatMap.absent, lengths[Int(hit)] > 0 else { continue }
      let word = Int(hit)
      let length = lengths[word] == 4 && position + 3 < made.count && words[word + 2] == made[position + 2] ? 4 : 2
      lengths[word] = 0
      if first == nil { first = position }
      found += length
    }
    guard let first, found >= MersenneTwister.long + 8 else { return nil }
    var result = origin
    result.run(first) { _ in }
    return result
  }
}
