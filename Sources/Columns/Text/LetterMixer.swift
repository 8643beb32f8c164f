import Bytes

/// Predicts text bit by bit: each of several contexts gives a probability, and a small network
/// learns whom to believe (logistic mixing; Mahoney, "Adaptive Weighing of Context Models", 2005, and lpaq, 2007).
///
/// All arithmetic is in integers, so that every machine decodes alike.
struct LetterMixer: ~Copyable {
  private let contexts: Int
  private let tableBits: Int
  /// One table per context, of adaptive probabilities under hash and bits so far.
  private var table: Buffer<BitModel>
  /// Weights by how long a context has been seen or how long the match is, and by the bits of the byte so far; 16
  /// fractional bits.
  private var weights: Buffer<Int32>
  /// How often the match model was right, by its length and the bit it expects.
  private var matches = Buffer<BitModel>(repeating: freshModel, count: 64 * 2)
  /// The last correction: the mixed probability as it turned out, by the byte before and the bits so far.
  private var corrections: Buffer<UInt16>
  /// What a probability seen so many times was really worth, per context: turns counts into trust.
  private var maps: Buffer<BitModel>
  private let logistic = Logistic.shared
  private var cells: Buffer<Int>
  private var inputs: Buffer<Int32>
  private var bases: Buffer<Int>
  private var reciprocals = Buffer<Int64>()

  /// `contexts` of them, each with `1 << tableBits` probabilities.
  init(contexts: Int, tableBits: Int) {
    self.contexts = contexts
    self.tableBits = tableBits
    table = Buffer(repeating: freshModel, count: contexts << tableBits)
    weights = Buffer(repeating: 14_000, count: (contexts + 4) * 256 * (contexts + 1))
    corrections = Buffer(repeating: 0, count: 256 * 33)
    for k in 0..<256 * 33 { corrections[k] = UInt16(truncatingIfNeeded: logistic.squash((k % 33 - 16) * 128) * 16) }
    maps = Buffer(repeating: 0, count: contexts * 512)
    for k in 0..<contexts * 512 { maps[k] = UInt32(logistic.squash(((k & 31) - 16) * 128 + 64)) << 20 | 6 }
    cells = Buffer(repeating: 0, count: contexts)
    inputs = Buffer(repeating: 0, count: contexts + 1)
    bases = Buffer(repeating: 0, count: contexts)
    for n in 0..<128 { reciprocals.append(n == 0 ? 52000 : Int64(65536 * 10 / (10 * n + 15))) }
  }

  /// Sets context `k`, in rising order of length, for the next byte.
  @inline(__always)
  mutating func set(_ k: Int, _ hash: UInt32) {
    bases[k] = k << tableBits &+ Int(hash) & (1 << tableBits &- 16)
  }

  /// Sets context `k` to the newest `count` bytes of `before` (the newest lowest).
  @inline(__always)
  mutating func set(_ k: Int, newest count: Int, of before: UInt64) {
    let seen = before & (1 << UInt64(count &* 8) &- 1)
    let product = (seen &+ UInt64(count) << 56) &* 0x9FB2_1C65_1E98_DF25
    set(k, UInt32(truncatingIfNeeded: product >> 32))
  }

