import Bytes

/// Recognises JSON files and their writers by the names in the first value.
enum JSONProbe {
  /// How far names are looked for, and how far a later line.
  private static let reach = 1 << 16
  /// A first line longer than this is taken for a line, not for the start of a pretty-printed document.
  private static let longLine = 1 << 20

  static func recognise(_ bytes: ByteView) -> Recognition? {
    if isUTF16(bytes) { return Recognition(framing: .unknown, dialect: .utf16) }
    let start = bytes.skippingSpace(from: markWidth(bytes))
    guard opensJSON(bytes, at: start) else { return nil }
    let (dialect, signal) = Names(bytes, at: start).judgement
    let framing: Framing = isLine(bytes, at: start) || hasLineLater(bytes, from: start) ? .jsonLines : .jsonDocument
    return Recognition(framing: framing, dialect: dialect, signal: signal)
  }

  /// A file that starts with something else may still have OTLP on its later lines.
  static func recogniseLater(_ bytes: ByteView) -> Recognition? {
    var start = 0
    let near = bytes[0..<min(bytes.count, reach)]
    while let newline = near.firstIndex(of: 0x0A, from: start) {
      start = newline + 1
      guard opensJSON(bytes, at: start), isLine(bytes, at: start) else { continue }
      let (dialect, signal) = Names(bytes, at: start).judgement
      if dialect.isOTLP { return Recognition(framing: .jsonLines, dialect: dialect, signal: signal, isDamaged: true) }
    }
    return nil
  }

  private static func markWidth(_ bytes: ByteView) -> Int {
    bytes.count >= 3 && bytes[0] == 0xEF && bytes[1] == 0xBB && bytes[2] == 0xBF ? 3 : 0
  }

  private static func isUTF16(_ bytes: ByteView) -> Bool {
    guard bytes.count >= 2, bytes.count & 1 == 0 || bytes.count > 16 else { return false }
    switch (bytes[0], bytes[1]) {
    case (0xFF, 0xFE), (0xFE, 0xFF): return true
    case (UInt8(ascii: "{"), 0), (UInt8(ascii: "["), 0), (0, UInt8(ascii: "{")), (0, UInt8(ascii: "[")):
      // A length prefix may be 00 7B too: text goes on with every other byte zero.
      let zero = bytes[0] == 0 ? 0 : 1
      return stride(from: zero, to: min(bytes.count, 16), by: 2).allSatisfy { bytes[$0] == 0 }
        && stride(from: 1 - zero, to: min(bytes.count, 16), by: 2).allSatisfy { bytes[$0] != 0 }
    default: return false
    }
  }

  /// Whether an object with a printable first name, an empty object, or an array starts here: nothing that a protobuf
  /// message would go on like.
  private static func opensJSON(_ bytes: ByteView, at start: Int) -> Bool {
    guard start < bytes.count else { return false }
    var at = start
    while at < bytes.count, bytes[at] == UInt8(ascii: "[") { at = bytes.skippingSpace(from: at + 1) }
    guard at < bytes.count else { return false }
    if at > start, bytes[at] == UInt8(ascii: "]") { return true }
    guard bytes[at] == UInt8(ascii: "{") else { return false }
    at = bytes.skippingSpace(from: at + 1)
    guard at < bytes.count else { return false }
    if bytes[at] == UInt8(ascii: "}") { return true }
    guard bytes[at] == UInt8(ascii: "\"") else { return false }
    let limit = min(bytes.count, at + 256)
    guard let end = bytes[0..<limit].jsonString(from: at + 1) else { return false }
    for i in at + 1..<end.quote where bytes[i] < 0x20 { return false }
    let colon = bytes.skippingSpace(from: end.quote + 1)
    return colon < bytes.count && bytes[colon] == UInt8(ascii: ":")
  }

