import Bytes

/// Words of the sequence by position, some of them known, and what the recurrence makes of them.
struct MersenneTwisterStretch: ~Copyable {
  private(set) var words: Buffer<UInt32>
  /// Bit 0: the top bit is known; bit 1: the low 31 bits.
  private var known: Buffer<UInt8>
  /// Words that are in the sample.
  private var seen: Buffer<Bool>
  private var fresh = Buffer<Int32>()
  private(set) var contradictions = 0
  private let long = MersenneTwister.long
  private let short = MersenneTwister.short

  init(count: Int) {
    words = Buffer(repeating: 0, count: count)
    known = Buffer(repeating: 0, count: count)
    seen = Buffer(repeating: false, count: count)
  }

  var count: Int { words.count }

  /// The 624 words from `start` on.
  func words(from start: Int) -> [UInt32] { (start..<start + long).map { words[$0] } }

  @inline(__always)
  func isKnown(_ at: Int) -> Bool { known[at] == 3 }

  mutating func see(_ at: Int, _ value: UInt32) {
    seen[at] = true
    learn(at, value)
  }

  @inline(__always)
  private mutating func learn(_ at: Int, _ value: UInt32) {
    let before = known[at]
    if before == 0 {
      known[at] = 3
      words[at] = value
      fresh.append(Int32(truncatingIfNeeded: at))
    } else if before == 3 {
      if words[at] != value { contradictions += 1 }
    } else {
      learn(at, value, part: 1, mask: 0x8000_0000)
      learn(at, value, part: 2, mask: 0x7FFF_FFFF)
    }
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
    while fresh.count > 0, contradictions < 20 {
      let p = Int(fresh.removeLast())
      apply(p)
      apply(p &- 1)
      apply(p &- short)
      apply(p &- long)
    }
    if contradictions >= 20 { fresh.removeAll() }
  }

  /// What x[n+624] = x[n+397] ^ twist(x[n], x[n+1]) tells of one of them by the others.
  @inline(__always)
  private mutating func apply(_ n: Int) {
    guard n >= 0, n &+ long < words.count else { return }
    let (a, b) = (known[n &+ long] == 3, known[n &+ short] == 3)
    guard a || b else { return }
    let (top, low) = (known[n] & 1 != 0, known[n &+ 1] & 2 != 0)
    if a && b {
      if top && low {
        let twisted = MersenneTwister.twist(words[n], words[n &+ 1])
        if words[n &+ long] ^ words[n &+ short] != twisted { contradictions += 1 }
        return
      }
      let y = MersenneTwister.untwist(words[n &+ long] ^ words[n &+ short])
      learn(n, y, part: 1, mask: 0x8000_0000)
      learn(n &+ 1, y, part: 2, mask: 0x7FFF_FFFF)
    } else if top && low {
      let twisted = MersenneTwister.twist(words[n], words[n &+ 1])
      if a {
        learn(n &+ short, words[n &+ long] ^ twisted)
      } else {
        learn(n &+ long, words[n &+ short] ^ twisted)
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
    for n in 0..<known.count {
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
    for n in 0..<seen.count { seenBefore[n + 1] = seenBefore[n] + (seen[n] ? 1 : 0) }
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
