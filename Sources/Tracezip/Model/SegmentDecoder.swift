import Bytes
import Columns

/// The mirror of `SegmentEncoder`: payload, code, weave.
///
/// Its two steps have states of their own as well: values may be decoded on one thread (`code`), ids, text and records on
/// another (`weave`), behind it.
final class SegmentDecoder: @unchecked Sendable {
  let limits: DecodeLimits
  private let details: Bool

  // Coding.
  private var model = BlockModel()
  private var scratch = BlockScratch()
  private var deltas = TextPacker()
  private var stringCount = 0
  /// The skeletons as this step knows them, where it may be ahead.
  private var told = Skeletons()
  private let isAhead: Bool

  // Weaving.
  private var ids = IdTable()
  /// What predicted the ids of the last block.
  private var idReport = IdReport()
  private var skeletons = Skeletons()
  private var strings = StringTable()
  private var text = TextPacker()
  private var weaver = Weaver()
  /// A block could not be woven, so that those behind it lack its strings.
  private var hasLostState = false

  /// - Parameters:
  ///   - details: for statistics; makes decoding slower, and is for one thread.
  ///   - isAhead: coding may be ahead of weaving.
  init(limits: DecodeLimits, details: Bool = false, isAhead: Bool = false) {
    self.limits = limits
    self.isAhead = isAhead
    self.details = details
    model.slotCosts.isOn = details
    if details { text.tellCosts() }
  }

  /// Restores exactly `restoredCount` bytes from `payload` and appends them to `out`; what the block held.
  @discardableResult
  func decode(
    _ payload: ByteView, restoredCount: Int, into out: inout Buffer<UInt8>
  ) throws(BlockError) -> BlockReport {
    let block = DecodedBlock()
    return try decode(payload, restoredCount: restoredCount, block, into: &out)
  }

  /// The same with memory for `block` that is used again.
  func decode(
    _ payload: ByteView, restoredCount: Int, _ block: DecodedBlock, into out: inout Buffer<UInt8>
  ) throws(BlockError) -> BlockReport {
    try code(payload, restoredCount: restoredCount, block)
    return try weave(block, payload, into: &out)
  }

  /// The first step, all but ids and text. `payload` must stay until the last.
  func code(_ payload: ByteView, restoredCount: Int, _ hand: DecodedBlock) throws(BlockError) {
    var reader = PayloadReader(payload)
    guard let first = payload.isEmpty ? nil : payload[0], let framing = BlockFraming(rawValue: first & 0x7F) else {
      throw malformed("a block has no framing")
    }
    hand.framing = framing
    hand.restoredCount = restoredCount
    model.switches.delta = first < 0x80
    reader.at = 1
    guard let packedDelta = reader.section() else { throw malformed("a block's skeletons are cut off") }
    hand.skeletonDelta.removeAll()
    guard deltas.unpackDelta(packedDelta, limit: restoredCount * 4 + 65536, into: &hand.skeletonDelta),
      isAhead ? told.readDelta(hand.skeletonDelta.view) : skeletons.readDelta(hand.skeletonDelta.view)
    else { throw malformed("a block's skeletons make no sense") }
    guard let newStrings = reader.number(), newStrings <= restoredCount + 1 else {
      throw malformed("a block's strings make no sense")
    }
    guard let packedText = reader.section() else { throw malformed("a block's strings are cut off") }
    (hand.strings, hand.text) = (newStrings, reader.at - packedText.count..<reader.at)
    guard let coded = reader.section() else { throw malformed("a block's values are cut off") }
    stringCount += newStrings
    hand.block.removeAll()
    model.stringLimit = stringCount
    model.newStrings.removeAll()
    for i in 0..<model.spent.count { model.spent[i] = 0 }
    var coder = RangeDecoder(coded: coded, rest: payload.dropFirst(reader.at))
    let templates = model.infos.count
    if isAhead {
      model.code(&hand.block, told, limit: restoredCount, &scratch, &coder)
    } else {
      model.code(&hand.block, skeletons, limit: restoredCount, &scratch, &coder)
    }
    guard !coder.failed, model.stringCount == stringCount else { throw malformed("a block's values make no sense") }
    model.handIds(hand.block, scratch, coder, to: &hand.ids)
    model.finish(hand.block)
    hand.modelBytes = model.bytes
    hand.report = BlockReport()
    hand.report.templates = model.infos.count - templates
    swap(&hand.layout, &model.layout)
    if isAhead {
      model.report(hand.block, told, &hand.report)
    } else {
      model.report(hand.block, skeletons, &hand.report)
    }
    swap(&hand.newStrings, &model.newStrings)
    hand.report.columns.append(CompressionStats.Column(name: "skeletons", storedBytes: packedDelta.count))
    hand.report.columns.append(
      CompressionStats.Column(name: "text", values: newStrings, storedBytes: packedText.count))
  }

