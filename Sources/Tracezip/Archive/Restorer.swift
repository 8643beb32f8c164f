import Bytes

/// Reads archives from front to back: frames in, blocks to their `Delivery`. Restoring, recovering, verifying and measuring
/// are all this walk; they differ in what they do with damage and with what comes out.
final class Restorer {
  /// Damage ends the walk unless set.
  var recovers: Bool {
    get { delivery.recovers }
    set { delivery.recovers = newValue }
  }
  /// Check only what is stored.
  var skipsDecoding = false
  var progress: ProgressHandler?
  /// Sees each block that came out whole, in order.
  var onBlock: ((StoredBlock) -> Void)? {
    get { delivery.onBlock }
    set { delivery.onBlock = newValue }
  }
  var result: TraceDecompressor.Result { delivery.result }

  private var window: InputWindow
  private let delivery: Delivery
  private let memoryLimit: Int
  /// For statistics, where blocks are decoded.
  private let details: Bool
  private let totalBytes: Int?
  private var isSegmentOpen = false
  private var hasLostState = false
  private var segment = -1
  private var block = 0
  private var archiveStart = 0
  /// Of the archive at hand: restored bytes that its blocks declare, and whether any part was left out.
  private var declaredBytes = 0
  private var isDamaged = false
  private var digest = CheckDigest()

  init(
    _ source: ByteSource, offset: Int = 0, to sink: ByteSink, config: TracezipConfig, details: Bool = false
  ) throws(TracezipError) {
    try config.validate()
    window = InputWindow(source, offset: offset)
    delivery = Delivery(to: sink, config: config, details: details)
    memoryLimit = config.memoryLimit ?? .max
    self.details = details
    totalBytes = source.size
  }

  /// The most stored bytes that are looked through for what they hold.
  private static let mostLookedThrough = 8 << 20

  /// Whether one segment is all there is, as far as that is quickly told.
  private func isOneSegment(from start: Place) -> Bool {
    guard let totalBytes, totalBytes <= Self.mostLookedThrough else { return false }
    let front = start == .header ? Format.headerSize : 0
    return (try? window.fill(totalBytes)) == totalBytes && window.isOneSegment(behind: front)
  }

  // MARK: The walk

  /// What comes next.
  private enum Place: Equatable {
    /// An archive's header, or the end of the source.
    case header
    /// A frame of an archive with this last header byte.
    case frames(UInt8)
    /// A frame, or the end of the source: of the archive only one segment is here.
    case segment
  }

  /// Restores every archive up to the end of the source.
  func run() throws(TracezipError) { try walk(from: .header) }

  /// Restores one segment, which ends where the source ends.
  func runSegment() throws(TracezipError) { try walk(from: .segment) }

  /// Restores one archive of one frame.
  func runSingle() throws(TracezipError) {
    _ = try header()
    try delivery.deliverAll()
    delivery.result.archiveBytes = window.offset
  }

  private func walk(from start: Place) throws(TracezipError) {
    if !skipsDecoding { delivery.shareWork { isOneSegment(from: start) } }
    do throws(TracezipError) {
      try walkOn(from: start)
    } catch {
      delivery.end(cutting: true)
      throw error
    }
    delivery.end(cutting: false)
  }

  private func walkOn(from start: Place) throws(TracezipError) {
    var place: Place? = start
    while let here = place {
      do throws(TracezipError) {
        place = try step(here)
      } catch {
        guard recovers, error.mayBeSkipped else {
          // What came before the damage leaves first; what comes behind a block that failed does not.
          if !delivery.hasFailed {
            endSegment()
            try delivery.deliverAll()
          }
          throw error
        }
        place = try skip(error, here)
      }
    }
    endSegment()
    try delivery.deliverAll()
    delivery.result.archiveBytes = window.offset
  }

  /// Takes one step; nil at the end.
  private func step(_ place: Place) throws(TracezipError) -> Place? {
    switch place {
    case .header:
      if try fill(1) == 0, result.archives > 0 { return nil }
      return try header()
    case .frames(let headerByte): return try frame(headerByte) ? place : .header
    case .segment:
      if try fill(1) == 0 { return nil }
      _ = try frame(ArchiveForm.frames.headerByte)
      return place
    }
  }

  private func location(_ offset: Int? = nil) -> TracezipError.Location {
    TracezipError.Location(
      offset: offset ?? window.offset, segment: segment < 0 ? nil : segment, block: isSegmentOpen ? block : nil)
  }

  private func fail(_ kind: TracezipError.Kind) -> TracezipError { TracezipError(kind, at: location()) }

  /// Reads until `count` bytes are ahead or the source ends; returns how many are, at most `count`. While it waits for
  /// them, it delivers what has been done.
  private func fill(_ count: Int) throws(TracezipError) -> Int {
    while window.lacks(count) {
      while !delivery.isEmpty, window.isSilent { try delivery.deliverDone() }
      try window.read(toward: count)
    }
    return try window.fill(count)
  }

