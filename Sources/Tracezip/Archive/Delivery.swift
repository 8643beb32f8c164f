import Bytes

/// The way of blocks behind the walk that reads them (`Restorer`): to the workers, and what those restored, in order, to
/// the sink.
final class Delivery {
  /// What could not be restored is noted and left out; else it is an error.
  var recovers = false
  /// Sees each block that came out whole, in order.
  var onBlock: ((StoredBlock) -> Void)?
  var result = TraceDecompressor.Result()
  /// A block could not be delivered: nothing behind it may reach the sink.
  private(set) var hasFailed = false

  private let sink: ByteSink
  /// Of a sink that is a regular file: the workers write to where bytes belong, or leave it to this thread, which writes
  /// those of the first segment while it has time. What many threads restore need not wait in memory then.
  private var tail: FileTail?
  private let handover = Handover()
  /// Restored bytes of the blocks that were handed to the workers.
  private var fedBytes = 0
  private var pipeline: Pipeline<SegmentUnpacker>
  private let threads: Int
  private let limits: DecodeLimits
  /// Whether this thread, which has little to do, checks what the workers restore. A single segment has one worker
  /// whatever there might be; many would have to wait for their checks.
  private let checksItself: Bool
  /// For statistics, where blocks are decoded.
  private let details: Bool
  private var pool: [StoredBlock] = []
  /// What blocks that are left to this thread are woven into, one after the other.
  private var room = Buffer<UInt8>()

  init(to sink: ByteSink, config: TracezipConfig, details: Bool) {
    self.sink = sink
    var threads = config.workers
    // What may wait for its turn where it cannot be written to its place: each thread has a segment's state besides.
    var weight = (64 + 24 * threads) << 20
    var memory = DecodeLimits.usual
    if let limit = config.memoryLimit {
      threads = max(1, min(threads, limit / (128 << 20)))
      weight = min(weight, limit / 3)
      memory = max(1 << 20, limit / 3 / threads)
    }
    let limits = DecodeLimits(memory: memory)
    // One thread's worker has one block, while the one before is checked and written.
    if threads == 1 { weight = 1 }
    let overlaps = threads == 1 && Worker.cores > 1
    tail = threads > 1 ? sink.tail : nil
    let checksHere = threads <= 4 && Worker.cores > 1
    checksItself = checksHere
    self.threads = threads
    self.limits = limits
    pipeline = Pipeline(
      threads: threads, overlaps: overlaps, limit: weight,
      weigh: {
        let isHeld = $0.place == nil && !$0.isChecked && $0.head.known != .stored
        return $0.payload.count + (isHeld ? $0.head.restoredCount : 0)
      },
      make: { SegmentUnpacker(limits: limits, details: details, share: checksHere ? .restoring : .whole) })
    self.details = details
  }

  /// Lets this thread weave, check and write what one worker decodes: with two threads, and of a single segment, which
  /// has one worker anyway. A segment each would fill memory with what has to wait for its turn, and with few segments
  /// one of the two would wait as well.
  func shareWork(isOneSegment: () -> Bool) {
    guard threads > 1, checksItself, !details else { return }
    guard threads == 2 || isOneSegment() else { return }
    tail = nil
    let limits = self.limits
    pipeline = .ofOneWorker(items: 3) { SegmentUnpacker(limits: limits, share: .coding) }
  }

  /// A block to be filled and fed.
  func item() -> StoredBlock { pool.popLast() ?? StoredBlock() }

  /// Whether nothing is under way.
  var isEmpty: Bool { pipeline.isEmpty }

  /// Hands a block to the workers.
  func feed(_ item: StoredBlock, ofFirstSegment: Bool) throws(TracezipError) {
    // Where blocks may be left out nobody knows yet where the others go.
    if let tail, !item.isChecked, !recovers, onBlock == nil {
      item.place = (tail, fedBytes)
      if ofFirstSegment { item.handover = handover }
    }
    fedBytes += item.head.restoredCount
    var finished: [StoredBlock] = []
    while pipeline.isFull, let done = pipeline.take(wait: true) { finished.append(done) }
    pipeline.feed(item)
    for done in finished { try deliver(done) }
    // A single worker must have its next block before this thread goes on with the one it has just done.
    if !pipeline.overlaps { try deliverDone() }
  }

  /// The next block begins another segment.
  func endSegment() { pipeline.endSegment() }

  /// Delivers what has been done by now.
  func deliverDone() throws(TracezipError) {
    while let done = pipeline.take(wait: false) { try deliver(done) }
  }

  /// Waits for all that is under way.
  func deliverAll() throws(TracezipError) {
    while let done = pipeline.take(wait: true) { try deliver(done) }
  }

  private func deliver(_ item: StoredBlock) throws(TracezipError) {
    // Unless it is delivered: it stays so where this throws.
    hasFailed = true
    let isWovenHere = item.weaver != nil
    if isWovenHere { swap(&item.restored, &room) }
    item.weave()
    if checksItself, item.error == nil, !item.isChecked, item.place == nil {
      do throws(BlockError) { try item.check() } catch { item.fail(error) }
    }
    if let error = item.error {
      guard recovers, error.mayBeSkipped else { throw error }
      result.note(
        TraceDecompressor.Gap(
          error: error, archiveBytes: item.archiveBytes,
          missingBytes: item.head.kind == 0 ? nil : item.head.restoredCount, restoredOffset: result.restoredBytes))
    } else {
      if let tail {
        try tail.put(item.restored.view, at: result.restoredBytes)
      } else {
        try sink.put(item.restored.view)
      }
      let isHere = item.place == nil && !(item.isChecked && item.restored.isEmpty)
      result.restoredBytes += isHere ? item.restored.count : item.head.restoredCount
      result.blocks += 1
      onBlock?(item)
    }
    if item.isHandedOver {
      // The worker needs the memory for its next block; this item is for reading far ahead.
      item.restored = Buffer()
      handover.isTaken()
    }
    hasFailed = false
    item.reset()
    if isWovenHere { swap(&item.restored, &room) }
    pool.append(item)
  }

  /// Nothing more comes. `cutting`: because of damage, behind which nothing may stay in a file.
  func end(cutting: Bool) {
    guard let tail else { return }
    if cutting { pipeline.stop() }
    tail.end(at: result.restoredBytes, cutting: cutting)
  }
}
