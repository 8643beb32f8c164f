import Bytes

/// Draws whose distances in a generator's sequence are learned one at a time: a union-find forest in which every draw
/// knows its offset from its root, so that each tree is a rigid piece of the sequence.
struct RelativePositions {
  private var parent: [Int32]
  private var offset: [Int32]
  private var size: [Int32]
  /// Links that contradicted what was known when they came.
  private(set) var contradictions = 0

  init(count: Int = 0) {
    (parent, offset, size) = ([], [], [])
    extend(to: count)
  }

  /// Adds draws of which nothing is known, up to `count` in all.
  mutating func extend(to count: Int) {
    for draw in parent.count..<max(parent.count, count) {
      parent.append(Int32(draw))
      offset.append(0)
      size.append(1)
    }
  }

  /// The piece that holds `draw`, and its offset in the piece.
  mutating func find(_ draw: Int) -> (root: Int, offset: Int) {
    let above = Int(parent[draw])
    if parent[above] == Int32(above) { return (above, Int(offset[draw])) }
    var root = draw
    var total: Int32 = 0
    while parent[root] != Int32(root) {
      total &+= offset[root]
      root = Int(parent[root])
    }
    var at = draw
    var rest = total
    while at != root {
      let step = offset[at]
      let up = Int(parent[at])
      parent[at] = Int32(root)
      offset[at] = rest
      rest &-= step
      at = up
    }
    return (root, Int(total))
  }

  /// Says that `b` comes `distance` positions after `a`. False where that contradicts earlier links, which win.
  @discardableResult
  mutating func link(_ a: Int, _ b: Int, _ distance: Int) -> Bool {
    let (rootA, offsetA) = find(a)
    let (rootB, offsetB) = find(b)
    // Position of root B relative to root A.
    let gap = offsetA + distance - offsetB
    if rootA == rootB {
      if gap == 0 { return true }
      contradictions += 1
      return false
    }
    guard abs(gap) < 1 << 24 else { return false }
    if size[rootA] >= size[rootB] {
      parent[rootB] = Int32(rootA)
      offset[rootB] = Int32(gap)
      size[rootA] += size[rootB]
    } else {
      parent[rootA] = Int32(rootB)
      offset[rootA] = Int32(-gap)
      size[rootB] += size[rootA]
    }
    return true
  }

  /// Joins pieces by the order of the draws: the most common distance between neighbours is 1, so where at least `least`
  /// pairs of neighbours from the same two pieces put these the same way to each other, and at most a third as many another
  /// way, that is believed.
  mutating func linkNeighbours(count: Int, least: Int) {
    /// Two pieces, in the order of their roots, and how many neighbours say which gap is between these.
    struct Pair {
      var first: Int32
      var second: Int32
      var gap: Int32 = 0
      var most: UInt32 = 0
      var next: UInt32 = 0
    }
    // Draws that are not known to be of the piece of the one before.
    var torn = Buffer<Int32>()
    for draw in 1..<max(1, count) { torn.append(Int32(truncatingIfNeeded: draw)) }
    var pairs = Buffer<Pair>()
    var numbers = FlatMap(expecting: 0)
    var votes = FlatMap(expecting: 0)
    for _ in 0..<40 {
      pairs.removeAll()
      numbers.clear(expecting: torn.count)
      votes.clear(expecting: torn.count)
      var kept = 0
      for i in 0..<torn.count {
        let draw = Int(torn[i])
        let (rootA, offsetA) = find(draw - 1)
        let (rootB, offsetB) = find(draw)
        guard rootA != rootB else { continue }
        torn[kept] = torn[i]
        kept += 1
        // Position of root B relative to root A if `draw` comes right after.
        let (first, second) = (Int32(min(rootA, rootB)), Int32(max(rootA, rootB)))
        let gap = Int32(truncatingIfNeeded: rootA < rootB ? offsetA + 1 - offsetB : offsetB - offsetA - 1)
        var number = numbers.add(UInt64(first) << 32 | UInt64(second), UInt32(pairs.count))
        if number == FlatMap.absent {
          number = UInt32(pairs.count)
          pairs.append(Pair(first: first, second: second))
        }
        let count = votes.increment(UInt64(number) << 32 | UInt64(UInt32(bitPattern: gap)))
        let n = Int(number)
        if count > pairs[n].most {
          if gap != pairs[n].gap { pairs[n].next = pairs[n].most }
          (pairs[n].gap, pairs[n].most) = (gap, count)
        } else {
          pairs[n].next = max(pairs[n].next, count)
        }
      }
      torn.truncate(to: kept)
      // The clearest cases first: larger pieces have more neighbours to vote.
      var most: UInt32 = 0
      for n in 0..<pairs.count where pairs[n].next * 3 <= pairs[n].most { most = max(most, pairs[n].most) }
      guard most >= least else { return }
      for n in 0..<pairs.count {
        let pair = pairs[n]
        guard pair.most >= least, pair.next * 3 <= pair.most, pair.most * 3 >= most * 2 else { continue }
        if find(Int(pair.first)).root != find(Int(pair.second)).root {
          link(Int(pair.first), Int(pair.second), Int(pair.gap))
        }
      }
    }
  }

