import Bytes

/// All ids not yet explained, by value, to run a generator's outputs past: whatever the order or the gaps, every id of
/// the generator is found, in whichever process, for a few nanoseconds an output.
struct SequenceScan: ~Copyable {
  /// One bit for each hash of an id: most outputs are no id and stop here.
  private var filter: Buffer<UInt64>
  private let filterShift: UInt64
  private var table: FlatMap
  /// Draws with the same id, chained.
  private var sameAs: [UInt32: UInt32] = [:]
  private let highFirst: Bool

  struct Hit {
    var draw: UInt32
    var position: Int64
  }

  /// `draws` are looked for, trace ids by their half that is drawn first.
  init(_ draws: [UInt32], _ values: IdValues, _ context: IdContext, highFirst: Bool) {
    var bits = 10
    while 1 << bits < draws.count * 12 { bits += 1 }
    filter = Buffer(repeating: 0, count: 1 << (bits - 6))
    filterShift = UInt64(64 - bits)
    table = FlatMap(expecting: draws.count)
    self.highFirst = highFirst
    for draw in draws {
      let d = Int(draw)
      let key = context.kind[d].isTrace && highFirst ? values.high[d] : values.low[d]
      let bit = Int(truncatingIfNeeded: (key &* 0xD6E8_FEB8_6659_FD93) >> filterShift)
      filter[bit >> 6] |= 1 << UInt64(bit & 63)
      let old = table.set(key, draw)
      if old != FlatMap.absent { sameAs[draw] = old }
    }
  }

  /// Draws whose id is made of `units` at positions in `range`; enough units follow the range to hold an id.
  private func look(
    _ units: borrowing Buffer<UInt64>, _ range: Range<Int>, origin: Int64, shape: IdShape, _ values: IdValues,
    _ context: IdContext, _ hits: inout [Hit]
  ) {
    let narrow = shape.unitBits < 32
    var rolling: UInt64 = 0
    let span = shape.unitsOfSpan
    let unitBits = UInt64(shape.unitBits)
    if narrow, !range.isEmpty { rolling = shape.word(units, at: range.lowerBound) >> unitBits }
    for p in range {
      var word: UInt64
      if narrow {
        // All narrow generators have their first unit on top.
        rolling = rolling << unitBits | units[p &+ span &- 1]
        word = rolling
      } else {
        word = shape.word(units, at: p)
      }
      let bit = Int(truncatingIfNeeded: (word &* 0xD6E8_FEB8_6659_FD93) >> filterShift)
      if filter[bit >> 6] >> UInt64(bit & 63) & 1 == 0 { continue }
      var next: UInt32? = table.find(word)
      if next == FlatMap.absent { continue }
      while let draw = next {
        let d = Int(draw)
        if context.kind[d].isTrace {
          let trace = shape.trace(units, at: p)
          if trace.high == values.high[d], trace.low == values.low[d] {
            hits.append(Hit(draw: draw, position: origin + Int64(p)))
          }
        } else {
          hits.append(Hit(draw: draw, position: origin + Int64(p)))
        }
        next = sameAs[draw]
      }
    }
  }

  /// Runs `generator` forward and backward from its position 0, until `quiet` (forward) or `back` units hold no id.
  func run(
    _ generator: any IdSequence, quiet: Int, back: Int, _ values: IdValues, _ context: IdContext,
    budget: inout Int
  ) -> [Hit] {
    let shape = type(of: generator).shape
    let overlap = shape.unitsOfTrace
    var hits: [Hit] = []
    let chunk = min(max(quiet / 4, 256), 1 << 14)

    var units = Buffer<UInt64>(capacity: chunk + overlap)
    var forward = generator
    forward.append(overlap, to: &units)
    var position = 0
    var silence = 0
    while silence < quiet, budget > 0 {
      forward.append(chunk, to: &units)
      let before = hits.count
      look(units, 0..<chunk, origin: Int64(position), shape: shape, values, context, &hits)
      silence = hits.count > before ? 0 : silence + chunk
      for k in 0..<overlap { units[k] = units[chunk + k] }
      units.truncate(to: overlap)
      position += chunk
      budget -= 4 * chunk
    }
    var backward = generator
    position = 0
    silence = 0
    while silence < back, budget > 0 {
      backward.rewind(chunk)
      position -= chunk
      var copy = backward
      units.removeAll()
      copy.append(chunk + overlap, to: &units)
      let before = hits.count
      look(units, 0..<chunk, origin: Int64(position), shape: shape, values, context, &hits)
      silence = hits.count > before ? 0 : silence + chunk
      budget -= 8 * chunk
    }
    return hits
  }
}