  /// Whether the line at `start` is to be read by itself: it is whole, or broken in a way that more lines do not mend.
  private static func isLine(_ bytes: ByteView, at start: Int) -> Bool {
    let near = bytes[0..<min(bytes.count, start + longLine)]
    guard let end = near.firstIndex(of: 0x0A, from: start) else { return true }
    let line = bytes[0..<end]
    var scanner = JSONScanner(at: start)
    while true {
      switch scanner.next(in: line).kind {
      case .end, .malformed, .tooDeep: return true
      case .cutOff: return false
      default: continue
      }
    }
  }

  /// Whether an object stands by itself on a later line, at its start: then an unfinished first line is damage.
  private static func hasLineLater(_ bytes: ByteView, from start: Int) -> Bool {
    let near = bytes[0..<min(bytes.count, start + reach)]
    var at = start
    while let newline = near.firstIndex(of: 0x0A, from: at) {
      at = newline + 1
      guard at + 1 < near.count, near[at] == UInt8(ascii: "{"), near[at + 1] == UInt8(ascii: "\"") else { continue }
      guard let end = near.firstIndex(of: 0x0A, from: at) else { return false }
      var scanner = JSONScanner(at: at)
      var kind = JSONToken.Kind.objectStart
      while ![.end, .cutOff, .malformed, .tooDeep].contains(kind) { kind = scanner.next(in: bytes[0..<end]).kind }
      if kind == .end, bytes[0..<end].skippingSpace(from: scanner.position) == end { return true }
    }
    return false
  }

  /// The names of the first value's outer members, each with its depth.
  private struct Names {
    private var top: Set<String> = []
    private var inner: Set<String> = []
    private var isArray = false

    init(_ bytes: ByteView, at start: Int) {
      let near = bytes[0..<min(bytes.count, start + JSONProbe.reach)]
      isArray = near[start] == UInt8(ascii: "[")
      var scanner = JSONScanner(at: start)
      let base = isArray ? 1 : 0
      while true {
        let token = scanner.next(in: near)
        switch token.kind {
        case .end, .cutOff, .malformed, .tooDeep: return
        case .key where scanner.depth == base + 1: top.insert(near[token.range].string)
        case .key where scanner.depth <= base + 3: inner.insert(near[token.range].string)
        default: continue
        }
      }
    }

    /// Dialect and signal, the most telling names first.
    var judgement: (Dialect, Signal?) {
      for (stem, signal) in [("Spans", Signal.traces), ("Logs", .logs), ("Metrics", .metrics)] {
        let snake = stem.lowercased()
        if top.contains("resource" + stem) { return (.otlpJSON, signal) }
        if top.contains("resource_" + snake) { return (.snakeCaseJSON, signal) }
        let outer = ["scope" + stem, "scope_" + snake, "instrumentationLibrary" + stem]
        if !top.isDisjoint(with: outer) { return (.javaLogging, signal) }
      }
      if top.contains("batches") { return (.tempo, .traces) }
      if top.contains("trace"), !inner.isDisjoint(with: ["resourceSpans", "batches"]) { return (.tempo, .traces) }
      if top.contains("Name"), top.contains("SpanContext") { return (.goStdouttrace, nil) }
      if top.contains("name"), top.contains("context"), inner.contains("trace_id") { return (.pythonConsole, nil) }
      if top.contains("data"), inner.contains("traceID") { return (.jaegerUI, nil) }
      if top.contains("traceID"), top.contains("spanID") { return (.jaegerDocument, nil) }
      if top.contains("traceId"), top.contains("id") { return (.zipkin, nil) }
      for (stem, signal) in [("Spans", Signal.traces), ("Logs", .logs), ("Metrics", .metrics)]
      where !inner.isDisjoint(with: ["resource" + stem, "resource_" + stem.lowercased()]) {
        return (.wrapped, signal)
      }
      // `{}` and `[]` are empty messages, and fields of newer versions stand alone sometimes.
      return (top.isEmpty ? .otlpJSON : .otherJSON, nil)
    }
  }
}
