import Bytes

/// Looks into an archive that can be read at any place: its segments, its health, its figures.
public final class ArchiveReader {
  /// What the index says of a segment. Found by scanning instead, it lacks what only the index knows.
  public struct Segment: Sendable, Equatable {
    /// Which of concatenated archives it is in.
    public var archive = 0
    /// Where it begins in the file, and how many bytes it takes.
    public var offset = 0
    public var storedBytes = 0
    /// Where its bytes begin in the restored capture, and how many they are.
    public var restoredOffset = 0
    public var restoredBytes = 0
    public var blocks = 0
    public var messages = 0
    public var spans = 0
    /// Distinct traces.
    public var traces = 0
    public var templates = 0
    public var deduplicatedRecords = 0
    public var firstStart: UInt64?
    public var lastStart: UInt64?
    public var services: [String] = []
    /// Whether it came from the index (else by scanning).
    public var isIndexed = false
    /// Which traces it may hold; nil: any.
    var filter: TraceFilter?
  }

  /// How much to check.
  public enum Depth: Sendable {
    /// Checksums over the stored bytes.
    case stored
    /// Everything decoded, and checksums over what is restored.
    case restored
  }

  public struct Verification: Sendable, Equatable {
    public var archives = 0
    public var segments = 0
    public var blocks = 0
    public var archiveBytes = 0
    public var restoredBytes = 0
    /// In the order of the file; empty: the archive is sound.
    public var problems: [TracezipError] = []
    public var isSound: Bool { problems.isEmpty }
    public init() {}
  }

  private let file: ArchiveFile
  private let path: String?
  private var found: [FoundArchive]?

  public init(path: String) throws(TracezipError) {
    file = try ArchiveFile(path: path)
    self.path = path
  }

  public init(_ archive: [UInt8]) throws(TracezipError) {
    file = ArchiveFile(archive)
    path = nil
  }

  /// Bytes of the file.
  public var size: Int { file.size }

  /// All segments of all concatenated archives, from the index where there is one, else by scanning.
  public func segments() throws(TracezipError) -> [Segment] {
    var segments: [Segment] = []
    var restored = 0
    for (number, archive) in try archives().enumerated() {
      for var segment in archive.segments {
        segment.archive = number
        segment.restoredOffset += restored
        segments.append(segment)
      }
      restored += archive.segments.reduce(0) { $0 &+ $1.restoredBytes }
    }
    return segments
  }

  /// The segments that may hold spans of a trace (16 bytes): never misses one, seldom names one too many.
  public func segments(withTrace id: [UInt8]) throws(TracezipError) -> [Segment] {
    let hash = id.withView { traceHash($0) }
    return try segments().filter { $0.filter?.mayContain(hash) ?? true }
  }

  /// The restored bytes of one segment.
  public func restore(
    _ segment: Segment, to sink: ByteSink, config: TracezipConfig = TracezipConfig()
  ) throws(TracezipError) {
    guard segment.offset >= 0, segment.storedBytes >= 0, segment.offset <= size - segment.storedBytes else {
      throw named(TracezipError(.truncated(needed: segment.storedBytes, available: max(0, size - segment.offset))))
    }
    let source = file.source(segment.offset..<segment.offset + segment.storedBytes)
    do throws(TracezipError) {
      let restorer = try Restorer(source, offset: segment.offset, to: sink, config: config)
      if try file.read(segment.offset..<segment.offset + min(1, segment.storedBytes)) == [Format.magic[0]] {
        try restorer.run()
      } else {
        try restorer.runSegment()
      }
    } catch {
      throw named(error)
    }
  }

  /// Checks the whole file, with `config.threads` workers.
  public func verify(
    _ depth: Depth = .restored, config: TracezipConfig = TracezipConfig(), progress: ProgressHandler? = nil
  ) throws(TracezipError) -> Verification {
    do throws(TracezipError) {
      let restorer = try Restorer(file.source(0..<size), to: .discard, config: config)
      restorer.recovers = true
      restorer.skipsDecoding = depth == .stored
      restorer.progress = progress
      try restorer.run()
      var verification = Verification()
      verification.archives = restorer.result.archives
      verification.segments = restorer.result.segments
      verification.blocks = restorer.result.blocks
      verification.archiveBytes = restorer.result.archiveBytes
      verification.restoredBytes = restorer.result.restoredBytes
      verification.problems = restorer.result.gaps.map { named($0.error) }
      return verification
    } catch {
      throw named(error)
    }
  }

