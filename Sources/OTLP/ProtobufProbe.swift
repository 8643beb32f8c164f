import Bytes

/// Judges whether bytes are an OTLP message, looking at tags and lengths on one way down to a leaf.
enum ProtobufProbe {
  struct Verdict: Equatable {
    /// Nothing contradicts TracesData, LogsData or MetricsData.
    var isPlausible = true
    /// A resource, scope or leaf was seen.
    var hasStructure = false
    var signal: Signal?

    static let bad = Verdict(isPlausible: false)
  }

  /// How many siblings are entered before the search for a leaf gives up.
  private static let tries = 8

  /// Whether a message of `length` bytes may begin with `head`, the bytes at hand of it.
  static func mayStart(_ head: ByteView, length: Int) -> Bool {
    if length == 0 || head.isEmpty { return true }
    var fields = ProtobufFields(head, from: 0, declaredEnd: length)
    switch fields.next() {
    case .field(let field):
      if field.number != 1 || field.wire != .bytes { return field.number >= 1 && field.number <= 1 << 20 }
      return mayStartResource(head[min(field.value, head.count)..<head.count])
    case .cutOff: return true
    case .end, .malformed: return false
    }
  }

  /// Whether a ResourceSpans (ResourceLogs, ResourceMetrics) may begin with `head`.
  static func mayStartResource(_ head: ByteView) -> Bool {
    guard !head.isEmpty else { return true }
    switch head[0] {
    case 0x0A, 0x12, 0x1A: return true
    // Field 1000: 82 to 87 or C2 to C7 would be other wire types or fields of it.
    case 0xC2: return head.count == 1 || head[1] == 0x3E
    default: return false
    }
  }

  /// Whether the newline at `at` joins two messages. It is also the tag of field 1, so that a field of ten bytes is the
  /// other reading; that one holds where those ten bytes are a ResourceSpans.
  static func isSeparator(in bytes: ByteView, at: Int) -> Bool {
    guard at + 1 < bytes.count, bytes[at] == 0x0A, bytes[at + 1] == 0x0A else { return false }
    if at + 12 <= bytes.count, resource(bytes, at + 2, at + 12).isPlausible { return false }
    var fields = ProtobufFields(bytes, from: at + 1, declaredEnd: Int.max)
    guard case .field(let field) = fields.next() else { return false }
    return mayStartResource(bytes[min(field.value, bytes.count)..<min(field.end, bytes.count)])
  }

  /// Judges the message at `start`, declared to end at `end`, which may lie beyond the bytes at hand.
  static func message(_ bytes: ByteView, _ start: Int, _ end: Int) -> Verdict {
    var verdict = Verdict()
    var fields = ProtobufFields(bytes, from: start, declaredEnd: end)
    var entered = 0
    while true {
      switch fields.next() {
      case .field(let field):
        guard field.number == 1 else { continue }
        guard field.wire == .bytes else { return .bad }
        if verdict.signal == nil, entered < tries {
          entered += 1
          let inner = resource(bytes, field.value, field.end)
          guard inner.isPlausible else { return .bad }
          verdict.hasStructure = verdict.hasStructure || inner.hasStructure
          verdict.signal = inner.signal
        }
      case .end, .cutOff: return verdict
      case .malformed: return .bad
      }
    }
  }

  private static func resource(_ bytes: ByteView, _ start: Int, _ end: Int) -> Verdict {
    var verdict = Verdict()
    var fields = ProtobufFields(bytes, from: start, declaredEnd: end)
    var entered = 0
    while true {
      switch fields.next() {
      case .field(let field):
        switch field.number {
        case 1, 3:
          guard field.wire == .bytes else { return .bad }
          verdict.hasStructure = true
        case 2, 1000:
          guard field.wire == .bytes else { return .bad }
          verdict.hasStructure = true
          if verdict.signal == nil, entered < tries {
            entered += 1
            let inner = scope(bytes, field.value, field.end)
            guard inner.isPlausible else { return .bad }
            verdict.signal = inner.signal
          }
        default: continue
        }
      case .end, .cutOff: return verdict
      case .malformed: return .bad
      }
    }
  }

  private static func scope(_ bytes: ByteView, _ start: Int, _ end: Int) -> Verdict {
    var verdict = Verdict()
    var fields = ProtobufFields(bytes, from: start, declaredEnd: end)
    var entered = 0
    while true {
      switch fields.next() {
      case .field(let field):
        guard field.number <= 3 else { continue }
        guard field.wire == .bytes else { return .bad }
        if field.number == 2, verdict.signal == nil, entered < tries {
          entered += 1
          verdict.signal = leaf(bytes, field.value, field.end)
        }
      case .end, .cutOff: return verdict
      case .malformed: return .bad
      }
    }
  }

  /// Span: field 1 is 16 bytes, 2 is 8 bytes, 7 and 8 are fixed64. LogRecord: 1 and 11 are fixed64, 2 is a
  /// varint. Metric: 1 is a name and one of 5, 7, 9, 10, 11 is a message.
  private static func leaf(_ bytes: ByteView, _ start: Int, _ end: Int) -> Signal? {
    var fields = ProtobufFields(bytes, from: start, declaredEnd: end)
    var hasTraceId = false
    var hasName = false
    var hasData = false
    search: while case .field(let field) = fields.next() {
      switch (field.number, field.wire) {
      case (1, .fixed64), (11, .fixed64), (2, .varint): return .logs
      case (7, .fixed64), (8, .fixed64), (6, .varint), (16, .fixed32): return .traces
      case (1, .bytes):
        hasTraceId = field.end - field.value == 16
        hasName = true
      case (2, .bytes) where hasTraceId && field.end - field.value == 8: return .traces
      case (5, .bytes), (7, .bytes), (9, .bytes), (10, .bytes), (11, .bytes): hasData = true
      default: continue search
      }
    }
    return hasName && hasData ? .metrics : hasTraceId ? .traces : nil
  }
}

/// The four bytes a zstd frame or a skippable frame begins with (RFC 8878, sections 3.1.1 and 3.1.2).
public enum ZstdMagic {
  public static func stands(in bytes: ByteView, at offset: Int = 0) -> Bool {
    guard offset + 4 <= bytes.count else { return false }
    let magic = bytes.load(UInt32.self, at: offset)
    return magic == 0xFD2F_B528 || magic & 0xFFFF_FFF0 == 0x184D_2A50
  }
}