  /// Codes one byte in the contexts set. A match model may expect a byte: `expected`, after `length` right ones.
  ///
  /// Why it is sound: `bases` are below the table's size less 16 and `offset` below 16; `node` is below 256 and `longest`
  /// at most `contexts + 3`, which is what `weights` and `corrections` were made for; `stretch` and `squash` take what
  /// 12 bits or the clamp before them allow.
  mutating func code<C: BitCoder & ~Copyable>(
    _ byte: UInt8, expected: UInt8 = 0, length: Int = 0, _ coder: inout C
  ) -> UInt8 {
    let contexts = self.contexts
    let stride = contexts &+ 1
    let table = unsafe self.table.pointer
    let bases = unsafe self.bases.pointer
    let cells = unsafe self.cells.pointer
    let maps = unsafe self.maps.pointer
    let inputs = unsafe self.inputs.pointer
    let corrections = unsafe self.corrections.pointer
    let reciprocals = unsafe self.reciprocals.pointer
    var node = 1
    var offset = 1
    var matching = length
    for shift in Swift.stride(from: 7, through: 0, by: -1) {
      if shift == 3 {
        // The second half of the byte has a line of its own, found from the first half.
        let mask = 1 << tableBits &- 16
        for k in 0..<contexts {
          let spread = unsafe (bases[k] &+ node) &* 0x2F0B_4C47
          unsafe bases[k] = k << tableBits &+ (spread ^ spread >> 15) & mask
        }
        offset = 1
      }
      var longest = 0
      for k in 0..<contexts {
        let model = unsafe table[bases[k] &+ offset]
        let n = Int(model & 1023)
        if n == 0 {
          unsafe inputs[k] = 0
          unsafe cells[k] = -1
        } else {
          let trust = n < 8 ? n : 8 &+ (n >> 4)
          let said = Int(logistic.stretch(Int(model >> 20)) &+ 2048) >> 7
          let cell = (k &* 16 &+ trust) &* 32 &+ said
          unsafe cells[k] = cell
          unsafe inputs[k] = logistic.stretch(Int(maps[cell] >> 20))
          longest = k &+ 1
        }
      }
      let wanted = Int(expected >> UInt8(shift)) & 1
      let matchPlace = min(matching, 63) &* 2 &+ wanted
      if matching > 0 {
        unsafe inputs[contexts] = logistic.stretch(Int(matches[matchPlace] >> 20))
        if matching > 7 { longest = contexts &+ (matching > 23 ? 3 : matching > 14 ? 2 : 1) }
      } else {
        unsafe inputs[contexts] = 0
      }
      let weights = unsafe self.weights.pointer + (longest &* 256 &+ node) &* stride
      var dot: Int64 = 0
      for k in 0..<stride { unsafe dot &+= Int64(inputs[k]) &* Int64(weights[k]) }
      let mixed = min(max(Int(truncatingIfNeeded: dot >> 16), -2047), 2047)
      let p = logistic.squash(mixed)
      let cell = node &* 33 &+ (mixed &+ 2048) >> 7
      let part = (mixed &+ 2048) & 127
      let corrected = unsafe (Int(corrections[cell]) &* (128 &- part) &+ Int(corrections[cell &+ 1]) &* part) >> 7
      // Both of 16 bits from here on.
      let final = min(max((p &* 16 &+ corrected) >> 1, 12), 65523)
      var model = UInt32(truncatingIfNeeded: final) << 16
      let bit = coder.code(UInt32(byte >> UInt8(shift)) & 1, &model, limit: 0)
      let target = bit == 0 ? 0 : 65535
      let near = part > 63 ? cell &+ 1 : cell
      unsafe corrections[near] = UInt16(
        truncatingIfNeeded: Int(corrections[near]) &+ (target &- Int(corrections[near])) >> 6)
      let error = ((Int32(bit) << 12) &- Int32(truncatingIfNeeded: p)) &* Self.rate
      for k in 0..<stride {
        let moved = unsafe Int32(truncatingIfNeeded: (Int64(inputs[k]) &* Int64(error) &+ 0x8000) >> 16)
        unsafe weights[k] = min(max(weights[k] &+ moved, -(1 << 20)), 1 << 20)
      }
      for k in 0..<contexts {
        let place = unsafe bases[k] &+ offset
        unsafe table[place] = Self.taught(table[place], bit, 120, reciprocals)
        let cell = unsafe cells[k]
        if cell >= 0 { unsafe maps[cell] = Self.taught(maps[cell], bit, 127, reciprocals) }
      }
      if matching > 0 {
        matches[matchPlace] = unsafe Self.taught(matches[matchPlace], bit, 127, reciprocals)
        if Int(bit) != wanted { matching = 0 }
      }
      node = node << 1 | Int(bit)
      offset = offset << 1 | Int(bit)
    }
    return UInt8(truncatingIfNeeded: node)
  }

  private static let rate: Int32 = 40

  /// A probability after a bit: moved by about 1/(n + 1.5).
  @inline(__always)
  private static func taught(
    _ model: BitModel, _ bit: UInt32, _ limit: UInt32, _ reciprocals: UnsafeMutablePointer<Int64>
  ) -> BitModel {
    let n = model & 1023
    let p = Int64(model >> 10)
    let target: Int64 = bit == 0 ? 0 : (1 << 22) &- 1
    let moved = unsafe p &+ ((target &- p) &* reciprocals[Int(n & 127)]) >> 16
    return UInt32(truncatingIfNeeded: moved) << 10 | (n < limit ? n &+ 1 : n)
  }
}
