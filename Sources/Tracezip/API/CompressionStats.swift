/// What compressing gained, or what an archive holds.
public struct CompressionStats: Sendable, Equatable {
  /// A column's part of the archive.
  public struct Column: Sendable, Equatable {
    /// Its OTLP path, or what it is for: `span.attributes["http.url"]`, `templates`.
    public var name: String
    public var values: Int
    public var distinct: Int
    public var storedBytes: Int
    /// How most of it was coded, and how its text was, where known.
    public var codec: String
    /// Bytes of its values in the capture, with keys, tags and punctuation; 0 where not known.
    public var originalBytes = 0
    /// One of its values, where its column has a name in OTLP.
    public var example: String?

    public init(name: String, values: Int = 0, distinct: Int = 0, storedBytes: Int, codec: String = "") {
      self.name = name
      self.values = values
      self.distinct = distinct
      self.storedBytes = storedBytes
      self.codec = codec
    }
  }

  /// A part of the archive that is of something else than a column.
  public struct Share: Sendable, Equatable {
    public var name: String
    /// Spans, values, records or ids: what the list is of.
    public var count: Int
    /// Bytes in the capture; 0 where not known.
    public var originalBytes: Int
    public var storedBytes: Int

    public init(name: String, count: Int, originalBytes: Int, storedBytes: Int) {
      self.name = name
      self.count = count
      self.originalBytes = originalBytes
      self.storedBytes = storedBytes
    }
  }

  public var originalBytes = 0
  public var archiveBytes = 0
  /// Of them the container's own: headers, checksums, index.
  public var overheadBytes = 0
  /// Original bytes in plain blocks: not OTLP, or no smaller as columns.
  public var plainBytes = 0
  public var messages = 0
  public var spans = 0
  public var traces = 0
  public var deduplicatedRecords = 0
  public var templates = 0
  public var archives = 0
  public var segments = 0
  public var blocks = 0
  public var microseconds = 0
  /// The spans' earliest and latest startTimeUnixNano.
  public var firstStart: UInt64?
  public var lastStart: UInt64?
  /// service.name of each resource, sorted.
  public var services: [String] = []
  /// Largest first.
  public var columns: [Column] = []
  /// Only from `ArchiveReader.statistics(columns: true)`, each list by its bytes in the archive, largest first: values by
  /// how they were coded, spans by service and by name, records by template (kind and attribute keys, in order), and
  /// stored ids by the generator that drew them.
  public var codecs: [Share] = []
  public var serviceShares: [Share] = []
  public var spanNames: [Share] = []
  public var templateShares: [Share] = []
  public var idGenerators: [Share] = []
  /// The framing of the (first) input.
  public var framing: BlockFraming = .unknown

  public init() {}

  /// Original size by archive size; 0 for an empty archive.
  public var ratio: Double { archiveBytes == 0 ? 0 : Double(originalBytes) / Double(archiveBytes) }
}

extension [String: CompressionStats.Column] {
  /// Adds the figures of one block's column to those of its name.
  mutating func add(_ column: CompressionStats.Column) {
    guard var sum = self[column.name] else {
      self[column.name] = column
      return
    }
    sum.values += column.values
    sum.distinct += column.distinct
    sum.originalBytes += column.originalBytes
    sum.storedBytes += column.storedBytes
    if sum.codec.isEmpty { sum.codec = column.codec }
    self[column.name] = sum
  }
}
