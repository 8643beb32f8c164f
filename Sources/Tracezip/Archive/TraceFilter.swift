import Bytes

/// A set of trace ids that may say yes to a stranger, once in 2^precision times, and never no to a member: the sorted
/// hashes, brought into a range of count * 2^precision, as Golomb-Rice coded gaps. It takes about precision + 1.5 bits
/// an id, less than Bloom's or Cuckoo's filters of the same precision (Putze, Sanders, Singler 2007, "Cache-, Hash- and
/// Space-Efficient Bloom Filters", section 5). It is read from front to back, once a query, which is what an index on
/// disk needs.
struct TraceFilter: Equatable {
  var count = 0
  var precision = 0
  var bits: [UInt8] = []

  static let precisions = 0...30

  init() {}

  /// A filter of distinct hashes, in any order.
  init(_ hashes: [UInt64], precision: Int) {
    count = hashes.count
    self.precision = precision
    guard precision > 0, count > 0 else { return }
    let range = UInt64(count) << UInt64(precision)
    var out = Buffer<UInt8>(capacity: count * (precision + 2) / 8 + 8)
    var pending: UInt64 = 0
    var width = 0
    func put(_ value: UInt64, _ n: Int, _ out: inout Buffer<UInt8>) {
      pending |= value << UInt64(width)
      width += n
      while width >= 8 {
        out.append(UInt8(truncatingIfNeeded: pending))
        pending >>= 8
        width -= 8
      }
    }
    var last: UInt64 = 0
    for place in hashes.map({ $0.multipliedFullWidth(by: range).high }).sorted() {
      let gap = place - last
      last = place
      for _ in 0..<(gap >> UInt64(precision)) { put(1, 1, &out) }
      put(0, 1, &out)
      put(gap & (1 << UInt64(precision) - 1), precision, &out)
    }
    if width > 0 { out.append(UInt8(truncatingIfNeeded: pending)) }
    bits = out.array
  }

  /// Bits an id costs beyond the precision, about.
  static let overhead = 1.58

  /// Whether the set may hold `hash`. Without bits, anything may be in it.
  func mayContain(_ hash: UInt64) -> Bool {
    if count == 0 { return false }
    if precision == 0 { return true }
    let range = UInt64(count) << UInt64(precision)
    let wanted = hash.multipliedFullWidth(by: range).high
    return bits.withView { bits in
      var at = 0
      func bit() -> UInt64 {
        guard at >> 3 < bits.count else { return 0 }
        defer { at += 1 }
        return UInt64(bits.unchecked(at >> 3) >> UInt8(at & 7)) & 1
      }
      var place: UInt64 = 0
      for _ in 0..<count {
        var gap: UInt64 = 0
        while bit() == 1 { gap += 1 }
        gap <<= UInt64(precision)
        for i in 0..<precision { gap |= bit() << UInt64(i) }
        place &+= gap
        if place >= wanted { return place == wanted }
        if at >> 3 >= bits.count { return false }
      }
      return false
    }
  }
}
