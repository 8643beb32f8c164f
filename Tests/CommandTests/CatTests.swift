import Foundation
import TestSupport
import Testing
import Workload

@Suite("cat")
struct CatTests {
  private static func options(_ seed: UInt64) -> WorkloadOptions {
    var options = WorkloadOptions(seed: seed)
    options.batchSpans = 40
    return options
  }

  private static func capture(_ format: CaptureFormat, seed: UInt64 = 9) -> [UInt8] {
    makeCapture(options(seed), format: format, batches: 12)
  }

  /// What the generator wrote, batch by batch, as swift-protobuf's messages.
  private static func expected(seed: UInt64 = 9) -> [Oracle.TracesData] {
    var generator = WorkloadGenerator(options(seed))
    return (0..<12).map { _ in Oracle.message(generator.nextBatch()).withEmptyMessages() }
  }

  @Test("cat without --to writes what was archived, as decompress -c does; trzcat is the same")
  func restores() throws {
    let folder = try TemporaryFolder.withCapture()
    try folder.write(Captures.other, to: "b")
    #expect(try Tracezip.run("in", "b", in: folder).status == 0)
    let both = Captures.small + Captures.other
    #expect(try Tracezip.run("cat", "in.trz", "b.trz", in: folder).output == both)
    #expect(try Tracezip.run("in.trz", "b.trz", in: folder, name: "trzcat").output == both)
    #expect(try Tracezip.run("cat", input: try folder.read("in.trz")).output == Captures.small)
    #expect(try Tracezip.run("cat", "-", input: try folder.read("in.trz")).output == Captures.small)
    #expect(try Tracezip.run("cat", "-o", "out", "in.trz", "b.trz", in: folder).status == 0)
    #expect(try folder.read("out") == both)
    let exists = try Tracezip.run("cat", "-o", "out", "in.trz", in: folder)
    #expect(exists.status == 1 && exists.messages.contains("exists"))
    #expect(try Tracezip.run("cat", "-f", "-o", "out", "in.trz", in: folder).status == 0)
    #expect(try folder.read("out") == Captures.small)
    #expect(folder.contents == ["b", "b.trz", "in", "in.trz", "out", "trzcat"])
  }

