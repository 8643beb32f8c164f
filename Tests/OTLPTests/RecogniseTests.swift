import Bytes
import OTLP
import Testing

@Suite("A file is known by its content")
struct RecogniseTests {
  let messages = (0..<20).map { Samples.traces($0 * 100, spans: 1 + $0 % 3) }

  @Test("every protobuf framing is told from the others, whole and by its first bytes")
  func protobufFramings() {
    let files: [(Framing, [UInt8])] = [
      (.lengthPrefixed, Samples.lengthPrefixed(messages)), (.varintDelimited, Samples.varintDelimited(messages)),
      (.bare, messages.flatMap { $0 }), (.newlineJoined, Array(messages.joined(separator: [0x0A]))),
    ]
    for (framing, file) in files {
      #expect(recognise(file) == Recognition(framing: framing, dialect: .otlp, signal: .traces))
      for n in [200, file.count / 2, file.count - 1] {
        let start = recognise(Array(file[0..<n]), isEnd: false)
        #expect(start.framing == framing, "first \(n) bytes of \(framing)")
        #expect(start.signal == .traces)
        #expect(!start.isDamaged)
      }
    }
  }

  @Test("logs and metrics are not taken for traces")
  func signals() {
    for (signal, message) in [(Signal.logs, Samples.logs(7)), (.metrics, Samples.metrics(7))] {
      #expect(recognise(message).signal == signal)
      #expect(recognise(Samples.lengthPrefixed([message, message])).signal == signal)
      #expect(recognise(Samples.varintDelimited([message, message])).framing == .varintDelimited)
    }
  }

  @Test("a cut-off file is still recognised and said to be damaged", arguments: [1, 40, 90])
  func truncated(missing: Int) {
    for (framing, file) in [
      (Framing.lengthPrefixed, Samples.lengthPrefixed(messages)), (.bare, messages.flatMap { $0 }),
      (.lengthPrefixed, Samples.lengthPrefixed([messages[2]])), (.bare, messages[2]),
    ] {
      let found = recognise(Array(file.dropLast(missing)))
      #expect(found.framing == framing)
      #expect(found.isDamaged)
    }
  }

  @Test("short messages behind big-endian lengths are not taken for empty varint-delimited ones")
  func shortMessages() {
    let short = Wire().message(1, Wire().message(2, Wire().message(2, Wire().number(6, 1)))).bytes
    let file = Samples.lengthPrefixed([short, short, short])
    for n in [file.count, file.count - 1, file.count - 7, file.count - 12] {
      #expect(recognise(Array(file[0..<n])).framing == .lengthPrefixed)
    }
  }

  @Test("a message whose first leaf lies beyond the window is still a message")
  func largeFirstMessage() {
    var resource = Samples.resource
    for i in 0..<100 { resource = resource.message(1, Wire().text(1, "key \(i)").message(2, Wire().text(1, "value"))) }
    let message = Wire().message(1, Wire().message(1, resource).message(2, Wire().message(2, Samples.span(1)))).bytes
    #expect(recognise(Array(message[0..<500]), isEnd: false).framing == .bare)
    #expect(recognise(Array(Samples.lengthPrefixed([message])[0..<500]), isEnd: false).framing == .lengthPrefixed)
  }

  @Test("a damaged length in the middle leaves the frames before it readable")
  func damagedPrefix() {
    var file = Samples.lengthPrefixed(messages)
    let second = 4 + messages[0].count
    file.replaceSubrange(second..<second + 4, with: [0xFF, 0xFF, 0xFF, 0xFF])
    let found = recognise(file)
    #expect(found.framing == .lengthPrefixed && found.isDamaged)
    let parts = walk(file, .lengthPrefixed)
    #expect(parts.frames == [messages[0]])
    #expect(parts.verbatim == file.count - second && parts.whole)
  }