  /// Makes sure that `count` bytes are ahead.
  private func need(_ count: Int) throws(TracezipError) {
    let available = try fill(count)
    if available < count { throw fail(.truncated(needed: count, available: available)) }
  }

  private func header() throws(TracezipError) -> Place {
    let available = try fill(Format.headerSize)
    let ahead = window.ahead
    for i in 0..<min(available, Format.magic.count) where ahead[i] != Format.magic[i] {
      throw fail(delivery.result.archives == 0 ? .notAnArchive : .trailingBytes)
    }
    try need(Format.headerSize)
    let last = window.ahead[4]
    let version = last & 0x3F
    guard version == Format.version, let form = ArchiveForm(rawValue: last >> 6) else {
      if version == 0 { throw fail(.malformed(reason: "version 0 does not exist")) }
      throw fail(.unsupportedVersion(found: Int(version), maximum: Int(Format.version)))
    }
    if form != .frames {
      try single(form)
      return .header
    }
    window.drop(Format.headerSize)
    delivery.result.archives += 1
    archiveStart = window.offset - Format.headerSize
    declaredBytes = 0
    isDamaged = false
    digest = CheckDigest()
    return .frames(last)
  }

  // MARK: Frames

  /// Takes one frame; false after the archive's end.
  private func frame(_ headerByte: UInt8) throws(TracezipError) -> Bool {
    try checkpoint()
    try need(1)
    if window.ahead[0] == FrameKind.mark.rawValue {
      try need(Format.mark.count)
      guard window.ahead[0..<Format.mark.count].array == Format.mark else {
        throw fail(.malformed(reason: "a segment does not begin as segments do"))
      }
      beginSegment()
      window.drop(Format.mark.count)
      return true
    }
    let head = try head()
    try need(head.size + head.storedCount)
    let payload = window.ahead[head.size..<head.size + head.storedCount]
    let computed = head.computeCheck(headerByte: headerByte, payload: payload)
    guard computed == head.check else {
      throw fail(.checksumMismatch(declared: UInt64(head.check), computed: UInt64(computed)))
    }
    switch head.known {
    case .stored, .zstd, .lz4, .modelled:
      try take(head, payload)
    case .end:
      try end(head, payload)
      return false
    case .index:
      if ArchiveIndex.parse(payload) == nil { throw fail(.malformed(reason: "the index makes no sense")) }
    case .mark, nil: break
    }
    digest.add(head.check)
    window.drop(head.size + head.storedCount)
    return true
  }

  /// The head of the frame ahead, of which no more is waited for than it takes.
  private func head() throws(TracezipError) -> FrameHead {
    while true {
      let count = window.ahead.count
      do throws(TracezipError.Kind) {
        if let head = try FrameHead.parse(window.ahead) { return head }
      } catch {
        throw fail(error)
      }
      try need(count + 1)
    }
  }

  /// Hands a block to the workers.
  private func take(_ head: FrameHead, _ payload: ByteView) throws(TracezipError) {
    guard isSegmentOpen else { throw fail(.malformed(reason: "a block stands outside of a segment")) }
    // Both forms of the block, and as much again for what decoding needs.
    let needed = 2 * head.restoredCount + head.storedCount
    if needed > memoryLimit { throw fail(.limitExceeded(limit: memoryLimit, value: needed)) }
    let item = delivery.item()
    item.head = head
    item.location = location()
    item.archiveBytes = head.size + head.storedCount
    item.lacksState = hasLostState
    item.isChecked = skipsDecoding
    if !skipsDecoding { item.payload.append(payload) }
    declaredBytes += head.restoredCount
    block += 1
    try delivery.feed(item, ofFirstSegment: segment == 0)
  }

  private func end(_ head: FrameHead, _ payload: ByteView) throws(TracezipError) {
    guard let end = ArchiveEnd.parse(payload) else { throw fail(.malformed(reason: "the end makes no sense")) }
    let size = head.size + head.storedCount + 1
    try need(size)
    guard Int(window.ahead[size - 1]) == size else { throw fail(.malformed(reason: "the end's size is wrong")) }
    if !isDamaged {
      let bytes = window.offset + size - archiveStart
      if end.archiveBytes != bytes || end.digest != digest.low || end.restoredBytes != declaredBytes {
        throw fail(.malformed(reason: "parts of the archive are missing or out of order"))
      }
    }
    endSegment()
    window.drop(size)
  }

  // MARK: Archives of one frame