  /// There is nothing more to code: frees what that took, while blocks are still to be woven.
  func endCoding() {
    model = BlockModel()
    scratch = BlockScratch()
    deltas = TextPacker()
    told = Skeletons()
  }

  /// The last step: ids, text, and records to bytes at the end of `out`. What the block held.
  func weave(
    _ hand: DecodedBlock, _ payload: ByteView, into out: inout Buffer<UInt8>
  ) throws(BlockError) -> BlockReport {
    if hasLostState { throw .missingState }
    hasLostState = true
    if isAhead, !skeletons.readDelta(hand.skeletonDelta.view) {
      throw malformed("a block's skeletons make no sense")
    }
    guard let found = ids.decode(&hand.ids, into: &hand.block) else { throw malformed("a block's ids make no sense") }
    idReport = found.report
    if found.bytes > 0 {
      hand.report.columns.append(CompressionStats.Column(name: "ids", storedBytes: found.bytes))
    }
    let packedText = payload[hand.text]
    guard
      text.unpack(
        packedText, count: hand.strings, columns: skeletons.columns.count, limit: hand.restoredCount * 2 + 65536,
        into: &strings)
    else { throw malformed("a block's strings make no sense") }
    let before = out.count
    guard
      weaver.weave(
        hand.block, skeletons, strings, hand.layout, framing: hand.framing, limit: hand.restoredCount, into: &out),
      out.count - before == hand.restoredCount
    else { throw malformed("a block's records do not fit together") }
    let memory = SegmentEncoder.stateBytes(strings, skeletons) + hand.modelBytes
    if memory > limits.memory { throw BlockError(.limitExceeded(limit: limits.memory, value: memory)) }
    hand.report.services = skeletons.services(hand.newStrings, strings)
    if details {
      model.spentParts.ids = found.bytes
      account(hand, packedText)
    }
    hasLostState = false
    return hand.report
  }

  /// Shares the bytes of the block just decoded out, for statistics.
  private func account(_ hand: DecodedBlock, _ packedText: ByteView) {
    let costs = text.costs(packedText)
    var accountant = BlockAccountant(
      skeletons, strings, spans: hand.block.spans.templates.count, new: hand.strings, text: costs)
    var details = accountant.run(
      hand.block, model, skeletons, strings, scratch, sizes: weaver.spanSizes, text: costs)
    details.add(idReport, ids: model.structure.draws.count, bytes: model.spentParts.ids)
    hand.report.details = details
  }

  private func malformed(_ reason: String) -> BlockError { BlockError(.malformed(reason: reason)) }
}

/// A block between the steps of a decoder. Its memory is used again.
final class DecodedBlock: @unchecked Sendable {
  var framing = BlockFraming.unknown
  var restoredCount = 0
  var block = Block()
  var ids = HandedIds()
  var skeletonDelta = Buffer<UInt8>()
  /// How many strings are new, and where in the payload their text stands.
  var strings = 0
  var text = 0..<0
  /// The new strings: ids below, columns above.
  var newStrings = Buffer<UInt64>()
  var layout = RowLayout()
  var modelBytes = 0
  var report = BlockReport()
}

/// Lengths and sections of a payload, never past its end.
struct PayloadReader {
  let payload: ByteView
  var at = 0

  init(_ payload: ByteView) { self.payload = payload }

  mutating func number() -> Int? {
    guard let v = payload.varint(at: at), v.value < 1 << 40 else { return nil }
    at += v.width
    return Int(v.value)
  }

  mutating func section() -> ByteView? {
    guard let n = number(), n <= payload.count - at else { return nil }
    at += n
    return payload[at - n..<at]
  }
}
