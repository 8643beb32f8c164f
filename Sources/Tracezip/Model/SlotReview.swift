import Columns

/// How the values of a slot are coded: the encoder tries what there is on a sample.
extension BlockModel {
  /// The encoder's choice of context or number code for a slot, by the cost of a sample; kept until the slot has seen
  /// several times as many values.
  mutating func review(
    _ template: Int, _ word: Int, _ slot: Int, _ rows: TemplateRows, _ env: borrowing RowContexts
  ) {
    guard slots[slot].seen >= slots[slot].nextReview else { return }
    let n = rows.count
    slots[slot].nextReview = max(32, (slots[slot].seen &+ UInt32(n)) &* 4)
    let sample = min(n, 256)
    let info = infos[template]
    sampled.removeAll()
    for i in 0..<sample { sampled.append(rows[i, word]) }
    // How often does the value last seen in a context come again? All candidates on the same rows, each for as long as
    // it may still be the best.
    var best = (saved: 0, kind: SlotContext.none, other: 0)
    func hits(_ context: (Int) -> UInt64) -> Int {
      sightings.begin()
      var misses = 0
      for i in 0..<sample {
        if let j = sightings.see(context(i), at: i), sampled[j] == sampled[i] { continue }
        misses += 1
        if sample - misses <= best.saved { return 0 }
      }
      return sample - misses
    }
    /// The same for what other slots of the column have taught.
    func traceHits() -> Int {
      sightings.begin()
      var misses = 0
      for i in 0..<sample {
        let trace = env.trace(rows.record(i))
        if let j = sightings.see(UInt64(trace), at: i) {
          if sampled[j] == sampled[i] { continue }
        } else if contexts.first(BlockModel.traceKey(slotInfos[slot].column, trace))
          == symbol(sampled[i], isString: slotInfos[slot].isString)
        {
          continue
        }
        misses += 1
        if sample - misses <= best.saved { return 0 }
      }
      return sample - misses
    }
    var unique = 0
    sightings.begin()
    for i in 0..<sample where sightings.see(sampled[i], at: i) == nil { unique += 1 }
    if switches.derived {
      func consider(_ n: Int, _ kind: Int, _ other: Int, _ handicap: Int) {
        if n - handicap > best.saved { best = (n - handicap, kind, other) }
      }
      if sample > 2 {
        consider(hits { $0 == 0 ? 0 : sampled[$0 - 1] }, SlotContext.previous, 0, 0)
        consider(traceHits(), SlotContext.trace, 0, 1)
        consider(hits { UInt64(env.scope(rows.record($0))) }, SlotContext.scope, 0, 0)
        var tried = 0
        var w = word - 1
        while w >= 0, tried < 12, w < 256 {
          if !info.isSpecial(Int32(w)), rows[0, w] != rows[sample - 1, w] || rows[sample / 2, w] != rows[0, w] {
            consider(hits { rows[$0, w] }, SlotContext.other, w, 0)
            tried += 1
          }
          w -= 1
        }
      }
    }
    slots[slot].context = UInt8(best.kind)
    if best.kind == SlotContext.trace { columnTraced[Int(slotInfos[slot].column)] = true }
    slots[slot].other = UInt8(best.other)
    slots[slot].teaches =
      switches.derived && unique > sample / 8 && unique > 2 && columnSlots[Int(slotInfos[slot].column)] > 1
    slots[slot].numeric = 0
    if slotInfos[slot].isString { return }
    // Numbers: symbols cost about log2 of the alphabet unless the context hits; new ones their bits too.
    var plain = 0
    var delta = 0
    var previous = sampled[0]
    for i in 0..<sample {
      let v = sampled[i]
      plain += max(1, 64 - v.leadingZeroBitCount)
      delta += max(1, 65 - Int64(bitPattern: v &- previous).magnitude.leadingZeroBitCount)
      previous = v
    }
    plain += 2 * sample
    delta += 2 * sample
    var decimal = Int.max
    if slotInfos[slot].isDouble, switches.derived {
      decimal = 2 * sample
      for i in 0..<sample { decimal += BlockModel.decimalCost(sampled[i], hint: 4) }
    }
    let width = 64 - UInt64(unique).leadingZeroBitCount
    let misses = sample - max(0, best.saved)
    let each = min(64, min(plain, decimal) / sample + 4)
    let symbols = misses * (width + 1) + unique * each + sample / 4
    var numbers = switches.delta ? min(plain, delta) : plain
    var how = numbers == plain ? SlotNumber.plain : SlotNumber.delta
    if numbers > 60 * sample { how = SlotNumber.raw }
    if decimal < numbers {
      numbers = decimal
      how = SlotNumber.decimal
    }
    if numbers < symbols { slots[slot].numeric = UInt8(1 + how) }
  }
}