  /// The figures of the archive: what the index says, and by reading every block what the blocks say. `columns` needs
  /// them decoded.
  public func statistics(
    columns: Bool = true, config: TracezipConfig = TracezipConfig(), progress: ProgressHandler? = nil
  ) throws(TracezipError) -> CompressionStats {
    let start = ContinuousClock().now
    var stats = CompressionStats()
    var sums: [String: CompressionStats.Column] = [:]
    var details = BlockDetails()
    var services: Set<String> = []
    var blockBytes = 0
    do throws(TracezipError) {
      let archives = try self.archives()
      let restorer = try Restorer(file.source(0..<size), to: .discard, config: config, details: columns)
      restorer.skipsDecoding = !columns
      restorer.progress = progress
      restorer.onBlock = { block in
        stats.originalBytes += block.head.restoredCount
        if block.head.known != .modelled { stats.plainBytes += block.head.restoredCount }
        blockBytes += block.head.storedCount
        guard columns else { return }
        if let found = block.report.details {
          details.add(found)
          for column in block.report.columns where column.name == "skeletons" { sums.add(column) }
        } else {
          for column in block.report.columns { sums.add(column) }
        }
        if block.head.known != .modelled, block.head.storedCount > 0 {
          var column = CompressionStats.Column(
            name: "verbatim", storedBytes: block.head.storedCount, codec: "\(block.head.known ?? .stored)")
          column.originalBytes = block.head.restoredCount
          sums.add(column)
          details.codecs["verbatim, \(block.head.known ?? .stored)", default: .init()].add(
            .init(count: 1, original: block.head.restoredCount, stored: Double(block.head.storedCount)))
        }
      }
      try restorer.run()
      stats.archives = restorer.result.archives
      stats.segments = restorer.result.segments
      stats.blocks = restorer.result.blocks
      for archive in archives {
        for segment in archive.segments {
          stats.messages += segment.messages
          stats.spans += segment.spans
          stats.traces += segment.traces
          stats.templates += segment.templates
          stats.deduplicatedRecords += segment.deduplicatedRecords
          services.formUnion(segment.services)
          if let first = segment.firstStart { stats.firstStart = min(stats.firstStart ?? first, first) }
          if let last = segment.lastStart { stats.lastStart = max(stats.lastStart ?? last, last) }
        }
        if stats.framing == .unknown, let framing = archive.index?.framing { stats.framing = framing }
      }
    } catch {
      throw named(error)
    }
    stats.archiveBytes = size
    stats.overheadBytes = size - blockBytes
    stats.services = services.sorted()
    stats.take(details)
    stats.columns = (stats.columns + sums.values).sorted { ($1.storedBytes, $0.name) < ($0.storedBytes, $1.name) }
    let time = (ContinuousClock().now - start).components
    stats.microseconds = Int(time.seconds) * 1_000_000 + Int(time.attoseconds / 1_000_000_000_000)
    return stats
  }

  /// An archive of one frame has no index; it is small, so its figures are found by archiving its bytes again.
  private func examined(_ segment: Segment) throws(TracezipError) -> Segment {
    var bytes: [UInt8] = []
    try restore(segment, to: ByteSink.arrays { bytes += $0 })
    let stats = try TraceCompressor.compressWithStats(bytes).stats
    var segment = segment
    segment.messages = stats.messages
    segment.spans = stats.spans
    segment.traces = stats.traces
    segment.templates = stats.templates
    segment.deduplicatedRecords = stats.deduplicatedRecords
    segment.firstStart = stats.firstStart
    segment.lastStart = stats.lastStart
    segment.services = stats.services
    return segment
  }

  private func archives() throws(TracezipError) -> [FoundArchive] {
    if let found { return found }
    do throws(TracezipError) {
      var archives = try ArchiveScan(file: file).archives()
      for i in archives.indices where archives[i].form != .frames {
        archives[i].segments[0] = try examined(archives[i].segments[0])
      }
      found = archives
      return archives
    } catch {
      throw named(error)
    }
  }

  private func named(_ error: TracezipError) -> TracezipError { path.map { error.inFile($0) } ?? error }
}

extension CompressionStats {
  fileprivate mutating func take(_ details: BlockDetails) {
    func shares(_ tallies: [String: BlockDetails.Tally]) -> [Share] {
      tallies.map {
        Share(
          name: $0.key, count: $0.value.count, originalBytes: $0.value.original,
          storedBytes: Int($0.value.stored.rounded()))
      }.sorted { ($1.storedBytes, $1.count, $0.name) < ($0.storedBytes, $0.count, $1.name) }
    }
    codecs = shares(details.codecs)
    serviceShares = shares(details.services)
    spanNames = shares(details.spanNames)
    templateShares = shares(details.templates)
    idGenerators = shares(details.generators)
    for (name, tally) in details.columns {
      var column = Column(
        name: name, values: tally.tally.count, distinct: tally.distinct.count,
        storedBytes: Int(tally.tally.stored.rounded()), codec: tally.chain)
      column.originalBytes = tally.tally.original
      column.example = tally.example
      columns.append(column)
    }
  }
}

extension ArchiveReader.Segment {
  init(_ summary: SegmentSummary) {
    storedBytes = summary.storedBytes
    restoredBytes = summary.restoredBytes
    blocks = summary.blocks
    messages = summary.messages
    spans = summary.spans
    traces = summary.filter.count
    templates = summary.templates
    deduplicatedRecords = summary.deduplicatedRecords
    firstStart = summary.firstStart
    lastStart = summary.lastStart
    services = summary.services.map { String(decoding: $0, as: UTF8.self) }
    isIndexed = true
    filter = summary.filter
  }
}