  /// The pieces of at least `least` draws, the largest first: the draws of each with their offsets, in the order of draws.
  mutating func pieces(least: Int) -> [[(draw: Int, offset: Int)]] {
    let roots = parent.indices.filter { parent[$0] == Int32($0) && Int(size[$0]) >= least }
      .sorted { (size[$1], $0) < (size[$0], $1) }
    var pieceOf = [Int32](repeating: -1, count: parent.count)
    var pieces = [[(draw: Int, offset: Int)]](repeating: [], count: roots.count)
    for (piece, root) in roots.enumerated() {
      pieceOf[root] = Int32(piece)
      pieces[piece].reserveCapacity(Int(size[root]))
    }
    for draw in parent.indices {
      let (root, offset) = find(draw)
      if pieceOf[root] >= 0 { pieces[Int(pieceOf[root])].append((draw, offset)) }
    }
    return pieces
  }

  /// How many draws the largest piece has. What was noted of a root that has been joined to another is less.
  var largestCount: Int { Int(size.max() ?? 0) }

  /// The draws of the largest piece with their offsets, in the order of draws.
  mutating func largest() -> [(draw: Int, offset: Int)] { pieces(least: largestCount).first ?? [] }
}

/// A hash index over a window that slides forward through an array: heads of chains that run from newer to older
/// entries, so that leaving the window costs nothing (a chain ends at the first entry older than the window).
struct SlidingIndex {
  private var heads: [Int32]
  private var next: [Int32]
  private let mask: Int

  init(bits: Int, count: Int) {
    heads = [Int32](repeating: -1, count: 1 << bits)
    next = [Int32](repeating: -1, count: count)
    mask = 1 << bits - 1
  }

  /// Entries must come in ascending order.
  @inline(__always)
  mutating func insert(_ entry: Int, hash: UInt64) {
    let h = Int(truncatingIfNeeded: hash) & mask
    next[entry] = heads[h]
    heads[h] = Int32(truncatingIfNeeded: entry)
  }

  /// The newest entry with this hash, or -1.
  @inline(__always)
  func first(hash: UInt64) -> Int { Int(heads[Int(truncatingIfNeeded: hash) & mask]) }

  /// The next older entry of the chain, or -1.
  @inline(__always)
  func older(_ entry: Int) -> Int { Int(next[entry]) }
}

/// A bit for each hash of a word: most words that are not there stop here.
struct WordFilter: ~Copyable {
  private var bits = Buffer<UInt64>(repeating: 0, count: 1 << 11)

  @inline(__always)
  mutating func insert(_ word: UInt32) { bits[Int(word >> 21)] |= 1 << UInt64(word >> 15 & 63) }

  @inline(__always)
  func mayHave(_ word: UInt32) -> Bool { bits[Int(word >> 21)] >> UInt64(word >> 15 & 63) & 1 != 0 }

  /// Adds to `places` every `stride`th from `first` on and before `end` of `words` at which the word, `mask` applied, may
  /// be there.
  @inline(__always)
  func find(
    _ words: BufferView<UInt32>, _ first: Int, _ end: Int, by stride: Int, _ mask: UInt32,
    _ places: inout Buffer<Int32>
  ) {
    guard first < end else { return }
    let bits = bits.elements
    let part = words[first..<end]
    var i = 0
    while i < part.count {
      // Of 2048 words, the highest 11 bits tell which.
      let word = part.unchecked(i) ^ mask
      if bits.unchecked(Int(word &>> 21)) &>> UInt64(word &>> 15) & 1 != 0 {
        places.append(Int32(truncatingIfNeeded: first &+ i))
      }
      i &+= stride
    }
  }
}
