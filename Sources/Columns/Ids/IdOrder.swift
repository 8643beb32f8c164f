import Bytes

/// The order in which ids are coded: that in which they were most likely drawn.
enum IdOrder {
  /// The numbers of `draws` by start time, then file order.
  static func visit(_ draws: borrowing Buffer<IdDraw>, into order: inout Buffer<UInt32>) {
    order.removeAll()
    order.reserve(draws.count)
    var sorted = true
    var last: UInt64 = 0
    for d in 0..<draws.count {
      let start = draws[d].start
      if start < last { sorted = false }
      last = start
      order.append(UInt32(d))
    }
    if !sorted { sort(&order, draws) }
  }

  /// A stable sort by start time: by insertion where there is little to sort, else digits of 11 bits, the lowest first,
  /// as many as the times' range has.
  private static func sort(_ order: inout Buffer<UInt32>, _ draws: borrowing Buffer<IdDraw>) {
    var keys = Buffer<(start: UInt64, draw: UInt32)>(capacity: draws.count)
    var least = UInt64.max
    var most: UInt64 = 0
    for d in 0..<draws.count {
      let start = draws[d].start
      least = min(least, start)
      most = max(most, start)
      keys.append((start, UInt32(d)))
    }
    if keys.count < 64 {
      for i in 1..<keys.count {
        let key = keys[i]
        var at = i
        while at > 0, keys[at &- 1].start > key.start {
          keys[at] = keys[at &- 1]
          at &-= 1
        }
        keys[at] = key
      }
    } else if keys.count < 1024 || most - least > 1 << 55 {
      // Draws break ties.
      let sorted = keys.array.sorted { $0.start != $1.start ? $0.start < $1.start : $0.draw < $1.draw }
      for i in 0..<keys.count { keys[i] = sorted[i] }
    } else if draws.count <= 1 << numberBits, most - least < 1 << UInt64(64 - numberBits) {
      return sortPacked(&order, draws, least, most)
    } else {
      sortDigits(&keys, least, most)
    }
    for i in 0..<keys.count { order[i] = keys[i].draw }
  }

  /// Bits of a draw's number in a packed key.
  private static var numberBits: Int { 20 }

  /// As `sortDigits` where a start, counted from the least, and the draw's number fit into one word.
  private static func sortPacked(
    _ order: inout Buffer<UInt32>, _ draws: borrowing Buffer<IdDraw>, _ least: UInt64, _ most: UInt64
  ) {
    var keys = Buffer<UInt64>(capacity: draws.count)
    var other = Buffer<UInt64>(repeating: 0, count: draws.count)
    for d in 0..<draws.count { keys.append((draws[d].start &- least) &<< UInt64(numberBits) | UInt64(d)) }
    var ends = Buffer<UInt32>(repeating: 0, count: 2048)
    var shift = UInt64(numberBits)
    while shift < 64, (most - least) >> (shift - UInt64(numberBits)) > 0 {
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
      shift += 11
    }
    for i in 0..<keys.count { order[i] = UInt32(truncatingIfNeeded: keys[i] & (1 << UInt64(numberBits) &- 1)) }
  }

  private static func sortDigits(_ keys: inout Buffer<(start: UInt64, draw: UInt32)>, _ least: UInt64, _ most: UInt64) {
    var other = Buffer<(start: UInt64, draw: UInt32)>(repeating: (0, 0), count: keys.count)
    var ends = Buffer<Int>(repeating: 0, count: 2048)
    var shift: UInt64 = 0
    while shift < 64, (most - least) >> shift > 0 {
      for k in 0..<2048 { ends[k] = 0 }
      for i in 0..<keys.count { ends[Int(truncatingIfNeeded: (keys[i].start - least) >> shift & 2047)] &+= 1 }
      var start = 0
      for k in 0..<2048 {
        let count = ends[k]
        ends[k] = start
        start += count
      }
      for i in 0..<keys.count {
        let key = keys[i]
        let digit = Int(truncatingIfNeeded: (key.start - least) >> shift & 2047)
        other[ends[digit]] = key
        ends[digit] &+= 1
      }
      swap(&keys, &other)
      shift += 11
    }
  }

  /// Puts each pair in `order` in the order in which a generator draws it.
  static func arrangePairs(_ order: inout Buffer<UInt32>, _ draws: borrowing Buffer<IdDraw>, traceIsFirst: Bool) {
    arrangePairs(&order, 0..<order.count, draws, traceIsFirst: traceIsFirst)
  }

  /// The same for those in `range`.
  static func arrangePairs(
    _ order: inout Buffer<UInt32>, _ range: Range<Int>, _ draws: borrowing Buffer<IdDraw>, traceIsFirst: Bool
  ) {
    var i = range.lowerBound
    while i &+ 1 < range.upperBound {
      let (a, b) = (order[i], order[i &+ 1])
      if IdDraw.arePair(draws[Int(a)], draws[Int(b)]) {
        if draws[Int(a)].isTrace != traceIsFirst {
          order[i] = b
          order[i &+ 1] = a
        }
        i &+= 2
      } else {
        i &+= 1
      }
    }
  }
}
