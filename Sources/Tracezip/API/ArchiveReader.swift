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
    public var firstStart: UInt64?
    public var lastStart: UInt64?
    public var services: [String] = []
    /// Whether it came from the index (else by scanning).
    public var isIndexed = false
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

  public init(path: String) throws(TracezipError) {
    throw TracezipError(.finished)
  }

  public init(_ archive: [UInt8]) throws(TracezipError) {
    throw TracezipError(.finished)
  }

  /// Bytes of the file.
  public var size: Int { 0 }

  /// All segments of all concatenated archives, from the index where there is one, else by scanning.
  public func segments() throws(TracezipError) -> [Segment] { throw TracezipError(.finished) }

  /// The segments that may hold spans of a trace (16 bytes): never misses one, seldom names one too many.
  public func segments(withTrace id: [UInt8]) throws(TracezipError) -> [Segment] { throw TracezipError(.finished) }

  /// The restored bytes of one segment.
  public func restore(
    _ segment: Segment, to sink: ByteSink, config: TracezipConfig = TracezipConfig()
  ) throws(TracezipError) {
    throw TracezipError(.finished)
  }

  /// Checks the whole file, with `config.threads` workers.
  public func verify(
    _ depth: Depth = .restored, config: TracezipConfig = TracezipConfig(), progress: ProgressHandler? = nil
  ) throws(TracezipError) -> Verification {
    throw TracezipError(.finished)
  }

  /// The figures of the archive: from index and block headers; `columns` (which needs every block decoded) on demand.
  public func statistics(
    columns: Bool = true, config: TracezipConfig = TracezipConfig(), progress: ProgressHandler? = nil
  ) throws(TracezipError) -> CompressionStats {
    throw TracezipError(.finished)
  }
}
