import Bytes

/// How links are found.
extension MersenneTwisterRecovery {
  /// Links of the recurrence itself that are anchored in `runs`, at any distance within reach; where all that is drawn
  /// `isEven`, the farther word is the second of two where the anchor is the first, or the other way round.
  func links<R: Sequence<Run>>(_ runs: R, isEven: Bool = false, budget: inout Int) -> [Link] {
    var links: [Link] = []
    var index = SlidingIndex(bits: 13, count: words.count)
    var filter = WordFilter()
    var inserted = 0
    let words = self.buffered
    var candidates = Buffer<Int32>()
    for run in runs {
      let start = Int(run.start)
      for first in start - 1..<start + Int(run.length) - 1 {
        let anchor = first + 1
        while inserted < min(words.count, anchor + Self.reach) {
          index.insert(inserted, hash: UInt64(words[inserted]))
          filter.insert(words[inserted])
          inserted += 1
        }
        let to = min(words.count, anchor + Self.reach)
        guard anchor + 1 < to else { break }
        // Of an unseen first word only the top bit matters.
        for top in 0..<(first < start ? 2 : 1) as Range<UInt32> {
          let twisted = MersenneTwister.twist(first < start ? top << 31 : words[first], words[anchor])
          guard budget > 0, links.count < Self.mostLinks(anchor) else { return [] }
          let stride = isEven ? 2 : 1
          budget -= (to - anchor) * 2 / stride
          // Most words stop at the filter.
          candidates.removeAll()
          filter.find(words.elements, anchor + 1, to, by: stride, twisted, &candidates)
          for c in 0..<candidates.count {
            let far = Int(candidates[c])
            let wanted = words[far] ^ twisted
            var near = index.first(hash: UInt64(wanted))
            while near > anchor {
              if words[near] == wanted, near < far {
                links.append(Link(anchor: Int32(anchor), near: Int32(near), far: Int32(far)))
              }
              near = index.older(near)
              budget -= 1
            }
          }
        }
      }
    }
    return links
  }

  /// Links of a power of the recurrence that are anchored in `runs`, at the distances that are plausible where `ratio` is
  /// the share of the generator's draws that is in the sample. The two far words of a link are nearer to each other than
  /// to their anchor: each pair of them looks for its anchor. Where all that is drawn `isEven`, one of a pair is the first
  /// word of two and the other the second, unless `power` is even.
  func links(_ runs: [Run], power: Int, ratio: Double, isEven: Bool, budget: inout Int) -> [Link] {
    let words = self.buffered
    // What an anchor's neighbours twist to.
    var anchors = Buffer<Int32>()
    var twists = Buffer<UInt32>()
    var filter = WordFilter()
    var term = Buffer<UInt32>(repeating: 0, count: power + 1)
    for run in runs where run.length >= power {
      let (start, length) = (Int(run.start), Int(run.length))
      for first in start - 1..<max(start, start + length - power) {
        // Of an unseen first word only the top bit matters.
        for top in 0..<(first < start ? 2 : 1) as Range<UInt32> {
          for i in 0...power { term[i] = first + i < start ? top << 31 : words[first + i] }
          for round in 0..<power {
            for i in 0..<power - round { term[i] = MersenneTwister.twist(term[i], term[i + 1]) }
          }
          anchors.append(Int32(first + 1))
          twists.append(term[0])
          filter.insert(term[0])
        }
      }
    }
    var index = SlidingIndex(bits: 13, count: twists.count)
    for i in 0..<twists.count { index.insert(i, hash: UInt64(twists[i])) }

    let span = { (distance: Int, share: Double) -> ClosedRange<Int> in
      let expected = Double(distance * power) * ratio
      let slack = Self.slack(expected, ratio, share)
      return max(1, Int(expected - slack))...Int(expected + slack)
    }
    let nearSpan = span(MersenneTwister.short, 60.0 / 397)
    let farSpan = span(MersenneTwister.long, 90.0 / 624)
    let between = span(MersenneTwister.long - MersenneTwister.short, 60.0 / 227)
    var links: [Link] = []
    var candidates = Buffer<Int32>()
    for near in 1..<words.count {
      let to = min(words.count, near + between.upperBound)
      guard near + between.lowerBound < to else { break }
      // Far more links than chance and truth together have: the same ids again and again.
      guard budget > 0, links.count < Self.mostLinks(near) else { return [] }
      let word = words[near]
      candidates.removeAll()
      var from = near + between.lowerBound
      if isEven, (from ^ near ^ power) & 1 != 0 { from += 1 }
      let stride = isEven ? 2 : 1
      budget -= (to - from) / stride
      filter.find(words.elements, from, to, by: stride, word, &candidates)
      for c in 0..<candidates.count {
        let far = Int(candidates[c])
        let wanted = words[far] ^ word
        var i = index.first(hash: UInt64(wanted))
        while i >= 0 {
          let anchor = Int(anchors[i])
          if twists[i] == wanted, nearSpan.contains(near - anchor), farSpan.contains(far - anchor) {
            links.append(Link(anchor: Int32(anchor), near: Int32(near), far: Int32(far)))
          }
          i = index.older(i)
          budget -= 1
        }
      }
    }
    return links
  }

  private static func mostLinks(_ words: Int) -> Int { 64 * (words + 4) }

  /// The words as a buffer, which is faster to loop over.
  private var buffered: Buffer<UInt32> {
    var result = Buffer<UInt32>(capacity: words.count)
    for word in words { result.append(word) }
    return result
  }

  /// How far a distance in the sample may be from the `expected` one: by chance, several times its deviation, and up to
  /// a share of it where the application draws in bursts.
  private static func slack(_ expected: Double, _ ratio: Double, _ share: Double) -> Double {
    let deviation = (expected * max(0, 1 - ratio)).squareRoot()
    return min(30 + share * expected, 10 + 6 * deviation)
  }
}
