import Bytes
import Columns

/// Contexts for symbols of any size: each remembers the last few distinct symbols seen in it and codes "is it this one?"
/// bit by bit, most trusted first. What none of them is goes to the next context, or to the caller's fallback.
///
/// This is prediction by partial matching with unary escapes: where one value follows from another (a port from a host,
/// a status text from a code, the next span's template from the last) a symbol costs a few hundredths of a bit.
struct SymbolContexts: ~Copyable {
  /// All that coding in it touches lies together: contexts are many and met at random.
  private struct Context: BitwiseCopyable {
    var key: UInt64
    /// Most trusted first.
    var symbols: (UInt64, UInt64, UInt64) = (0, 0, 0)
    /// Whether it is this symbol, for each.
    var models = (freshModel, freshModel, freshModel)
    /// Symbols in use.
    var used: UInt32 = 0

    /// Moves `symbol` one place up, or takes it in at the last.
    @inline(__always)
    mutating func learn(_ symbol: UInt64) {
      if used > 0, symbols.0 == symbol { return }
      if used > 1, symbols.1 == symbol {
        symbols.1 = symbols.0
        symbols.0 = symbol
      } else if used > 2, symbols.2 == symbol {
        symbols.2 = symbols.1
        symbols.1 = symbol
      } else {
        switch used {
        case 0: symbols.0 = symbol
        case 1: symbols.1 = symbol
        default: symbols.2 = symbol
        }
        if used < 3 { used &+= 1 }
      }
    }
  }
  /// Open addressing from a key to its context: a part of the key's hash, and the context's number + 1; 0 for none.
  private struct Place: BitwiseCopyable {
    var check: UInt32 = 0
    var number: UInt32 = 0
  }
  private var places = Buffer<Place>(repeating: Place(), count: 256)
  /// What leaves as many bits of a key as tell a place.
  private var shift: UInt64 = 56
  private var all = Buffer<Context>()

  /// What the tables take.
  var bytes: Int { places.count * MemoryLayout<Place>.stride + all.count * MemoryLayout<Context>.stride }

  /// Where looking for a key begins: by its topmost bits, which come of all that it was made of (`BlockModel.key`).
  @inline(__always)
  private func home(_ key: UInt64) -> Int { Int(truncatingIfNeeded: key &>> shift) }

  /// The place of `key`, or the free one where it belongs.
  @inline(__always)
  private func place(_ key: UInt64) -> (slot: Int, check: UInt32, number: UInt32) {
    let check = UInt32(truncatingIfNeeded: key)
    let mask = places.count &- 1
    var slot = home(key)
    while true {
      let here = places[slot]
      if here.number == 0 || here.check == check && all[Int(here.number) &- 1].key == key {
        return (slot, check, here.number)
      }
      slot = (slot &+ 1) & mask
    }
  }

  /// Asks for the memory in which the context for `key` is looked up.
  @inline(__always)
  func prefetch(_ key: UInt64) { places.prefetch(home(key)) }

  /// Asks for the memory of a context.
  @inline(__always)
  func prefetch(_ context: Int) { all.prefetch(context) }

  /// The context for `key`, new or known.
  @inline(__always)
  mutating func context(_ key: UInt64) -> Int {
    let place = self.place(key)
    if place.number > 0 { return Int(place.number) &- 1 }
    return make(key, Place(check: place.check, number: UInt32(truncatingIfNeeded: all.count &+ 1)), place.slot)
  }

  /// The most trusted symbol in the context for `key`, if that is known.
  func first(_ key: UInt64) -> UInt64? {
    let number = Int(place(key).number)
    guard number > 0, all[number &- 1].used > 0 else { return nil }
    return all[number &- 1].symbols.0
  }

  @inline(never)
  private mutating func make(_ key: UInt64, _ place: Place, _ slot: Int) -> Int {
    places[slot] = place
    all.append(Context(key: key))
    if all.count * 2 > places.count { grow() }
    return all.count - 1
  }

  private mutating func grow() {
    let count = places.count * 2
    shift -= 1
    places.removeAll()
    places.append(repeating: Place(), count: count)
    for i in 0..<all.count {
      let key = all[i].key
      var slot = home(key)
      while places[slot].number != 0 { slot = (slot &+ 1) & (count - 1) }
      places[slot] = Place(check: UInt32(truncatingIfNeeded: key), number: UInt32(i + 1))
    }
  }