  private func single(_ form: ArchiveForm) throws(TracezipError) {
    beginSegment()
    delivery.result.archives += 1
    let item = StoredBlock()
    item.location = location()
    _ = try fill(Format.headerSize + 10)
    var cursor = IndexCursor(window.ahead)
    cursor.skip(Format.headerSize)
    var stored = 0
    if form != .singleZstd { stored = try size(&cursor, limit: Format.largestSingle + 1 << 16) }
    if form == .singleModelled { item.head.restoredCount = try size(&cursor, limit: Format.largestSingle) }
    let front = cursor.at
    let start = front + 4
    if form == .singleZstd {
      let available = try fill(start + Format.largestSingle + 1 << 16)
      guard available > start, let blocks = SingleArchive.zstdBlocksSize(window.ahead[start..<available]) else {
        throw fail(.truncated(needed: available + 1, available: available))
      }
      stored = blocks
    }
    try need(start + stored)
    let payload = window.ahead[start..<start + stored]
    do throws(BlockError) {
      switch form {
      case .singleStored: item.restored.append(payload)
      case .singleZstd:
        item.payload.append(SingleArchive.zstdHeader)
        item.payload.append(payload)
        var unpacker = Unpacker()
        _ = try unpacker.zstd(item.payload.view, limit: Format.largestSingle, into: &item.restored)
      default:
        let decoder = SegmentDecoder(limits: DecodeLimits(memory: min(memoryLimit, 1 << 28)), details: details)
        item.report = try decoder.decode(payload, restoredCount: item.head.restoredCount, into: &item.restored)
      }
    } catch {
      throw fail(error.kind)
    }
    let declared = window.ahead.load(UInt32.self, at: front)
    let computed = SingleArchive.check(front: window.ahead[0..<front], payload: payload, restored: item.restored.view)
    guard declared == computed else {
      throw fail(.checksumMismatch(declared: UInt64(declared), computed: UInt64(computed)))
    }
    item.head = FrameHead(kind: form.frameKind.rawValue, storedCount: stored)
    item.head.restoredCount = item.restored.count
    item.archiveBytes = start + stored
    item.isChecked = true
    window.drop(start + stored)
    try delivery.feed(item, ofFirstSegment: false)
    endSegment()
  }

  private func size(_ cursor: inout IndexCursor, limit: Int) throws(TracezipError) -> Int {
    let before = cursor.at
    guard let value = cursor.number() else {
      if cursor.left >= 10 { throw fail(.malformed(reason: "a length is no varint")) }
      throw fail(.truncated(needed: before + cursor.left + 1, available: before + cursor.left))
    }
    guard value <= limit, cursor.at - before == varintWidth(UInt64(value)) else {
      throw fail(.malformed(reason: "a length is over-long or too large"))
    }
    return value
  }

  // MARK: Damage

  /// Leaves out what makes no sense, up to where the archive makes sense again; nil if it does not.
  private func skip(_ error: TracezipError, _ here: Place) throws(TracezipError) -> Place? {
    let from = window.offset
    let item = StoredBlock()
    item.error = error
    item.location = error.location
    item.lacksState = true
    var place: Place?
    if here != .header, let total = try window.intactFrame() {
      // The frame is right about its length, since another follows it.
      item.head = (try? FrameHead.parse(window.ahead)) ?? item.head
      window.drop(total)
      place = here
      isSegmentOpen = true
      block += 1
    } else {
      place =
        switch try window.dropToIntact() {
        case .segment: .frames(ArchiveForm.frames.headerByte)
        case .archive: .header
        case nil: nil
        }
      // Whichever archive the segment is of, there is one.
      if here == .header, case .frames = place { delivery.result.archives = max(1, result.archives) }
    }
    isDamaged = true
    hasLostState = true
    item.archiveBytes = window.offset - from
    try delivery.feed(item, ofFirstSegment: false)
    switch (place, here) {
    case (nil, _), (.header?, _): endSegment()
    case (_, .segment): return .segment
    default: break
    }
    return place
  }

  // MARK: Segments

  private func beginSegment() {
    endSegment()
    isSegmentOpen = true
    segment += 1
    block = 0
    delivery.result.segments += 1
  }

  private func endSegment() {
    isSegmentOpen = false
    hasLostState = false
    delivery.endSegment()
  }

  private func checkpoint() throws(TracezipError) {
    if Task.isCancelled { throw TracezipError(.cancelled) }
    guard let progress else { return }
    var report = Progress()
    report.bytesRead = window.offset
    report.totalBytes = totalBytes
    report.bytesWritten = result.restoredBytes
    if !progress(report) { throw TracezipError(.cancelled) }
  }
}

extension TracezipError {
  /// Recovery goes on behind damage, not behind what no other place of the archive can help.
  var mayBeSkipped: Bool {
    switch kind {
    case .io, .cancelled, .finished, .invalidConfig: false
    default: true
    }
  }
}
