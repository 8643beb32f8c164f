import Bytes

/// How state is found in ids of Go's math/rand: exact relative positions from the law itself, whatever the order and the
/// gaps; rigid pieces; what the law says about words between known ones; and elimination for what is left.
///
/// Byte ids: 273 words are 239 units less a byte, 607 words are 531 units and a byte. So bytes 1 to 6 of unit i, 2 to 7 of
/// the unit 239 before it and 0 to 5 of the unit 531 before it are the same parts of three words that obey the law, but
/// for the place where one word ends and the next begins, across which no carry goes. 47 bits must agree by chance.
enum LaggedFibonacciRecovery {
  struct Link {
    var unit: Int32
    /// The unit one short lag (239 units or 273 words) before.
    var near: Int32
    /// The unit one long lag (531 units or 607 words) before.
    var far: Int32
    /// Where in `unit` a word starts, 0 to 6 (byte ids).
    var phase: Int32
  }

  static let bytesNear = 239
  static let bytesFar = 531

  // MARK: Links

  /// Key bits of bytes 3 to 5 and of bytes 1 to 3 of a 48-bit run.
  @inline(__always) private static func upperKey(_ run: UInt64) -> UInt64 { mix(run >> 24) }
  @inline(__always) private static func lowerKey(_ run: UInt64) -> UInt64 { mix(run >> 8 & 0xFF_FFFF) }
  @inline(__always) private static func mix(_ bits: UInt64) -> UInt64 { bits ^ bits >> 12 }

  /// `a - b` in 48 bits, the lower `split` bits (a word's end) apart from the rest (the next word's beginning).
  @inline(__always)
  private static func difference(_ a: UInt64, _ b: UInt64, split: UInt64, borrow: UInt64) -> UInt64 {
    let low: UInt64 = 1 << split - 1
    return ((a & low) &- (b & low) &- borrow) & low | ((a & ~low) &- (b & ~low)) & (1 << 48 - 1)
  }

  /// How many units of the sample before a unit that one short lag before it is looked for: wide enough for draws of which
  /// only 30 % are in the sample.
  static let byteLags = 61...330
  static let wordLags = 71...400

  /// Links whose later unit lies in `range`.
  static func byteLinks(
    _ units: [UInt64], _ range: Range<Int>, lags: ClosedRange<Int> = byteLags, budget: inout Int
  ) -> [Link] {
    var links: [Link] = []
    let low48: UInt64 = 1 << 48 - 1
    var upper = SlidingIndex(bits: 13, count: units.count)
    var lower = SlidingIndex(bits: 13, count: units.count)
    // The same parts of the runs as in the indexes, at the top of a word.
    var upperSeen = WordFilter()
    var lowerSeen = WordFilter()
    var inserted = max(0, range.lowerBound - 680)
    for i in range {
      while inserted < i - 150 {
        let run = units[inserted] & low48
        upper.insert(inserted, hash: upperKey(run))
        lower.insert(inserted, hash: lowerKey(run))
        upperSeen.insert(UInt32(truncatingIfNeeded: run >> 24) << 8)
        lowerSeen.insert(UInt32(truncatingIfNeeded: run >> 8) << 8)
        inserted += 1
      }
      let a = units[i] >> 8 & low48
      let oldest = max(0, i - 680)
      let from = max(0, i - lags.upperBound)
      let to = i - lags.lowerBound + 1
      guard from < to else { continue }
      // Far more links than chance and truth together have: the same ids again and again.
      guard budget > 0, links.count < 64 * (i - range.lowerBound + 4) else { return [] }
      budget -= (to - from) * 12
      for j in from..<to {
        let b = units[j] >> 16
        // Wherever a word starts, of bytes 3 to 5 the difference is this or one less, of bytes 1 to 3 just this.
        let upperBits = UInt32(truncatingIfNeeded: a >> 24 &- b >> 24) << 8
        guard
          upperSeen.mayHave(upperBits) || upperSeen.mayHave(upperBits &- 1 << 8)
            || lowerSeen.mayHave(UInt32(truncatingIfNeeded: (a &- b) >> 8) << 8)
        else { continue }
        // A word that starts at byte s of the run: s up to 3 leaves bytes 3 to 5 free of unknown carries.
        for s in 0..<4 {
          let split = UInt64(8 * s)
          let wanted = difference(a, b, split: split, borrow: 0)
          var k = upper.first(hash: upperKey(wanted))
          while k >= oldest {
            let run = units[k] & low48
            if run == wanted || (s > 0 && run == difference(a, b, split: split, borrow: 1)), k < j {
              links.append(Link(unit: Int32(i), near: Int32(j), far: Int32(k), phase: Int32(s + 1)))
            }
            k = upper.older(k)
            budget -= 2
          }
        }
        // Later starts leave bytes 1 to 3, which a borrow reaches once in 256 times.
        for s in 4..<7 {
          let split = UInt64(8 * s)
          let wanted = difference(a, b, split: split, borrow: 0)
          var k = lower.first(hash: lowerKey(wanted))
          while k >= oldest {
            let run = units[k] & low48
            if run == wanted || run == difference(a, b, split: split, borrow: 1), k < j {
              links.append(Link(unit: Int32(i), near: Int32(j), far: Int32(k), phase: Int32((s + 1) % 7)))
            }
            k = lower.older(k)
            budget -= 2
          }
        }
      }
    }
    return links
  }

