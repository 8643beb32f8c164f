import Bytes

/// How protobuf messages follow each other in a file.
public enum ProtobufFraming: String, Sendable, CaseIterable {
  /// One after the other, which protobuf reads as one message.
  case concatenated
  /// Each behind its length as four bytes, big-endian (the Collector's file exporter).
  case lengthPrefixed
  /// Each behind its length as a varint (`writeDelimitedTo`).
  case varintDelimited
  /// A newline between them (the Collector's Azure blob exporter).
  case newlineJoined
}

/// A file format: how messages are written, and how they follow each other.
public enum CaptureFormat: Sendable {
  case protobuf(ProtobufDialect, ProtobufFraming)
  case json(JSONDialect)

  public static let lengthPrefixed = CaptureFormat.protobuf(.goNew, .lengthPrefixed)
  public static let jsonLines = CaptureFormat.json(.collector)

  public var name: String {
    switch self {
    case .protobuf(let dialect, let framing): "protobuf-\(dialect.name)-\(framing.rawValue)"
    case .json(let dialect): "json-\(dialect.name)"
    }
  }

  /// Each dialect in each framing.
  public static let all: [CaptureFormat] =
    ProtobufDialect.all.flatMap { dialect in ProtobufFraming.allCases.map { .protobuf(dialect, $0) } }
    + JSONDialect.all.map { .json($0) }
}

/// Writes batches in a format, one after the other, into a buffer that the caller may empty in between.
public struct CaptureWriter {
  public let format: CaptureFormat
  public private(set) var batches = 0
  var protobuf: ProtobufWriter
  var json: JSONWriter

  /// `seed` decides where a dialect's oddities stand.
  public init(_ format: CaptureFormat, seed: UInt64) {
    self.format = format
    switch format {
    case .protobuf(let dialect, _):
      protobuf = ProtobufWriter(dialect: dialect, seed: seed)
      json = JSONWriter(dialect: .collector, seed: seed)
    case .json(let dialect):
      protobuf = ProtobufWriter(dialect: .sdk, seed: seed)
      json = JSONWriter(dialect: dialect, seed: seed)
    }
  }

  public mutating func append(_ data: Model.TracesData, to out: inout Buffer<UInt8>) {
    switch format {
    case .json: json.tracesData(data, index: batches, &out)
    case .protobuf(_, let framing):
      if framing == .newlineJoined, batches > 0 { out.append(UInt8(ascii: "\n")) }
      let kept = framing == .lengthPrefixed ? 4 : framing == .varintDelimited ? 3 : 0
      let at = out.count
      out.append(repeating: 0, count: kept)
      protobuf.tracesData(data, &out)
      let length = out.count - at - kept
      if framing == .lengthPrefixed {
        for i in 0..<4 { out[at + i] = UInt8(truncatingIfNeeded: length >> (24 - 8 * i)) }
      } else if framing == .varintDelimited {
        let width = varintWidth(UInt64(length))
        out.shift(from: at + kept, by: width - kept)
        for i in 0..<width {
          out[at + i] = UInt8(truncatingIfNeeded: length >> (7 * i) & 0x7F) | (i + 1 < width ? 0x80 : 0)
        }
      }
    }
    batches += 1
  }

  /// Ends the file: closing brackets and the last newline, where the format has them.
  public mutating func finish(_ out: inout Buffer<UInt8>) {
    if case .json = format { json.finish(batches: batches, &out) }
  }
}

/// A whole capture in memory.
public func makeCapture(_ options: WorkloadOptions, format: CaptureFormat, batches: Int) -> [UInt8] {
  var generator = WorkloadGenerator(options)
  var writer = CaptureWriter(format, seed: options.seed)
  var out = Buffer<UInt8>()
  for _ in 0..<batches { writer.append(generator.nextBatch(), to: &out) }
  writer.finish(&out)
  return out.array
}