  /// Codes `symbol` and learns it if it is one of the context's candidates; else nil: call `learn` once the symbol is
  /// known. `excluded` is a context that has ruled out its candidates before, or -1.
  @inline(__always)
  mutating func code<C: BitCoder & ~Copyable>(
    _ symbol: UInt64, _ context: Int, _ c: inout C, excluded: Int = -1
  ) -> UInt64? {
    codeFirst(symbol, context, &c, excluded: excluded) ?? codeOthers(symbol, context, &c, excluded: excluded)
  }

  /// The first part of `code`: whether it is the candidate most trusted.
  @inline(__always)
  mutating func codeFirst<C: BitCoder & ~Copyable>(
    _ symbol: UInt64, _ context: Int, _ c: inout C, excluded: Int = -1
  ) -> UInt64? {
    let first = all[context].symbols.0
    guard all[context].used > 0, !holds(excluded, first),
      c.code(first == symbol ? 1 : 0, &all[context].models.0, limit: 60) != 0
    else { return nil }
    return first
  }

  /// The second: whether it is one of the others.
  @inline(__always)
  mutating func codeOthers<C: BitCoder & ~Copyable>(
    _ symbol: UInt64, _ context: Int, _ c: inout C, excluded: Int = -1
  ) -> UInt64? {
    let (symbols, used) = (all[context].symbols, all[context].used)
    if used <= 1 { return nil }
    if !holds(excluded, symbols.1),
      c.code(symbols.1 == symbol ? 1 : 0, &all[context].models.1, limit: 60) != 0
    {
      learn(symbols.1, context)
      return symbols.1
    }
    if used == 2 { return nil }
    if !holds(excluded, symbols.2),
      c.code(symbols.2 == symbol ? 1 : 0, &all[context].models.2, limit: 60) != 0
    {
      learn(symbols.2, context)
      return symbols.2
    }
    return nil
  }

  @inline(__always)
  private func holds(_ context: Int, _ symbol: UInt64) -> Bool {
    if context < 0 { return false }
    let (symbols, used) = (all[context].symbols, all[context].used)
    return used > 0 && symbols.0 == symbol || used > 1 && symbols.1 == symbol || used > 2 && symbols.2 == symbol
  }

  /// Lets the context learn `symbol`.
  @inline(__always)
  mutating func learn(_ symbol: UInt64, _ context: Int) { all[context].learn(symbol) }
}

/// A growing alphabet of values with adaptive frequencies of their places: order-0 coding of what contexts miss.
struct Alphabets: ~Copyable {
  private struct Alphabet: BitwiseCopyable {
    /// Range of `values`: a run with room for `capacity`.
    var at: UInt32 = 0
    var count: UInt32 = 0
    var capacity: UInt32 = 0
    /// Nibbles of a place and their models, a table for each prefix, those of one length together; over `deepest`
    /// places are coded by recency instead.
    var depth: UInt8 = 0
    var base: UInt32 = 0
    /// "known?" and the recency number's models (0: none yet).
    var known: UInt32 = 0
    var number: UInt32 = 0
    /// Whether the values are numbers of strings.
    var isOfStrings = false
  }
  /// The encoder's places of a string in the two alphabets that took it in first: they are met in the order of their
  /// numbers, where a hash table would be touched all over.
  private struct Home: BitwiseCopyable {
    var first: Int32 = -1
    var firstPlace: UInt32 = 0
    var second: Int32 = -1
    var secondPlace: UInt32 = 0
  }
  static var deepest: UInt8 { 3 }

  private var all = Buffer<Alphabet>()
  private var values = Buffer<UInt64>()
  /// (alphabet, value) -> place, where `homes` do not tell. The encoder's only.
  private var places = FlatMap()
  /// By number of string. The encoder's only.
  private var homes = Buffer<Home>()

  @inline(__always)
  private static func key(_ alphabet: Int, _ value: UInt64) -> UInt64 {
    (value &* 0xD6E8_FEB8_6659_FD93) ^ (UInt64(truncatingIfNeeded: alphabet) &* 0xA076_1D64_78BD_642F)
  }

  /// An alphabet, of numbers of strings or of other symbols.
  mutating func make(_ models: inout Models, ofStrings isOfStrings: Bool = false) -> Int {
    var a = Alphabet()
    a.isOfStrings = isOfStrings
    a.known = UInt32(models.allocate(2))
    all.append(a)
    return all.count - 1
  }

  func count(_ alphabet: Int) -> Int { Int(all[alphabet].count) }

