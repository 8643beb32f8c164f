/// How a file strings its messages together.
public enum Framing: UInt8, CaseIterable, Sendable {
  /// Protobuf with nothing around it. Concatenated messages parse as one merged message, so every top-level field is a
  /// frame of its own.
  case bare
  /// Repeat: length as a big-endian UInt32, message (collector file exporter, Vector).
  case lengthPrefixed
  /// Repeat: length as a big-endian UInt32, one zstd frame that holds a message (collector file exporter with
  /// `compression: zstd`).
  case lengthPrefixedZstd
  /// Repeat: length as a varint, message (protodelim, `writeDelimitedTo`).
  case varintDelimited
  /// Protobuf messages with a newline between them (Azure blob exporter).
  case newlineJoined
  /// One JSON value per line.
  case jsonLines
  /// JSON values that may span lines, one or more, white space between them.
  case jsonDocument
  /// None of these: the bytes are kept as they are.
  case unknown

  public var isJSON: Bool { self == .jsonLines || self == .jsonDocument }
  public var isProtobuf: Bool { !isJSON && self != .unknown }

  public var name: String {
    switch self {
    case .bare: "bare protobuf"
    case .lengthPrefixed: "length-prefixed protobuf"
    case .lengthPrefixedZstd: "length-prefixed zstd frames"
    case .varintDelimited: "varint-delimited protobuf"
    case .newlineJoined: "newline-joined protobuf"
    case .jsonLines: "JSON lines"
    case .jsonDocument: "JSON document"
    case .unknown: "unknown format"
    }
  }
}

/// What a message is about. Traces, logs and metrics share their outer field numbers and differ at the leaf.
public enum Signal: UInt8, Sendable {
  case traces
  case logs
  case metrics

  public var name: String {
    switch self {
    case .traces: "traces"
    case .logs: "logs"
    case .metrics: "metrics"
    }
  }
}

/// Which writer's habits a file shows, as far as its first bytes tell.
public enum Dialect: UInt8, CaseIterable, Sendable {
  /// OTLP in protobuf, or compressed so that only the framing shows.
  case otlp
  /// OTLP/JSON with lowerCamelCase names.
  case otlpJSON
  /// OTLP in JSON with the names of the .proto files.
  case snakeCaseJSON
  /// One ResourceSpans (ResourceLogs, ResourceMetrics) per line, as the Java logging exporter writes it.
  case javaLogging
  /// Tempo's `{"batches":…}` and `{"trace":{"resourceSpans":…}}`.
  case tempo
  /// OTLP inside another object, such as `{"result":{"resourceSpans":…}}`.
  case wrapped
  case goStdouttrace
  case pythonConsole
  case jaegerUI
  case jaegerDocument
  case zipkin
  case utf16
  case otherJSON
  case unknown
  case empty

  /// Whether the file's records are OTLP records.
  public var isOTLP: Bool {
    switch self {
    case .otlp, .otlpJSON, .snakeCaseJSON, .javaLogging, .tempo, .wrapped: true
    case .goStdouttrace, .pythonConsole, .jaegerUI, .jaegerDocument, .zipkin, .utf16, .otherJSON, .unknown, .empty:
      false
    }
  }

  public var name: String {
    switch self {
    case .otlp: "OTLP"
    case .otlpJSON: "OTLP/JSON"
    case .snakeCaseJSON: "OTLP in JSON with snake_case names"
    case .javaLogging: "OTLP/JSON without its outer object (Java logging exporter)"
    case .tempo: "OTLP/JSON as Tempo answers it"
    case .wrapped: "OTLP/JSON inside another object"
    case .goStdouttrace: "Go stdouttrace JSON"
    case .pythonConsole: "Python ConsoleSpanExporter JSON"
    case .jaegerUI: "Jaeger UI JSON"
    case .jaegerDocument: "Jaeger span documents (Elasticsearch)"
    case .zipkin: "Zipkin v2 JSON"
    case .utf16: "UTF-16 text"
    case .otherJSON: "JSON that is not OTLP"
    case .unknown: "not recognised"
    case .empty: "empty"
    }
  }

  /// What to do to get OTLP out of the writer of such a file; nil where the file is OTLP or nothing is known.
  public var advice: String? {
    switch self {
    case .goStdouttrace:
      "export with otlptracehttp or otlptracegrpc to a collector's file exporter instead of stdouttrace"
    case .pythonConsole: "export with OTLPSpanExporter to a collector's file exporter instead of ConsoleSpanExporter"
    case .jaegerUI, .jaegerDocument: "receive with a collector's jaeger receiver, or query Jaeger's /api/v3 for OTLP"
    case .zipkin: "receive with a collector's zipkin receiver and write with its file exporter"
    case .utf16: "re-encode as UTF-8"
    case .otlp, .otlpJSON, .snakeCaseJSON, .javaLogging, .tempo, .wrapped, .otherJSON, .unknown, .empty: nil
    }
  }
}

/// What a file is, as far as the bytes at hand tell.
public struct Recognition: Equatable, Sendable {
  public var framing: Framing
  public var dialect: Dialect
  /// What the first leaf that was found says; nil where none was found, or the file is not OTLP.
  public var signal: Signal?
  /// The chain of frames does not end where the file ends: its last frame is cut off, or a prefix is damaged.
  public var isDamaged: Bool

  public init(framing: Framing, dialect: Dialect, signal: Signal? = nil, isDamaged: Bool = false) {
    self.framing = framing
    self.dialect = dialect
    self.signal = signal
    self.isDamaged = isDamaged
  }

  /// One line for `-v`.
  public var summary: String {
    var text = dialect.name
    if let signal { text += " \(signal.name)" }
    if framing != .unknown { text += ", \(framing.name)" }
    if isDamaged { text += ", damaged or cut off" }
    return text
  }
}
