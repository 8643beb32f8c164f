import Bytes

/// What the index says of one segment.
struct SegmentSummary: Equatable {
  var storedBytes = 0
  var restoredBytes = 0
  var blocks = 0
  var messages = 0
  var spans = 0
  var templates = 0
  var deduplicatedRecords = 0
  /// Restored bytes in plain blocks.
  var plainBytes = 0
  var firstStart: UInt64?
  var lastStart: UInt64?
  /// Sorted, distinct.
  var services: [[UInt8]] = []
  /// Distinct traces, and a filter over them.
  var filter = TraceFilter()
}

/// An archive's table of contents. Segments follow each other without a gap from the header on, so their offsets are
/// sums of their sizes.
struct ArchiveIndex: Equatable {
  var framing: BlockFraming = .unknown
  var segments: [SegmentSummary] = []

  /// Worth writing: it says more than the blocks' heads do.
  var isInformative: Bool { segments.count > 1 || segments.contains { $0.messages > 0 || $0.spans > 0 } }

  func write(into out: inout Buffer<UInt8>) {
    out.append(framing.rawValue)
    let names = Set(segments.flatMap(\.services)).sorted { $0.lexicographicallyPrecedes($1) }
    let numbers = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    out.append(varint: names.count)
    for name in names {
      out.append(varint: name.count)
      out.append(name)
    }
    out.append(varint: segments.count)
    for segment in segments {
      out.append(varint: segment.storedBytes)
      out.append(varint: segment.restoredBytes)
      out.append(varint: segment.blocks)
      out.append(varint: segment.plainBytes)
      out.append(varint: segment.messages)
      out.append(varint: segment.spans)
      out.append(varint: segment.templates)
      out.append(varint: segment.deduplicatedRecords)
      out.append(segment.firstStart == nil ? 0 : 1)
      if let first = segment.firstStart {
        out.append(varint: first)
        out.append(varint: (segment.lastStart ?? first) &- first)
      }
      out.append(varint: segment.services.count)
      for name in segment.services { out.append(varint: numbers[name]!) }
      out.append(varint: segment.filter.count)
      out.append(varint: segment.filter.precision)
      out.append(varint: segment.filter.bits.count)
      out.append(segment.filter.bits)
    }
  }

  /// The index in `payload`; nil where it makes no sense.
  static func parse(_ payload: ByteView) -> ArchiveIndex? {
    guard payload.count > 0, let framing = BlockFraming(rawValue: payload[0]) else { return nil }
    var index = ArchiveIndex(framing: framing)
    var cursor = IndexCursor(payload.dropFirst(1))
    guard let nameCount = cursor.number(), nameCount <= cursor.left else { return nil }
    var names: [[UInt8]] = []
    for _ in 0..<nameCount {
      guard let name = cursor.run() else { return nil }
      names.append(name.array)
    }
    guard let count = cursor.number(), count <= cursor.left else { return nil }
    for _ in 0..<count {
      var segment = SegmentSummary()
      guard let stored = cursor.number(), let restored = cursor.number(), let blocks = cursor.number(),
        let plain = cursor.number(), let messages = cursor.number(), let spans = cursor.number(),
        let templates = cursor.number(), let deduplicated = cursor.number(), let hasTimes = cursor.number()
      else { return nil }
      segment.storedBytes = stored
      segment.restoredBytes = restored
      segment.blocks = blocks
      segment.plainBytes = plain
      segment.messages = messages
      segment.spans = spans
      segment.templates = templates
      segment.deduplicatedRecords = deduplicated
      if hasTimes != 0 {
        guard let first = cursor.wide(), let length = cursor.wide() else { return nil }
        segment.firstStart = first
        segment.lastStart = first &+ length
      }
      guard let services = cursor.number(), services <= cursor.left else { return nil }
      for _ in 0..<services {
        guard let number = cursor.number(), number < names.count else { return nil }
        segment.services.append(names[number])
      }
      guard let traces = cursor.number(), let precision = cursor.number(), let bits = cursor.run(),
        TraceFilter.precisions.contains(precision), precision == 0 || traces <= 8 * bits.count
      else { return nil }
      segment.filter.count = traces
      segment.filter.precision = precision
      segment.filter.bits = bits.array
      index.segments.append(segment)
    }
    return cursor.left == 0 ? index : nil
  }
}
