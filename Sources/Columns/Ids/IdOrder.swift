import Bytes

/// The order in which ids are coded: that in which they were most likely drawn.
enum IdOrder {
  /// The numbers of those of `draws` that are `wanted`, by start time, then file order.
  @inline(__always)
  static func visit(
    _ draws: borrowing Buffer<IdDraw>, _ tags: borrowing DrawTags, into order: inout Buffer<UInt32>,
    _ wanted: (Int) -> Bool = { _ in true }
  ) {
    order.removeAll()
    order.reserve(draws.count)
    for d in 0..<draws.count where wanted(d) { order.append(UInt32(truncatingIfNeeded: d)) }
    if !tags.areSorted { sort(&order, draws, tags.least, tags.most) }
  }

  /// Bits of a draw's number in a key.
  private static var numberBits: UInt64 { 20 }

  /// A stable sort of ascending numbers by start time: a start, counted from the least, and the draw's number make one word.
  private static func sort(
    _ order: inout Buffer<UInt32>, _ draws: borrowing Buffer<IdDraw>, _ least: UInt64, _ most: UInt64
  ) {
    guard draws.count <= 1 << numberBits, most - least < 1 << (64 - numberBits) else {
      return sortWide(&order, draws)
    }
    var keys = Buffer<UInt64>(capacity: order.count)
    for i in 0..<order.count {
      let d = order[i]
      keys.append((draws[Int(d)].start &- least) &<< numberBits | UInt64(d))
    }
    if keys.isEmpty { return }
    if keys.count < 64 {
      for i in 1..<keys.count {
        let key = keys[i]
        var at = i
        while at > 0, keys[at &- 1] > key {
          keys[at] = keys[at &- 1]
          at &-= 1
        }
        keys[at] = key
      }
    } else if keys.count < 1024 {
      let sorted = keys.array.sorted()
      for i in 0..<keys.count { keys[i] = sorted[i] }
    } else {
      sortDigits(&keys, range: most - least)
    }
    for i in 0..<keys.count { order[i] = UInt32(truncatingIfNeeded: keys[i] & (1 << numberBits &- 1)) }
  }

  /// By two digits of 11 bits, the starts' highest, which nearly sorts them, and then one by one; by all digits where that
  /// would be long.
  private static func sortDigits(_ keys: inout Buffer<UInt64>, range: UInt64) {
    let bits = UInt64(64 - range.leadingZeroBitCount)
    var other = Buffer<UInt64>(repeating: 0, count: keys.count)
    sortDigits(&keys, &other, from: bits > 22 ? bits - 22 : 0, to: bits)
    if bits > 22, !finish(&keys) { sortDigits(&keys, &other, from: 0, to: bits) }
  }

  /// By the starts' bits `from..<to`, the lowest digit first.
  private static func sortDigits(
    _ keys: inout Buffer<UInt64>, _ other: inout Buffer<UInt64>, from: UInt64, to: UInt64
  ) {
    var ends = Buffer<UInt32>(repeating: 0, count: 2048)
    var bit = from
    while bit < to {
      let shift = numberBits + bit
      ends.clear()
      let (from, to, places) = (keys.elements, other.elements, ends.elements)
      for i in 0..<from.count { places[Int(from[i] &>> shift & 2047)] &+= 1 }
      var start: UInt32 = 0
      for k in 0..<places.count {
        let count = places[k]
        places[k] = start
        start &+= count
      }
      for i in 0..<from.count {
        let key = from[i]
        let digit = Int(key &>> shift & 2047)
        let place = places[digit]
        to[Int(place)] = key
        places[digit] = place &+ 1
      }
      swap(&keys, &other)
      bit += 11
    }
  }

  /// Sorts what is nearly sorted; false where it is not.
  private static func finish(_ keys: inout Buffer<UInt64>) -> Bool {
    var moves = 4 * keys.count
    let keys = keys.elements
    for i in 1..<keys.count where keys[i &- 1] > keys[i] {
      let key = keys[i]
      var at = i
      while at > 0, keys[at &- 1] > key {
        keys[at] = keys[at &- 1]
        at &-= 1
        moves &-= 1
      }
      keys[at] = key
      if moves < 0 { return false }
    }
    return true
  }

  /// Where the starts of a block lie hours apart, or some are missing.
  private static func sortWide(_ order: inout Buffer<UInt32>, _ draws: borrowing Buffer<IdDraw>) {
    var keys: [(start: UInt64, draw: UInt32)] = []
    for i in 0..<order.count { keys.append((draws[Int(order[i])].start, order[i])) }
    keys.sort { $0.start != $1.start ? $0.start < $1.start : $0.draw < $1.draw }
    for i in 0..<keys.count { order[i] = keys[i].draw }
  }

  /// Puts each pair in `order` in the order in which a generator draws it; of a block's draws `DrawTags` does that.
  static func arrangePairs(_ order: inout Buffer<UInt32>, _ draws: NumberedDraws, traceIsFirst: Bool) {
    var i = 0
    while i &+ 1 < order.count {
      let (a, b) = (order[i], order[i &+ 1])
      if IdDraw.arePair(draws[a], draws[b]) {
        if draws[a].isTrace != traceIsFirst {
          order[i] = b
          order[i &+ 1] = a
        }
        i &+= 2
      } else {
        i &+= 1
      }
    }
  }

  /// The same of draws themselves.
  static func arrangePairs(_ draws: inout [IdDraw], traceIsFirst: Bool) {
    var i = 0
    while i &+ 1 < draws.count {
      if IdDraw.arePair(draws[i], draws[i &+ 1]) {
        if draws[i].isTrace != traceIsFirst { draws.swapAt(i, i &+ 1) }
        i &+= 1
      }
      i &+= 1
    }
  }
}
