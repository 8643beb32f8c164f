/// How far a long piece of work has come. Handed to a closure on the caller's thread, a few times a second's worth of
/// work at most: once a block.
public struct Progress: Sendable, Equatable {
  /// Bytes read so far, and their whole number where known.
  public var bytesRead = 0
  public var totalBytes: Int?
  public var bytesWritten = 0
  /// Spans seen so far; when restoring, 0.
  public var spans = 0

  public init() {}
}

/// Watches a piece of work; returning false cancels it.
public typealias ProgressHandler = (Progress) -> Bool
