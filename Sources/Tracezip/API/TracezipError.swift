/// The one error of this library: what is wrong and where.
public struct TracezipError: Error, Equatable, Sendable {
  public enum Kind: Equatable, Sendable {
    /// The input does not begin as an archive does.
    case notAnArchive
    case unsupportedVersion(found: Int, maximum: Int)
    /// A part of the archive that this version does not know and must not skip.
    case unsupportedFrame(kind: Int)
    case truncated(needed: Int, available: Int)
    case checksumMismatch(declared: UInt64, computed: UInt64)
    /// A declared size is more than the format or the memory limit allows.
    case limitExceeded(limit: Int, value: Int)
    case malformed(reason: String)
    /// Bytes follow the archive that are no archive.
    case trailingBytes
    case io(operation: String, errno: Int32)
    case invalidConfig(String)
    case cancelled
    /// A compressor was used after `finish`, or after it failed.
    case finished
  }

  /// Where: as much of it as is known.
  public struct Location: Equatable, Sendable {
    public var file: String?
    /// Byte offset in the archive.
    public var offset: Int?
    /// Counted from 0 through all concatenated archives.
    public var segment: Int?
    /// Counted from 0 in its segment.
    public var block: Int?
    public var column: String?

    public init(
      file: String? = nil, offset: Int? = nil, segment: Int? = nil, block: Int? = nil, column: String? = nil
    ) {
      self.file = file
      self.offset = offset
      self.segment = segment
      self.block = block
      self.column = column
    }
  }

  public var kind: Kind
  public var location: Location

  public init(_ kind: Kind, at location: Location = Location()) {
    self.kind = kind
    self.location = location
  }

  /// Whether it tells of a damaged archive, not of a wrong call, an operating system's error or a cancelled task.
  public var isDamage: Bool {
    switch kind {
    case .notAnArchive, .truncated, .checksumMismatch, .malformed, .trailingBytes, .unsupportedFrame: true
    case .unsupportedVersion, .limitExceeded, .io, .invalidConfig, .cancelled, .finished: false
    }
  }

  /// The same error in a named file.
  public func inFile(_ path: String) -> TracezipError {
    var error = self
    error.location.file = path
    return error
  }
}

extension TracezipError: CustomStringConvertible {
  public var description: String {
    let place = location.description
    return place.isEmpty ? kind.description : "\(kind.description) (\(place))"
  }
}

extension TracezipError.Location: CustomStringConvertible {
  public var description: String {
    var parts: [String] = []
    if let file { parts.append(file) }
    if let offset { parts.append("offset \(offset)") }
    if let segment { parts.append("segment \(segment)") }
    if let block { parts.append("block \(block)") }
    if let column { parts.append("column \(column)") }
    return parts.joined(separator: ", ")
  }
}

extension TracezipError.Kind: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notAnArchive: "not a tracezip archive"
    case .unsupportedVersion(let found, let maximum):
      "archive of format version \(found), this program reads up to version \(maximum)"
    case .unsupportedFrame(let kind): "archive has a part of unknown kind \(kind)"
    case .truncated(let needed, let available): "archive is cut off: \(needed) bytes needed, \(available) left"
    case .checksumMismatch(let declared, let computed):
      "checksum does not match: \(String(declared, radix: 16)) declared, \(String(computed, radix: 16)) computed"
    case .limitExceeded(let limit, let value): "needs \(value) bytes, the limit is \(limit)"
    case .malformed(let reason): "archive is damaged: \(reason)"
    case .trailingBytes: "bytes after the end of the archive"
    case .io(let operation, let errno): "\(operation) failed: errno \(errno)"
    case .invalidConfig(let reason): reason
    case .cancelled: "cancelled"
    case .finished: "the compressor has ended"
    }
  }
}
