import Bytes
import Columns

/// What one segment's encoder carries from block to block, and the way in: chunk, shred, code, code ids, write.
///
/// Each step has a state of its own and leaves to the next what that needs (`BlockAtHand`). Blocks go through each step in
/// order, but steps of several blocks may run side by side: a block is coded while earlier ones' ids are, those of all
/// but the one before it being done. Shredding and writing share a thread: writing looks up strings that shredding has
/// found.
///
/// A payload is: framing (u8, its high bit set where times are written out); the sections skeleton delta, text and
/// coded values, each behind its length as varint, with the number of new strings before the text; then the raw bits
/// to the end.
final class SegmentEncoder: @unchecked Sendable {
  /// So many spans shall not take the tens of milliseconds that the slow model of text may.
  private static let manySpans = 1000

  let config: TracezipConfig
  let framing: BlockFraming

  // Shredding.
  private var state = ShredState()
  private var mark = SkeletonMark()
  /// Strings of resources whose language has been told.
  private var resources = FlatMap()

  // Coding.
  private var model = BlockModel()
  private var scratch = BlockScratch()
  private var languages: [UInt32: IdLanguage] = [:]
  /// Processes whose languages have been left to the next step.
  private var processes = 0
  /// Whether any process of the segment may have ids that can be predicted.
  private var hasHope = false
  /// The skeletons as the block's delta tells them, where shredding may be ahead.
  private var told = Skeletons()
  private let isAhead: Bool
  private let mostState: Int

  // Ids.
  private var ids: IdEncoder
  private let attention = Attention()

  // Writing.
  private var text = TextPacker()
  private var columnPaths = ColumnPaths()

  /// With some room: the decoder's tables need not have grown in the same steps.
  static let mostState = DecodeLimits.usual / 4 * 3

  /// - Parameters:
  ///   - isAhead: shredding may be ahead of coding.
  ///   - mostState: bytes of a decoder's state with which a block is still written.
  init(config: TracezipConfig, framing: BlockFraming, isAhead: Bool = false, mostState: Int = mostState) {
    self.config = config
    self.mostState = mostState
    self.isAhead = isAhead
    ids = IdEncoder(effort: config.effort == .best ? .best : config.level < 3 ? .javaAndNode : .default)
    self.framing = framing
    state.interns = config.stringTable
    state.duplicates.isOn = config.deduplication
    model.switches.delta = config.delta
    model.switches.derived = config.derived
  }

  /// The first step: `chunk`, whole messages or a piece of a large one, to records.
  func shred(_ chunk: ByteView, entry: ChunkEntry, _ hand: BlockAtHand) {
    hand.block.removeAll()
    state.begin(chunk: chunk.count)
    let strings = state.strings.count
    if framing == .json {
      var spine = JSONSpine(chunk)
      spine.shred(entry, &state, &hand.block)
    } else {
      var spine = ProtobufSpine(chunk, framing: framing)
      spine.shred(entry, &state, &hand.block)
    }
    hand.chunkBytes = chunk.count
    hand.strings = state.strings.count - strings
    hand.columns = state.skeletons.columns.count
    hand.report = BlockReport()
    hand.report.deduplicatedRecords = state.duplicates.count
    hand.report.templates = state.skeletons.templates.count - mark.templates
    hand.skeletonDelta.removeAll()
    state.skeletons.writeDelta(since: mark, into: &hand.skeletonDelta)
    mark = state.skeletons.mark
    hand.languages.removeAll(keepingCapacity: true)
    if config.idPrediction { tellLanguages(hand) }
    hand.isFull =
      state.strings.bytes > config.largestStringTable || state.skeletons.size > Skeletons.many
      || state.skeletons.templateSteps.count > Skeletons.mostTemplateSteps / 4
    hand.stateBytes = Self.stateBytes(state.strings, state.skeletons)
    hand.isTooLarge = state.skeletons.templateSteps.count > Skeletons.mostTemplateSteps
  }

  /// What a decoder's strings and skeletons take, about.
  static func stateBytes(_ strings: borrowing StringTable, _ skeletons: borrowing Skeletons) -> Int {
    strings.bytes + strings.count * MemoryLayout<StringTable.Entry>.stride + skeletons.templateSteps.count * 4
  }

  /// What the block's resources that are new say of their SDKs, which helps to find generators of ids.
  private func tellLanguages(_ hand: BlockAtHand) {
    var leaf = 0
    for i in 0..<hand.block.spine.count {
      let step = state.skeletons.steps[Int(hand.block.spine[i])]
      if step.kind.leaf == .none { continue }
      defer { leaf += 1 }
      guard step.kind.leaf == .string, state.skeletons.columns[Int(step.column)].isResource else { continue }
      let string = hand.block.spineLeaves[leaf]
      if resources[string] != nil { continue }
      resources[string] = 0
      if let language = stringAttribute(
        Array("telemetry.sdk.language".utf8), in: state.strings.view(Int(string)))
      {
        let id = UInt32(truncatingIfNeeded: string)
        hand.languages.append((id, IdLanguage(sdk: String(decoding: language, as: UTF8.self))))
      }
    }
  }

