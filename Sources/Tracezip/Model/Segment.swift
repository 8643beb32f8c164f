import Bytes

/// How the bytes of a capture are cut into messages.
public enum BlockFraming: UInt8, Sendable, Hashable, CaseIterable {
  case unknown
  /// One protobuf message, or several concatenated.
  case bare
  /// Each message behind its length as u32, big-endian.
  case lengthPrefixed
  /// Each message behind its length as varint.
  case varintDelimited
  /// Protobuf messages joined by newlines.
  case newlineJoined
  /// JSON lines or documents.
  case json
}
