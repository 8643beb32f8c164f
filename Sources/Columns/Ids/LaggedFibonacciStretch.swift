/// Words of the sequence by position, some of them known, and what the law makes of them.
struct LaggedFibonacciStretch {
  private(set) var words: [UInt64]
  private(set) var known: [Bool]
  private var fresh: [Int32] = []
  /// Whether known words break the law: something is not where it was put.
  private(set) var isContradicted = false
  let mask: UInt64
  /// More unknowns are not worth what they take.
  static var mostUnknowns: Int { 480 }
  var count: Int { words.count }

  init(count: Int, mask: UInt64) {
    words = [UInt64](repeating: 0, count: count)
    known = [Bool](repeating: false, count: count)
    self.mask = mask
  }

  mutating func learn(_ at: Int, _ value: UInt64) {
    guard !known[at] else { return }
    known[at] = true
    words[at] = value & mask
    fresh.append(Int32(at))
  }

  /// Fills in every word that the law gives from two known ones.
  mutating func peel() {
    let (long, short) = (LaggedFibonacci.long, LaggedFibonacci.short)
    while let at = fresh.popLast() {
      let n = Int(at)
      for top in [n, n + short, n + long] where top < count && top >= long {
        let (a, b) = (top - short, top - long)
        if known[a] && known[b] {
          if known[top], (words[a] &+ words[b] &- words[top]) & mask != 0 { isContradicted = true }
          learn(top, words[a] &+ words[b])
        } else if known[top] && known[a] {
          learn(b, words[top] &- words[a])
        } else if known[top] && known[b] {
          learn(a, words[top] &- words[b])
        }
      }
    }
  }

  /// The start of 607 known words in a row.
  func run() -> Int? {
    var length = 0
    for n in known.indices {
      length = known[n] ? length + 1 : 0
      if length == LaggedFibonacci.long { return n + 1 - length }
    }
    return nil
  }

  /// The unknown words of the 607 with the fewest of them, by elimination mod 2^64 with odd pivots: every known word
  /// further on is an equation. Nil unless they fix all unknowns, which are `most` at most, and at least four are left
  /// over, all of which hold.
  func eliminate(most: Int, budget: inout Int) -> (start: Int, words: [UInt64])? {
    let (long, short) = (LaggedFibonacci.long, LaggedFibonacci.short)
    guard count > 2 * long else { return nil }
    var missing = 0
    var best = (missing: Int.max, start: 0)
    for n in 0..<count - long {
      if !known[n] { missing += 1 }
      if n >= long, !known[n - long] { missing -= 1 }
      if n >= long - 1, missing < best.missing { best = (missing, n + 1 - long) }
    }
    let (unknowns, start) = best
    let width = unknowns + 1
    guard unknowns <= most else { return nil }
    // Each word from `base` on as a sum over the unknowns and a constant; the window well inside.
    let length = min(count, (24 << 20) / 8 / width)
    let base = max(0, min(start - (length - long) / 2, count - length))
    guard length > 2 * long else { return nil }
    var sums = [UInt64](repeating: 0, count: length * width)
    var number = 0
    for n in start..<start + long {
      if known[n] {
        sums[(n - base) * width + unknowns] = words[n]
      } else {
        sums[(n - base) * width + number] = 1
        number += 1
      }
    }
    var pivots: [(column: Int, row: [UInt64])] = []
    var spare = 0
    var row = [UInt64](repeating: 0, count: width)
    // Forward from the window, then backward from it.
    for step in 0..<length - long {
      let n = step < base + length - start - long ? start + long + step : base + length - long - 1 - step
      budget -= width
      if n > start {
        let (a, b) = ((n - base - long) * width, (n - base - short) * width)
        for c in 0..<width { row[c] = sums[a &+ c] &+ sums[b &+ c] }
      } else {
        let (a, b) = ((n - base + long) * width, (n - base + long - short) * width)
        for c in 0..<width { row[c] = sums[a &+ c] &- sums[b &+ c] }
      }
      guard known[n] else {
        for c in 0..<width { sums[(n - base) &* width &+ c] = row[c] }
        continue
      }
      sums[(n - base) * width + unknowns] = words[n]
      row[unknowns] &-= words[n]
      budget -= pivots.count * width / 2
      guard budget > 0 else { return nil }
      for pivot in pivots where row[pivot.column] != 0 {
        let factor = row[pivot.column]
        for c in 0..<width { row[c] &-= factor &* pivot.row[c] }
      }
      if let column = (0..<unknowns).first(where: { row[$0] & 1 == 1 }) {
        let scale = Self.inverse(row[column])
        pivots.append((column, row.map { $0 &* scale }))
      } else if row[..<unknowns].allSatisfy({ $0 & mask == 0 }) {
        guard row[unknowns] & mask == 0 else { return nil }
        spare += 1
        if spare >= 8 && pivots.count == unknowns { break }
        // Unknowns that no word has told of by now are tied to each other only.
        if spare >= 1000 && pivots.isEmpty { return nil }
      }
    }
    guard pivots.count == unknowns, spare >= 4 else { return nil }
    var solution = [UInt64](repeating: 0, count: unknowns)
    for pivot in pivots.reversed() {
      // Columns of earlier pivots are zero here, those of later ones are solved.
      var value = 0 &- pivot.row[unknowns]
      for c in 0..<unknowns where c != pivot.column { value &-= pivot.row[c] &* solution[c] }
      solution[pivot.column] = value
    }
    number = 0
    var window = [UInt64](repeating: 0, count: long)
    for n in 0..<long {
      if known[start + n] {
        window[n] = words[start + n]
      } else {
        window[n] = solution[number] & mask
        number += 1
      }
    }
    return (start, window)
  }

  /// The inverse of an odd number mod 2^64, by Newton's iteration.
  private static func inverse(_ a: UInt64) -> UInt64 {
    var x = a
    for _ in 0..<6 { x = x &* (2 &- a &* x) }
    return x
  }
}