  @Test("frames of zstd inside length prefixes are seen")
  func dialect4() {
    let frame: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0x24, 0x01, 0x09, 0x00, 0x00, 1, 2, 3, 4, 5]
    #expect(recognise(Samples.lengthPrefixed([frame, frame])).framing == .lengthPrefixedZstd)
    #expect(recognise(frame + frame).framing == .unknown)
    let large: [UInt8] = [0x00, 0x40, 0x00, 0x00] + frame
    #expect(recognise(large, isEnd: false) == Recognition(framing: .lengthPrefixedZstd, dialect: .otlp))
    #expect(recognise(large).isDamaged)
  }

  @Test("empty messages have a framing too")
  func empties() {
    #expect(recognise([0, 0, 0, 0, 0, 0, 0, 0]).framing == .lengthPrefixed)
    #expect(recognise([]) == Recognition(framing: .unknown, dialect: .empty))
    #expect(recognise("{}").framing.isJSON && recognise("{}").dialect == .otlpJSON)
  }

  @Test("JSON lines and pretty-printed documents are told apart")
  func jsonFramings() {
    let pretty = "{\n  \"resourceSpans\": [\n    {\n      \"scopeSpans\": []\n    }\n  ]\n}\n"
    #expect(recognise(Samples.jsonLine + "\n" + Samples.jsonLine + "\n").framing == .jsonLines)
    #expect(recognise("\u{FEFF}" + Samples.jsonLine).framing == .jsonLines)
    #expect(recognise(pretty).framing == .jsonDocument)
    #expect(recognise(pretty + pretty).framing == .jsonDocument)
    #expect(recognise("\r\n" + pretty).framing == .jsonDocument)
    // Damage in the first line must not make one document of all lines.
    #expect(recognise("{\"resourceSpans\":[{\n" + Samples.jsonLine + "\n").framing == .jsonLines)
    #expect(recognise("started at noon\n" + Samples.jsonLine + "\n").framing == .jsonLines)
  }

  @Test("a reader of -v is told which writer made the file")
  func dialects() {
    let cases: [(String, Dialect, Signal?)] = [
      (Samples.jsonLine, .otlpJSON, .traces), (#"{"resource_spans":[]}"#, .snakeCaseJSON, .traces),
      (#"{"resourceLogs":[]}"#, .otlpJSON, .logs), (#"{"resourceMetrics":[]}"#, .otlpJSON, .metrics),
      (#"{"resource":{"attributes":[]},"scopeSpans":[]}"#, .javaLogging, .traces),
      (#"{"batches":[{"resource":{}}]}"#, .tempo, .traces),
      (#"{"trace":{"resourceSpans":[]}}"#, .tempo, .traces),
      (#"{"result":{"resourceSpans":[]}}"#, .wrapped, .traces),
      (#"[{"resourceSpans":[]}]"#, .otlpJSON, .traces),
      (#"{"Name":"x","SpanContext":{"TraceID":"0"}}"#, .goStdouttrace, nil),
      ("{\n    \"name\": \"x\",\n    \"context\": {\n        \"trace_id\": \"0x1\"\n    }\n}", .pythonConsole, nil),
      (#"{"data":[{"traceID":"1","spans":[]}]}"#, .jaegerUI, nil),
      (#"[{"traceId":"1","id":"2","kind":"CLIENT"}]"#, .zipkin, nil),
      (#"{"traceID":"1","spanID":"2","operationName":"x"}"#, .jaegerDocument, nil),
      (#"{"level":"info"}"#, .otherJSON, nil),
    ]
    for (text, dialect, signal) in cases {
      let found = recognise(text)
      #expect(found.dialect == dialect && found.signal == signal, "\(text): \(found.summary)")
      #expect(dialect.isOTLP || dialect == .otherJSON || dialect.advice != nil)
    }
    #expect(recognise(Array("{\"a\":1}".utf16).flatMap { [UInt8($0 & 255), 0] }).dialect == .utf16)
  }

  @Test("bytes of no format are not taken for one")
  func noise() {
    var dice = Dice(state: 7)
    for _ in 0..<300 {
      let n = Int.random(in: 30..<4000, using: &dice)
      let bytes = (0..<n).map { _ in UInt8.random(in: 0...255, using: &dice) }
      #expect(recognise(bytes).framing == .unknown)
      let text = (0..<n).map { _ in UInt8.random(in: 32...126, using: &dice) }
      #expect(recognise(text).framing == .unknown)
    }
  }

  @Test("no input makes recognition trap, and each file walked comes out whole")
  func mutations() {
    var dice = Dice(state: 11)
    let files = [
      Samples.lengthPrefixed(messages), Samples.varintDelimited(messages), messages.flatMap { $0 },
      Array(messages.joined(separator: [0x0A])), Array((Samples.jsonLine + "\n" + Samples.jsonLine).utf8),
    ]
    for file in files {
      for _ in 0..<200 {
        var bad = file
        for _ in 0...Int.random(in: 0...3, using: &dice) {
          bad[Int.random(in: 0..<bad.count, using: &dice)] = UInt8.random(in: 0...255, using: &dice)
        }
        _ = recognise(bad)
        for framing in Framing.allCases {
          #expect(walk(bad, framing, step: Int.random(in: 1...200, using: &dice)).whole)
        }
      }
    }
  }
}
