/// The habits in which writers of OTLP JSON differ.
public struct JSONDialect: Sendable {
  public enum Layout: Sendable {
    case compact
    /// One member a line; a blank after the colon.
    case indented(StaticString)
  }
  public enum Ids: Sendable { case hex, upperHex, base64 }
  public enum Document: Sendable {
    /// One message a line.
    case lines
    /// All batches in one message; `finish` closes it.
    case one
    /// One ResourceSpans a line, without the message around it (Java's logging exporter).
    case resourceSpansPerLine
    /// `{"batches":[…]}` (Tempo).
    case tempoBatches
    /// `{"trace":{"resourceSpans":[…]}}` (Tempo v2).
    case tempoTrace
  }
  public var name: String
  public var layout = Layout.compact
  public var document = Document.lines
  public var ids = Ids.hex
  public var snakeCase = false
  public var enumNames = false
  /// 64-bit integers as numbers.
  public var bareNumbers = false
  /// Doubles as anything that reads as the same number.
  public var oddDoubles = false
  public var emptyParentIds = false
  public var emptyStatus = true
  public var htmlEscapes = false
  public var nameBeforeFlags = false
  /// `instrumentationLibrarySpans`, as before OTLP 0.15.
  public var libraries = false
  public var crlf = false
  public var byteOrderMark = false
  public var lastNewline = true
  /// Times as `{"low":…,"high":…}` (older opentelemetry-js).
  public var splitTimes = false
  /// Share of places with blanks that no layout asks for.
  public var blanks = 0.0
  /// Share of members that stand twice; the last one counts.
  public var duplicateKeys = 0.0
  /// Share of objects with members that no schema knows.
  public var unknownMembers = 0.0

  public init(name: String, _ change: (inout JSONDialect) -> Void = { _ in }) {
    self.name = name
    change(&self)
  }

  /// The Collector's file exporter since v0.132.
  public static let collector = JSONDialect(name: "collector")
  /// The same up to v0.130.
  public static let collectorOld = JSONDialect(name: "collector-old") {
    $0.emptyParentIds = true
    $0.htmlEscapes = true
  }
  /// v0.131.
  public static let collectorBetween = JSONDialect(name: "collector-0.131") { $0.nameBeforeFlags = true }
  public static let pretty = JSONDialect(name: "pretty") { $0.layout = .indented("  ") }
  public static let tabs = JSONDialect(name: "tabs") {
    $0.layout = .indented("\t")
    $0.enumNames = true
  }
  public static let snake = JSONDialect(name: "snake-case") {
    $0.snakeCase = true
    $0.enumNames = true
    $0.emptyParentIds = true
  }
  /// protobuf's own JSON mapping.
  public static let protojson = JSONDialect(name: "protojson") {
    $0.ids = .base64
    $0.enumNames = true
    $0.emptyStatus = false
    $0.nameBeforeFlags = true
  }
  public static let upperHex = JSONDialect(name: "upper-hex") { $0.ids = .upperHex }
  public static let numbers = JSONDialect(name: "numbers") {
    $0.bareNumbers = true
    $0.oddDoubles = true
  }
  public static let windows = JSONDialect(name: "crlf") {
    $0.crlf = true
    $0.byteOrderMark = true
  }
  public static let blanked = JSONDialect(name: "blanks") {
    $0.blanks = 0.05
    $0.lastNewline = false
  }
  public static let oneDocument = JSONDialect(name: "one-document") { $0.document = .one }
  public static let java = JSONDialect(name: "java") {
    $0.document = .resourceSpansPerLine
    $0.emptyStatus = false
  }
  public static let tempo = JSONDialect(name: "tempo") {
    $0.document = .tempoBatches
    $0.ids = .base64
    $0.enumNames = true
  }
  public static let tempoTrace = JSONDialect(name: "tempo-trace") {
    $0.document = .tempoTrace
    $0.ids = .base64
  }
  public static let libraryJSON = JSONDialect(name: "instrumentation-library") {
    $0.libraries = true
    $0.ids = .base64
    $0.enumNames = true
  }
  public static let splitTimes = JSONDialect(name: "low-high") { $0.splitTimes = true }
  public static let duplicates = JSONDialect(name: "duplicate-keys") { $0.duplicateKeys = 0.05 }
  public static let unknown = JSONDialect(name: "unknown-members") { $0.unknownMembers = 0.05 }

  /// Those that protobuf's JSON mapping reads, apart from the spelling of ids.
  public static let faithful: [JSONDialect] = [
    collector, collectorOld, collectorBetween, pretty, tabs, snake, protojson, upperHex, numbers, windows, blanked,
    oneDocument,
  ]
  public static let all: [JSONDialect] =
    faithful + [java, tempo, tempoTrace, libraryJSON, splitTimes, duplicates, unknown]
}
