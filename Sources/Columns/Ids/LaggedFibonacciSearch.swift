/// A search for the state in a stretch of units, some of whose positions relative to each other are known: pieces are
/// joined until the words of one tell all others.
struct LaggedFibonacciSearch: ~Copyable {
  /// As `LaggedFibonacciRecovery.solve` takes them.
  let units: [UInt64]
  let links: [LaggedFibonacciRecovery.Link]
  /// Whether units are strings of bytes, not words.
  let bytes: Bool
  /// Whether no longer stretch will be searched.
  let isLast: Bool
  /// The unit of each value.
  private var places: FlatMap

  init(units: [UInt64], links: [LaggedFibonacciRecovery.Link], bytes: Bool, isLast: Bool) {
    (self.units, self.links, self.bytes, self.isLast) = (units, links, bytes, isLast)
    places = FlatMap(expecting: units.count)
    for i in units.indices { places.set(units[i], UInt32(truncatingIfNeeded: i)) }
  }

  /// Whether nearly all units are in one piece: a longer stretch will tell what is left.
  func isNearlyWhole(_ positions: borrowing RelativePositions) -> Bool {
    !isLast && 10 * positions.largestCount >= 9 * units.count
  }

  /// The state, as `LaggedFibonacciRecovery.solve` returns it. In short stretches links reach too few units to hold each
  /// other; then neighbours vote on how pieces lie to each other, first where they are many.
  func joinNeighbours(_ positions: inout RelativePositions, budget: inout Int) -> (words: [UInt64], taken: Int)? {
    if case .state(let words, let taken) = grow(&positions, budget: &budget) { return (words, taken) }
    for least in [8, 4, 3, 2] {
      if isNearlyWhole(positions) { break }
      var joined = positions
      joined.linkNeighbours(count: units.count, least: least)
      switch grow(&joined, budget: &budget) {
      case .state(let words, let taken): return (words, taken)
      // Fewer votes may put it right.
      case .contradiction: continue
      case .nothing: positions = joined
      }
    }
    return nil
  }

  /// Joins pieces from whose units the law derives the same word, which fixes how they lie to each other; whether there
  /// were any.
  func joinOwners(_ positions: inout RelativePositions, budget: inout Int) -> Bool {
    // From fewer units hardly anything is derived.
    let pieces = positions.pieces(least: 24)
    let votes = phaseVotes(&positions)
    let phases = pieces.map { phase(of: positions.find($0[0].draw).root, votes) }
    // Each derived word's first owner: a unit of the piece, and where the word starts from there (bytes, or words).
    var owners: [(draw: Int, offset: Int, at: Int)] = []
    var ownerOf = FlatMap(expecting: units.count)
    var any = false
    for (piece, phase) in zip(pieces, phases) {
      let (draw, offset) = piece[0]
      guard budget > 0, let layout = LaggedFibonacciLayout(piece, units, phase: phase, bytes: bytes, margin: 620),
        !layout.stretch.isContradicted
      else { continue }
      budget -= layout.at.count * 40
      for word in 0..<layout.stretch.count where layout.stretch.known[word] {
        let start = bytes ? layout.low * 8 + layout.phase + 7 * word : layout.low + word
        let number = ownerOf.add(layout.stretch.words[word], UInt32(owners.count))
        guard number != FlatMap.absent else {
          owners.append((draw, offset, start))
          continue
        }
        let owner = owners[Int(number)]
        guard owner.draw != draw else { continue }
        // Both words are one: the pieces' offsets differ by what their starts do.
        let shift = owner.at - start
        guard !bytes || shift % 8 == 0 else { continue }
        let gap = offset + (bytes ? shift / 8 : shift) - owner.offset
        if positions.find(owner.draw).root != positions.find(draw).root, positions.link(owner.draw, draw, gap) {
          any = true
        }
      }
    }
    return any
  }

  private enum Growth {
    case state(words: [UInt64], taken: Int)
    /// Something is not where it was put.
    case contradiction
    case nothing
  }

  /// Solves the largest piece: what its words imply places further units, until a state is known or nothing new comes.
  private func grow(_ positions: inout RelativePositions, budget: inout Int) -> Growth {
    var placed = [Bool](repeating: false, count: units.count)
    var size = 0
    for _ in 0..<12 {
      let piece = positions.largest()
      // Little grows slowly, and is not worth it where there will be more.
      guard piece.count >= max(100, isLast ? 0 : units.count / 3), budget > 0 else { return .nothing }
      let isSlow = piece.count - size < size / 16 && piece.count < units.count * 3 / 4
      size = piece.count
      let anchor = piece[0]
      let root = positions.find(anchor.draw).root
      let phase = phase(of: root, phaseVotes(&positions))
      // Other pieces may lie in the margin.
      guard let layout = LaggedFibonacciLayout(piece, units, phase: phase, bytes: bytes, margin: 700) else {
        return .nothing
      }
      budget -= layout.at.count * 60 + units.count * 50
      let stretch = layout.stretch
      guard !stretch.isContradicted else { return .contradiction }
      if let start = stretch.run() {
        return state(layout, start, Array(stretch.words[start..<start + LaggedFibonacci.long]))
      }
      // Units that are now known and lie elsewhere.
      for member in piece { placed[member.draw] = true }
      var found = false
      for position in layout.at.indices where layout.at[position] < 0 {
        guard let value = layout.unit(position, bytes: bytes) else { continue }
        let i = places.find(value)
        if i != FlatMap.absent, !placed[Int(i)],
          positions.link(anchor.draw, Int(i), position + layout.low - anchor.offset)
        {
          found = true
        }
      }
      if !found { found = placeBetween(&positions, root, placed, layout) }
      if found, !isSlow { continue }
      let most = isLast ? LaggedFibonacciStretch.mostUnknowns : 60
      guard let (start, words) = stretch.eliminate(most: most, budget: &budget) else { return .nothing }
      return state(layout, start, words)
    }
    return .nothing
  }