  static func wordLinks(
    _ units: [UInt64], _ range: Range<Int>, lags: ClosedRange<Int> = wordLags, budget: inout Int
  ) -> [Link] {
    var links: [Link] = []
    var index = SlidingIndex(bits: 13, count: units.count)
    var inserted = max(0, range.lowerBound - 780)
    for i in range {
      while inserted < i - 170 {
        index.insert(inserted, hash: units[inserted])
        inserted += 1
      }
      let oldest = max(0, i - 780)
      let from = max(0, i - lags.upperBound)
      let to = i - lags.lowerBound + 1
      guard from < to else { continue }
      // Far more links than chance and truth together have: the same ids again and again.
      guard budget > 0, links.count < 64 * (i - range.lowerBound + 4) else { return [] }
      budget -= (to - from) * 2
      for j in from..<to {
        let wanted = (units[i] &- units[j]) & GoWordIds.mask
        var k = index.first(hash: wanted)
        while k >= oldest {
          if units[k] == wanted, k < j { links.append(Link(unit: Int32(i), near: Int32(j), far: Int32(k), phase: 0)) }
          k = index.older(k)
          budget -= 2
        }
      }
    }
    return links
  }

  // MARK: Recovery

  /// The state somewhere among `units` (byte strings as little-endian numbers, or words): 607 words in a row and, for
  /// byte ids, how many bytes (0 to 7) come before the next unit begins.
  ///
  /// `pairs` are the first units of ids of two units.
  static func solve(
    _ units: [UInt64], pairs: [Int], bytes: Bool, budget: inout Int, transitions: () -> Transitions?
  ) -> (words: [UInt64], taken: Int)? {
    let n = units.count
    // Eight units in two places: other generators have no link there. Where there are few links, in more.
    var probes: [Link] = []
    let places = [n / 3, n * 2 / 3, n / 2, n * 5 / 6, n * 5 / 12]
    for (i, start) in places.enumerated() where i < 2 || 1..<4 ~= probes.count {
      let start = min(max(bytes ? bytesFar / 2 : 304, start), n - 1)
      let range = start..<min(start + 8, n)
      probes += bytes ? byteLinks(units, range, budget: &budget) : wordLinks(units, range, budget: &budget)
    }
    guard !probes.isEmpty else { return nil }
    // Where the probes have their lags, the others mostly have theirs.
    var lags = bytes ? byteLags : wordLags
    if probes.count >= 4 {
      let seen = probes.map { Int($0.unit - $0.near) }
      lags = (max(lags.lowerBound, seen.min()! - 16)...min(lags.upperBound, seen.max()! + 16))
    }
    // A short stretch is enough where little is missing. Longer ones hold together by their links.
    var (links, positions, known): ([Link], RelativePositions, Int) = ([], RelativePositions(), 0)
    for length in [1300, 2600, 4500] {
      let length = min(length, n)
      // About what the links take, and a few rounds of solving.
      guard budget > length * (lags.count * (bytes ? 14 : 3) + 250) else { return nil }
      let part = Array(units[..<length])
      let more = max(known, bytes ? 150 : 170)..<length
      links +=
        bytes
        ? byteLinks(part, more, lags: lags, budget: &budget) : wordLinks(part, more, lags: lags, budget: &budget)
      positions.extend(to: length)
      for link in links where link.unit >= known {
        positions.link(Int(link.near), Int(link.unit), bytes ? bytesNear : LaggedFibonacci.short)
        positions.link(Int(link.far), Int(link.unit), bytes ? bytesFar : LaggedFibonacci.long)
      }
      for first in pairs where known..<length ~= first + 1 { positions.link(first, first + 1, 1) }
      known = length
      let isLast = length == n || length == 4500
      if links.count >= 10 {
        let search = LaggedFibonacciSearch(units: part, links: links, bytes: bytes, isLast: isLast)
        var joined = positions
        if let found = search.joinNeighbours(&joined, budget: &budget) { return found }
        if search.isNearlyWhole(joined) { continue }
        // Where it is always the same draws of the application that come between two ids, that is learned.
        if let transitions = transitions() {
          joined = positions
          transitions.link(&joined, count: length)
          if let found = search.joinNeighbours(&joined, budget: &budget) { return found }
        }
        if isLast {
          var rounds = 0
          while rounds < 4, search.joinOwners(&positions, budget: &budget) { rounds += 1 }
          return search.joinNeighbours(&positions, budget: &budget)
        }
      }
      if isLast { break }
    }
    return nil
  }