  @Test("cat --to otlp-proto of a JSON archive is message by message what the JSON says")
  func toProtobuf() throws {
    for dialect in [JSONDialect.collector] {
      let capture = Self.capture(.json(dialect))
      let run = try Tracezip.run("cat", "--to", "otlp-proto", input: try Captures.archive(of: capture))
      #expect(run.status == 0 && run.messages.isEmpty, "\(run.messages)")
      let messages = try Frames.lengthPrefixed(run.output).map { try Oracle.protobuf($0) }
      // An independent reading of the very lines, and the generator's own word.
      let read = try Frames.lines(capture).map { try Oracle.json($0) }
      try #require(messages.count == read.count)
      for (ours, theirs) in zip(messages, read) { #expect(ours.withEmptyMessages() == theirs.withEmptyMessages()) }
      for (ours, meant) in zip(messages, Self.expected()) { #expect(ours.withEmptyMessages() == meant) }
    }
  }

  @Test(
    "cat --to otlp-proto of a JSON archive is message by message what PyPI's opentelemetry-proto makes of the JSON",
    .enabled(if: hasOpenTelemetryProto, "python3 has no opentelemetry-proto"))
  func toProtobufLikePython() throws {
    let folder = try TemporaryFolder()
    func compare(_ json: [UInt8], _ name: String) throws -> Int {
      try folder.write(json, to: "json")
      try folder.write(
        try Tracezip.run("cat", "-q", "--to", "otlp-proto", input: try Captures.archive(of: json)).output, to: "proto")
      let run = try folder.shell("python3 '\(Self.script)' json proto")
      #expect(run.status == 0, "\(name): \(run.messages)")
      return Int(run.text.filter(\.isNumber)) ?? -1
    }
    for dialect in JSONDialect.all {
      let count = try compare(Self.capture(.json(dialect)), dialect.name)
      // One document is one message.
      #expect(
        count == (dialect.document == .one ? 1 : 12), "\(dialect.name)"
      )
    }
    var messages: [String: Int] = [:]
    for name in Fixtures.names where name.contains("json") { messages[name] = try compare(Fixtures.bytes(name), name) }
    #expect(messages["shop-small.jsonl"] == 23 && messages["shop-small.legacy.jsonl"] == 23)
    #expect(messages["java-resource-spans.jsonl"] == 2 && messages["tempo-batches.json"] == 1, "\(messages)")
  }

  private static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("TestSupport/Python/json_as_protobuf.py").path

  @Test("cat --to otlp-json of a protobuf archive gives lines that any reader of OTLP/JSON takes")
  func toJSON() throws {
    for format in [CaptureFormat.lengthPrefixed, .protobuf(.sdk, .varintDelimited)] {
      let run = try Tracezip.run("cat", "--to", "otlp-json", input: try Captures.archive(of: Self.capture(format)))
      #expect(run.status == 0 && run.messages.isEmpty, "\(run.messages)")
      let lines = Frames.lines(run.output)
      let expected = Self.expected()
      try #require(lines.count == expected.count && run.output.last == UInt8(ascii: "\n"))
      for (line, meant) in zip(lines, expected) {
        #expect(try Oracle.json(line).withEmptyMessages() == meant)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
        let resource = try #require((object["resourceSpans"] as? [[String: Any]])?.first)
        let scope = try #require((resource["scopeSpans"] as? [[String: Any]])?.first)
        let span = try #require((scope["spans"] as? [[String: Any]])?.first)
        // Hex ids, enums as integers, 64-bit integers as strings.
        #expect((span["traceId"] as? String)?.wholeMatch(of: /[0-9a-f]{32}/) != nil)
        #expect(span["kind"] is Int && span["startTimeUnixNano"] is String)
      }
    }
  }

  @Test("cat --to: several archives of different formats become one stream")
  func several() throws {
    let folder = try TemporaryFolder()
    try folder.write(try Captures.archive(of: Self.capture(.jsonLines)), to: "a.trz")
    try folder.write(try Captures.archive(of: Self.capture(.lengthPrefixed, seed: 10)), to: "b.trz")
    let run = try Tracezip.run("cat", "--to", "otlp-json", "a.trz", "missing.trz", "b.trz", in: folder)
    #expect(run.status == 1 && run.messages.contains("missing.trz"), "one bad file does not stop the rest")
    let lines = try Frames.lines(run.output).map { try Oracle.json($0).withEmptyMessages() }
    #expect(lines == Self.expected() + Self.expected(seed: 10))
  }

  @Test("exit status 2: what could not be converted is left out with a warning that tells how many")
  func leftOut() throws {
    let good = Frames.lines(Self.capture(.jsonLines))
    let lines = good[0] + Array("\nno JSON\n".utf8) + good[1] + Array("\n{\"resourceLogs\":[]}\n".utf8)
    let folder = try TemporaryFolder()
    try folder.write(try Captures.archive(of: lines), to: "a.trz")
    let run = try Tracezip.run("cat", "--to", "otlp-proto", "a.trz", in: folder)
    #expect(run.status == 2)
    #expect(run.messages.hasPrefix("tracezip: warning: a.trz: 2 messages left out"), "\(run.messages)")
    #expect(Frames.lengthPrefixed(run.output).count == 2)
    let quiet = try Tracezip.run("cat", "-q", "--to", "otlp-proto", "a.trz", in: folder)
    #expect(quiet.status == 2 && quiet.messages.isEmpty && quiet.output == run.output)
    #expect(try Tracezip.run("cat", "a.trz", in: folder).status == 0, "as it was, there is nothing to warn of")
  }

  @Test("cat: damage is an error with its place, and -f takes a plain capture for what it is")
  func errors() throws {
    let folder = try TemporaryFolder.withCapture()
    try folder.write(try Captures.archive(of: Captures.small).dropLast(20), to: "cut.trz")
    let cut = try Tracezip.run("cat", "--to", "otlp-json", "cut.trz", in: folder)
    #expect(cut.status == 3 && cut.messages.contains("cut.trz: ") && cut.messages.contains("offset"))
    let plain = try Tracezip.run("cat", "in", in: folder)
    #expect(plain.status == 3 && plain.output.isEmpty && plain.messages.contains("is not a tracezip archive"))
    #expect(try Tracezip.run("cat", "-f", "in", in: folder).output == Captures.small)
    let lines = try Tracezip.run("cat", "-f", "--to", "otlp-json", "in", in: folder)
    #expect(lines.status == 0 && Frames.lines(lines.output).count == Frames.lengthPrefixed(Captures.small).count)
    #expect(try Tracezip.run("cat", "--to", "csv", "in", in: folder).status == 64)
    #expect(try folder.shell("tracezip in; tracezip cat in.trz > /dev/full").status == 1)
    // More than a pipe holds.
    let many = "for i in $(seq 40); do cat in.trz; done > many.trz; "
    #expect(
      try folder.shell(many + "tracezip cat --to otlp-json many.trz | head -c 10 >/dev/null; echo ${PIPESTATUS[0]}")
        .text
        == "141\n")
  }
}
