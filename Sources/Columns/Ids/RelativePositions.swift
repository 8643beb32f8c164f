import Bytes

/// Draws whose distances in a generator's sequence are learned one at a time: a union-find forest in which every draw
/// knows its offset from its root, so that each tree is a rigid piece of the sequence.
struct RelativePositions {
  private var parent: [Int32]
  private var offset: [Int32]
  private var size: [Int32]
  /// Links that contradicted what was known when they came.
  private(set) var contradictions = 0

  init(count: Int) {
    parent = (0..<Int32(count)).map { $0 }
    offset = [Int32](repeating: 0, count: count)
    size = [Int32](repeating: 1, count: count)
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
  /// pairs of neighbours from the same two pieces put these the same way to each other, and not half as many another way,
  /// that is believed.
  mutating func linkNeighbours(count: Int, least: Int) {
    struct Pair: Hashable {
      var first: Int32
      var second: Int32
    }
    for _ in 0..<40 {
      // Of each two pieces, in the order of their first meeting, the gaps that neighbours suggest.
      var numbers: [Pair: Int] = [:]
      var votes: [(pair: Pair, gaps: [(gap: Int, count: Int)])] = []
      for draw in 1..<max(1, count) {
        let (rootA, offsetA) = find(draw - 1)
        let (rootB, offsetB) = find(draw)
        guard rootA != rootB else { continue }
        // Position of root B relative to root A if `draw` comes right after.
        var gap = offsetA + 1 - offsetB
        var pair = Pair(first: Int32(rootA), second: Int32(rootB))
        if rootA > rootB {
          pair = Pair(first: pair.second, second: pair.first)
          gap = -gap
        }
        if let number = numbers[pair] {
          if let i = votes[number].gaps.firstIndex(where: { $0.gap == gap }) {
            votes[number].gaps[i].count += 1
          } else if votes[number].gaps.count < 64 {
            votes[number].gaps.append((gap, 1))
          }
        } else {
          numbers[pair] = votes.count
          votes.append((pair, [(gap, 1)]))
        }
      }
      // The clearest cases first: larger pieces have more neighbours to vote.
      var clear: [(pair: Pair, gap: Int, count: Int)] = []
      for (pair, gaps) in votes {
        let ranked = gaps.sorted { $0.count > $1.count }
        if ranked[0].count >= least, ranked.count == 1 || ranked[1].count * 2 <= ranked[0].count {
          clear.append((pair, ranked[0].gap, ranked[0].count))
        }
      }
      guard let most = clear.map({ $0.count }).max() else { return }
      for (pair, gap, votes) in clear where votes * 3 >= most * 2 {
        if find(Int(pair.first)).root != find(Int(pair.second)).root { link(Int(pair.first), Int(pair.second), gap) }
      }
    }
  }

  /// The draws of the largest piece with their offsets, in the order of draws.
  mutating func largest() -> [(draw: Int, offset: Int)] {
    var best = 0
    for i in parent.indices where parent[i] == Int32(i) && size[i] > size[best] { best = i }
    if parent.isEmpty { return [] }
    let (root, _) = find(best)
    var members: [(draw: Int, offset: Int)] = []
    members.reserveCapacity(Int(size[root]))
    for i in parent.indices {
      let (r, o) = find(i)
      if r == root { members.append((i, o)) }
    }
    return members
  }
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