  /// Nothing missing or in between for long enough: the state from the longest stretch in which every unit obeys the law.
  /// Neighbours that are swapped, in the stretch or where it looks back to, are put right.
  static func contiguous(_ sample: [UInt64]) -> (words: [UInt64], taken: Int)? {
    // One unit in 64 tells whether there is any: of other generators none obeys the law.
    let probes = stride(from: bytesFar, to: max(bytesFar, sample.count), by: 64)
    guard probes.contains(where: { phase(sample, $0, nil) != nil }) else { return nil }
    var units = sample
    var best = (length: 0, start: 0, phase: 0)
    var run = (length: 0, phase: 0)
    for i in bytesFar..<max(bytesFar, units.count) {
      // A unit later, a word starts a byte earlier.
      let expected = run.length > 0 ? (run.phase + 6) % 7 : nil
      var phase = Self.phase(units, i, expected)
      if phase == nil, run.length >= 8 {
        for at in [i, i - bytesNear, i - bytesFar] where phase == nil && at + 1 < units.count {
          units.swapAt(at, at + 1)
          phase = Self.phase(units, i, expected)
          if phase == nil { units.swapAt(at, at + 1) }
        }
      }
      run = phase.map { (run.length + 1, $0) } ?? (0, 0)
      if let phase, run.length > best.length { best = (run.length, i + 1 - run.length, phase + run.length - 1) }
    }
    // Shorter ones leave units between the lags unproved.
    guard best.length >= bytesFar - bytesNear else { return nil }
    // Words from the first that starts in the unit that the stretch's first unit looks back to.
    let first = best.start - bytesFar
    let offset = (best.phase + 8 * bytesFar) % 7
    var words: [UInt64] = []
    for w in 0..<LaggedFibonacci.long {
      let (unit, byte) = (offset + 7 * w).quotientAndRemainder(dividingBy: 8)
      var word = units[first + unit] >> UInt64(8 * byte)
      if byte > 1 { word |= units[first + unit + 1] << UInt64(64 - 8 * byte) }
      words.append(word & GoByteIds.mask)
    }
    return (words, (8 - offset) % 8)
  }