  /// The `words` from word `start` on, and how many bytes of theirs come before the next unit begins.
  private func state(_ layout: borrowing LaggedFibonacciLayout, _ start: Int, _ words: [UInt64]) -> Growth {
    .state(words: words, taken: (8 - (layout.phase + 7 * start) % 8) % 8)
  }

  /// Some words tell of each other only, by the law; their units go where those before and behind leave room for just
  /// one. Whether there were any.
  private func placeBetween(
    _ positions: inout RelativePositions, _ root: Int, _ placed: [Bool], _ layout: borrowing LaggedFibonacciLayout
  ) -> Bool {
    var found = false
    for i in units.indices.dropFirst().dropLast() where !placed[i] && placed[i - 1] && placed[i + 1] {
      let (before, after) = (positions.find(i - 1), positions.find(i + 1))
      guard before.root == root, after.root == root, after.offset == before.offset + 2,
        layout.at[before.offset + 1 - layout.low] < 0, positions.link(i - 1, i, 1)
      else { continue }
      found = true
    }
    return found
  }

  /// Of byte ids, for each piece by its root: how many links say that words start at each of the 7 byte phases, counted at
  /// offset 0.
  private func phaseVotes(_ positions: inout RelativePositions) -> [Int32] {
    guard bytes else { return [] }
    var votes = [Int32](repeating: 0, count: 7 * units.count)
    for link in links {
      let (root, offset) = positions.find(Int(link.unit))
      votes[7 * root + ((offset + Int(link.phase)) % 7 + 7) % 7] += 1
    }
    return votes
  }

  /// The byte phase that most links of a piece vote for.
  private func phase(of root: Int, _ votes: [Int32]) -> Int {
    bytes ? (0..<7).max { votes[7 * root + $0] < votes[7 * root + $1] } ?? 0 : 0
  }
}

/// A piece laid out: which units stand where, and what its words imply about others.
private struct LaggedFibonacciLayout {
  /// The offset in the piece of the first position, and the unit there or -1.
  var low: Int
  var at: [Int32]
  /// Where in the layout's bytes the first word starts.
  var phase: Int
  var stretch: LaggedFibonacciStretch

  /// Lays out `piece` with room on both sides; at offset 0, words start at byte `phase`. Nil where it is too long.
  init?(_ piece: [(draw: Int, offset: Int)], _ units: [UInt64], phase: Int, bytes: Bool, margin: Int) {
    low = piece.reduce(Int.max) { min($0, $1.offset) } - margin
    let span = piece.reduce(Int.min) { max($0, $1.offset) } + margin - low + 1
    guard span < 1 << 17 else { return nil }
    at = [Int32](repeating: -1, count: span)
    for member in piece { at[member.offset - low] = Int32(member.draw) }
    if bytes {
      self.phase = ((phase - low) % 7 + 7) % 7
      stretch = LaggedFibonacciStretch(count: (span * 8 - self.phase) / 7, mask: GoByteIds.mask)
      for word in 0..<stretch.count {
        let (unit, byte) = (self.phase + 7 * word).quotientAndRemainder(dividingBy: 8)
        guard at[unit] >= 0 else { continue }
        var value = units[Int(at[unit])] >> UInt64(8 * byte)
        if byte > 1 {
          guard at[unit + 1] >= 0 else { continue }
          value |= units[Int(at[unit + 1])] << UInt64(64 - 8 * byte)
        }
        stretch.learn(word, value)
      }
    } else {
      self.phase = 0
      stretch = LaggedFibonacciStretch(count: span, mask: GoWordIds.mask)
      for unit in 0..<span where at[unit] >= 0 { stretch.learn(unit, units[Int(at[unit])]) }
    }
    stretch.peel()
  }

  /// The unit at `position` if its words are known.
  func unit(_ position: Int, bytes: Bool) -> UInt64? {
    guard bytes else { return stretch.known[position] ? stretch.words[position] : nil }
    guard position * 8 >= phase else { return nil }
    let (word, byte) = (position * 8 - phase).quotientAndRemainder(dividingBy: 7)
    guard word + 1 < stretch.count, stretch.known[word], stretch.known[word + 1] else { return nil }
    return stretch.words[word] >> UInt64(8 * byte) | stretch.words[word + 1] << UInt64(56 - 8 * byte)
  }
}