  /// The place of `value`, which the encoder asks for.
  @inline(__always)
  func place(_ alphabet: Int, _ value: UInt64) -> Int? {
    if all[alphabet].isOfStrings {
      // Not numbered yet, so nowhere.
      guard value < UInt64(homes.count) else { return nil }
      let home = homes[Int(value)]
      if home.first == Int32(truncatingIfNeeded: alphabet) { return Int(home.firstPlace) }
      if home.second == Int32(truncatingIfNeeded: alphabet) { return Int(home.secondPlace) }
      if home.second < 0 { return nil }
    }
    guard let place = places[Alphabets.key(alphabet, value)] else { return nil }
    let a = all[alphabet]
    // Keys are hashes: make sure.
    guard place < Int(a.count), values[Int(a.at) &+ place] == value else { return nil }
    return place
  }

  /// Codes whether `value` is in the alphabet and, if so, which it is; nil where it is not.
  mutating func code<C: BitCoder & ~Copyable>(
    _ value: UInt64, _ alphabet: Int, _ models: inout Models, _ c: inout C
  ) -> UInt64? {
    let a = all[alphabet]
    if a.count == 0 { return nil }
    let place = C.decodes ? nil : self.place(alphabet, value)
    guard c.codeBit(place != nil, &models, Int(a.known), limit: 60) else { return nil }
    var at: Int
    if a.depth <= Alphabets.deepest {
      at = 0
      // Where the tables of this length of prefix begin.
      var table = Int(a.base)
      var shift = Int(a.depth) &* 4
      while shift > 0 {
        shift &-= 4
        let prefixes = 1 &<< (Int(a.depth) &* 4 &- shift &- 4)
        at = at << 4 | c.codeNibble((place ?? 0) &>> shift & 15, &models, table &+ at &* ModelSize.nibble)
        table &+= prefixes &* ModelSize.nibble
      }
    } else {
      at =
        Int(a.count) &- 1
        &- Int(
          truncatingIfNeeded:
            c.codeNumber(UInt64(Int(a.count) &- 1 &- (place ?? 0)), &models, Int(a.number)))
    }
    if !C.decodes { return value }
    if at < 0 || at >= Int(a.count) {
      c.fail()
      at = 0
    }
    return values[Int(a.at) &+ at]
  }

  /// Takes `value` in at the last place.
  mutating func add(_ value: UInt64, _ alphabet: Int, _ models: inout Models, encoding: Bool) {
    var a = all[alphabet]
    if a.count == a.capacity {
      let room = max(4, a.capacity * 2)
      let at = values.count
      values.append(repeating: 0, count: Int(room))
      for i in 0..<Int(a.count) { values[at + i] = values[Int(a.at) + i] }
      a.at = UInt32(at)
      a.capacity = room
    }
    values[Int(a.at + a.count)] = value
    if encoding, !a.isOfStrings || !settle(value, alphabet, a.count) {
      places[Alphabets.key(alphabet, value)] = Int(a.count)
    }
    a.count += 1
    while a.depth <= Alphabets.deepest, Int(a.count) > 1 << (4 * Int(a.depth)) { deepen(&a, &models) }
    all[alphabet] = a
  }

  /// Notes a string's place in an alphabet; false where there is no room for it.
  @inline(__always)
  private mutating func settle(_ value: UInt64, _ alphabet: Int, _ place: UInt32) -> Bool {
    guard value < 1 << 31 else { return false }
    let number = Int(value)
    if number >= homes.count { homes.resize(to: number &+ 1, filling: Home()) }
    if homes[number].first < 0 {
      homes[number].first = Int32(truncatingIfNeeded: alphabet)
      homes[number].firstPlace = place
    } else if homes[number].second < 0 {
      homes[number].second = Int32(truncatingIfNeeded: alphabet)
      homes[number].secondPlace = place
    } else {
      return false
    }
    return true
  }

  /// One nibble more: the places so far begin with 0.
  private func deepen(_ a: inout Alphabet, _ models: inout Models) {
    let old = Int(a.base)
    a.depth += 1
    switch a.depth {
    case 1:
      a.base = UInt32(models.allocate(ModelSize.nibble))
      models.expectFirst(4, at: Int(a.base))
    case 2, 3:
      let tables = a.depth == 2 ? 17 : 273
      let base = models.allocate(tables * ModelSize.nibble)
      models.expectFirst(1, at: base)
      models.copyNibbles(1, from: old, to: base + ModelSize.nibble)
      if a.depth == 3 { models.copyNibbles(16, from: old + ModelSize.nibble, to: base + 17 * ModelSize.nibble) }
      a.base = UInt32(base)
    default:
      a.number = UInt32(models.allocate(ModelSize.number))
    }
  }
}
