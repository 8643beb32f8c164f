import TestSupport
import Testing

@Suite("The fixtures are what their README says")
struct FixtureTests {
  @Test("a fixture that the README does not explain cannot be judged when it fails")
  func explained() throws {
    let readme = String(decoding: try Fixtures.bytes("README.md"), as: UTF8.self)
    #expect(Fixtures.names.count > 30)
    for name in Fixtures.names { #expect(readme.contains("`\(name)`"), "\(name)") }
  }

  @Test("the shop captures hold the same spans in every form, so that sizes can be compared across forms")
  func shop() throws {
    func spans(_ data: Oracle.TracesData) -> [Oracle.Span] {
      data.resourceSpans.flatMap { $0.scopeSpans.flatMap(\.spans) }
    }
    let messages = try Frames.lengthPrefixed(Fixtures.bytes("shop-small.lp.pb")).map { try Oracle.protobuf($0) }
    #expect(messages.count == 23)
    #expect(messages.flatMap(spans).count == 926)
    #expect(
      try Frames.lengthPrefixed(Fixtures.bytes("shop-small.go.lp.pb")).map { try Oracle.protobuf($0) } == messages)
    for name in ["shop-small.jsonl", "shop-small.legacy.jsonl"] {
      let lines = try Frames.lines(Fixtures.bytes(name)).map { try Oracle.json($0) }
      #expect(lines.map { $0.withEmptyMessages() } == messages.map { $0.withEmptyMessages() }, "\(name)")
    }
    let merged = try Oracle.protobuf(Fixtures.bytes("shop-small.pb"))
    #expect(Set(spans(merged).map(\.spanID)) == Set(messages.flatMap(spans).map(\.spanID)))
  }

  @Test("an oddity that no protobuf reader accepts would test nothing but the verbatim path")
  func readable() throws {
    for name in ["unknown-fields.pb", "groups.pb", "dotnet-lengths.pb", "deep-values.pb", "empty.pb"] {
      let bytes = try Fixtures.bytes(name)
      #expect(throws: Never.self, "\(name)") { try Oracle.protobuf(bytes) }
    }
    for name in ["truncated.pb", "too-deep-values.pb", "random.bin"] {
      let bytes = try Fixtures.bytes(name)
      #expect(throws: (any Error).self, "\(name)") { try Oracle.protobuf(bytes) }
    }
    #expect(
      try Frames.varintDelimited(Fixtures.bytes("varint-delimited.pb")).map { try Oracle.protobuf($0) }.count == 3)
  }
}