  /// The second step: records to coded values, all but ids.
  func code(_ hand: BlockAtHand) {
    let looksAtIds = attention.next() && config.idPrediction && config.effort != .fast
    if isAhead, !hand.isTooLarge, !told.readDelta(hand.skeletonDelta.view) { hand.isTooLarge = true }
    if hand.isTooLarge { return hand.draws.removeAll() }
    for (string, language) in hand.languages { languages[string] = language }
    model.codedIds.append(repeating: .max, count: hand.strings)
    model.newStrings.removeAll()
    for i in 0..<model.spent.count { model.spent[i] = 0 }
    hand.coder.start()
    if isAhead {
      model.code(&hand.block, told, limit: hand.chunkBytes, &scratch, &hand.coder)
    } else {
      model.code(&hand.block, state.skeletons, limit: hand.chunkBytes, &scratch, &hand.coder)
    }
    if looksAtIds {
      hand.processes = model.processLanguages(from: processes, languages)
      if hand.processes.contains(where: { $0 != .hopeless }) { hasHope = true }
    }
    model.beginIds(hand.block, scratch, byCodec: looksAtIds && hasHope, into: &hand.draws, &hand.coder)
    if hand.draws.count > 0 { processes += hand.processes.count }
    model.finish(hand.block)
    hand.stateBytes += model.bytes
    hand.isTooLarge = hand.stateBytes > mostState
    swap(&hand.newStrings, &model.newStrings)
    if isAhead {
      model.report(hand.block, told, &hand.report)
    } else {
      model.report(hand.block, state.skeletons, &hand.report)
    }
    hand.report.traceHashes = model.traceHashes()
  }

  /// The third step: ids. `hints`: what the segment before tells; nil where nobody asks what this one tells.
  func codeIds(_ hand: BlockAtHand, hints: BlockHints?) {
    hand.hints = IdHints()
    if !hand.isTooLarge {
      if hand.draws.count > 0 {
        for language in hand.processes { ids.addProcess(language) }
        if let told = hints?.ask() { ids.take(told) }
        ids.plan(hand.draws)
        if hints != nil { hand.hints = ids.newHints(hand.draws) }
        let before = hand.coder.spent
        var report = IdReport()
        ids.encode(&hand.draws, &report, &hand.coder)
        hand.report.columns.append(CompressionStats.Column(name: "ids", storedBytes: hand.coder.spent - before))
      }
      hand.coder.finish()
    }
    attention.tell(ids.looksAgain())
  }

  /// The last step: what was coded, with the text of new strings, to the block's payload at the end of `out`.
  /// `isFollowed`: the block was full, so that others will follow.
  func write(_ hand: BlockAtHand, isFollowed: Bool, into out: inout Buffer<UInt8>) -> BlockReport {
    let start = out.count
    // The high bit: times are written out, as `TracezipConfig.delta` asks.
    out.append(framing.rawValue | (config.delta ? 0 : 0x80))
    text.packDelta(hand.skeletonDelta.view, blockSize: hand.chunkBytes, config, into: &out)
    let skeletonBytes = out.count - start
    out.append(varint: hand.newStrings.count)
    let textByColumn = text.pack(
      hand.newStrings, state.strings, columns: hand.columns, config,
      isOfLargeCapture: isFollowed || hand.block.spans.templates.count >= Self.manySpans, into: &out)
    let textBytes = out.count - start - skeletonBytes
    out.append(varint: hand.coder.coded.count)
    out.append(hand.coder.coded)
    out.append(hand.coder.rest)
    hand.report.columns.append(CompressionStats.Column(name: "skeletons", storedBytes: skeletonBytes))
    var toldBytes = 0
    for (column, bytes) in textByColumn.enumerated() where bytes > 0 {
      toldBytes += bytes
      let path = columnPaths.path(column, state.skeletons)
      hand.report.columns.append(CompressionStats.Column(name: path, storedBytes: bytes))
    }
    hand.report.columns.append(
      CompressionStats.Column(
        name: "text", values: hand.newStrings.count, storedBytes: max(0, textBytes - toldBytes)))
    hand.report.services = state.skeletons.services(hand.newStrings, state.strings)
    return hand.report
  }
}

/// Whether blocks' ids are looked at. That depends on what came of those two blocks before, no later ones, whose ids may
/// be under way on another thread.
private final class Attention: @unchecked Sendable {
  private let monitor = Monitor()
  // Under the monitor.
  private var told = [true, true]

  /// Tells of the block after the next.
  func tell(_ looks: Bool) { monitor.locked { told.append(looks) } }

  /// Whether the next block is looked at.
  func next() -> Bool { monitor.locked { told.removeFirst() } }
}

/// A block on its way through the steps of an encoder: what each leaves to those behind it. Its memory is used again.
final class BlockAtHand: @unchecked Sendable {
  // From shredding.
  var block = Block()
  var chunkBytes = 0
  /// Strings that are new, and columns that there are by now.
  var strings = 0
  var columns = 0
  var skeletonDelta = Buffer<UInt8>()
  /// Of resources that are new, by string.
  var languages: [(string: UInt32, language: IdLanguage)] = []
  /// Whether the segment should end behind this block: its strings, or its skeletons, are as many as they may be.
  var isFull = false
  /// What a decoder's state takes after this block, and whether that is more than decoders allow: then the block is not
  /// to be written.
  var stateBytes = 0
  var isTooLarge = false

  // From coding; ids are added last.
  var coder = RangeEncoder()
  /// The ids that are left, and what the resources of processes that are new say of their SDKs.
  var draws = Buffer<IdDraw>()
  var processes: [IdLanguage] = []
  /// The new strings in coding order: id below, column above.
  var newStrings = Buffer<UInt64>()
  /// What the block's ids tell the next segment.
  var hints = IdHints()

  var report = BlockReport()
}