  /// Where a word starts in unit `i` (at `expected`, or anywhere) if that obeys the law with the units that are the two
  /// lags before it.
  @inline(__always)
  private static func phase(_ units: [UInt64], _ i: Int, _ expected: Int?) -> Int? {
    let low48: UInt64 = 1 << 48 - 1
    let (a, b, c) = (units[i] >> 8 & low48, units[i - bytesNear] >> 16, units[i - bytesFar] & low48)
    for s in 0..<7 {
      let phase = (s + 1) % 7
      if let expected, phase != expected { continue }
      let split = UInt64(8 * s)
      if c == difference(a, b, split: split, borrow: 0) || (s > 0 && c == difference(a, b, split: split, borrow: 1)) {
        return phase
      }
    }
    return nil
  }
}

extension GoByteIds {
  public static func recover(_ sample: IdSample, budget: inout Int) -> GoByteIds? {
    var units: [UInt64] = []
    units.reserveCapacity(min(4501, 2 * sample.draws.count))
    var pairs: [Int] = []
    var used = 0
    for draw in sample.draws {
      if units.count >= 4500 { break }
      used += 1
      if draw.isTrace {
        pairs.append(units.count)
        units.append(draw.high.byteSwapped)
      }
      units.append(draw.low.byteSwapped)
    }
    guard units.count >= 650 else { return nil }
    func confirmed(_ found: (words: [UInt64], taken: Int)) -> GoByteIds? {
      // The first unit that begins in the words found.
      var state = GoByteIds(words: found.words, taken: found.taken % 7)
      if found.taken == 7 { state.generator.run(1) { _ in } }
      return state.confirmed(by: units.map { $0.byteSwapped }, needed: 540, budget: &budget)
    }
    if let found = LaggedFibonacciRecovery.contiguous(units), let result = confirmed(found) { return result }
    guard
      let found = LaggedFibonacciRecovery.solve(
        units, pairs: pairs, bytes: true, budget: &budget,
        transitions: {
          let lengths: [Int32] = sample.draws.prefix(used).map { $0.isTrace ? 2 : 1 }
          var end: Int32 = 0
          let firsts = lengths.map { length in
            end += length
            return end - length
          }
          return Transitions(sample.draws, firsts: firsts, lengths: lengths)
        })
    else { return nil }
    return confirmed(found)
  }
}

extension GoWordIds {
  public static func recover(_ sample: IdSample, budget: inout Int) -> GoWordIds? {
    // 63 bits: one look at the top bits rejects nearly everything else.
    let small = sample.draws.prefix(200).reduce(0) { $0 + ($1.low >> 63 == 0 ? 1 : 0) }
    guard small * 10 >= min(200, sample.draws.count) * 9 else { return nil }
    let units = sample.draws.prefix(6000).filter { !$0.isTrace && $0.low >> 63 == 0 }.map { $0.low }
    guard units.count >= 700,
      let found = LaggedFibonacciRecovery.solve(units, pairs: [], bytes: false, budget: &budget, transitions: { nil })
    else { return nil }
    return GoWordIds(words: found.words).confirmed(by: units, needed: 616, budget: &budget)
  }
}

extension IdSequence {
  /// The generator, moved back where its ids are behind it, once it has given back at least `needed` of `units`: more
  /// than its state has bits. They are looked for up to four times the sample ahead, then as far behind.
  func confirmed(by units: [UInt64], needed: Int, budget: inout Int) -> Self? {
    // 1 for a unit that is still to be met.
    var wanted = FlatMap(expecting: units.count)
    for unit in units { wanted.set(unit, 1) }
    let reach = 4 * units.count + 2000
    guard budget > reach * 20 else { return nil }
    budget -= reach * 20
    var found = 0
    var made = Buffer<UInt64>()
    func count(_ made: borrowing Buffer<UInt64>) {
      for position in 0..<made.count where wanted.find(made[position]) == 1 {
        wanted.set(made[position], 0)
        found += 1
      }
    }
    let step = 1024
    var ahead = self
    for _ in 0...reach / step where found < needed {
      made.removeAll()
      ahead.append(step, to: &made)
      count(made)
    }
    var behind = self
    for _ in 0...reach / step where found < needed {
      behind.rewind(step)
      made.removeAll()
      var copy = behind
      copy.append(step, to: &made)
      count(made)
    }
    return found >= needed ? behind : nil
  }
}
