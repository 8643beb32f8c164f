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

/// What is open where a chunk begins: 0, 0, 0 at a border between messages. Inside a message too large for one chunk,
/// each count is what is left of that level, from the chunk's first byte on; 0 means the level is not open there.
///
/// The first chunk of such a message begins with nothing open and simply ends before its lengths are used up. What is
/// opened inside the chunk and does not end there keeps its length as a value. Chunks are cut between fields, never
/// inside a span.
struct ChunkEntry: Equatable, Sendable {
  /// The framed message; 0 in bare framing, where the message has no length.
  var message = 0
  /// The `ResourceSpans` (field 1 of the message).
  var resourceSpans = 0
  /// The `ScopeSpans` (field 2 of `ResourceSpans`).
  var scopeSpans = 0
  /// JSON: the containers that are open around the chunk's first byte, which follows a span in its array.
  var json = JSONStack()

  static let border = ChunkEntry()
}

/// What one block holds, for the index and the statistics.
struct BlockReport: Sendable {
  var messages = 0
  var spans = 0
  /// The spans' earliest and latest startTimeUnixNano.
  var firstStart: UInt64?
  var lastStart: UInt64?
  /// service.name of the resources, in any order, repeats allowed.
  var services: [[UInt8]] = []
  /// `traceHash` of the spans' trace ids, repeats allowed.
  var traceHashes: [UInt64] = []
  /// Templates that are new in this block.
  var templates = 0
  var deduplicatedRecords = 0
  var columns: [CompressionStats.Column] = []
  /// Only where statistics were asked for.
  var details: BlockDetails?
}

/// What the index knows a trace by.
func traceHash(_ id: ByteView) -> UInt64 { xxHash64(id) }

/// What decoding may hold.
struct DecodeLimits: Sendable {
  /// Bytes of state that are allowed where nobody says less: no encoder may need more.
  static let usual = 1 << 30

  /// Bytes of state and scratch a decoder may allocate.
  var memory = usual
}

/// Why a block could not be decoded.
struct BlockError: Error, Equatable {
  var kind: TracezipError.Kind
  var column: String?

  init(_ kind: TracezipError.Kind, column: String? = nil) {
    self.kind = kind
    self.column = column
  }

  /// Of a block whose segment has lost an earlier one.
  static let missingState = BlockError(.malformed(reason: "a block before it in its segment is missing"))
}
