import Bytes
import SwiftProtobuf
import TestSupport
import Testing
import Workload

@testable import Tracezip

private func convert(
  _ bytes: [UInt8], _ framing: BlockFraming, _ target: OTLPConverter.Target, step: Int = 1 << 16
) -> (out: [UInt8], skipped: Int, messages: Int) {
  var converter = OTLPConverter(from: framing, to: target)
  var out: [UInt8] = []
  var at = 0
  while at < bytes.count {
    converter.convert(Array(bytes[at..<min(at + step, bytes.count)]), into: &out)
    at += step
  }
  converter.finish(into: &out)
  return (out, converter.skippedCount, converter.messages)
}

private func bytes(hex: String) -> [UInt8] {
  var out = Buffer<UInt8>()
  Array(hex.utf8).withView { _ = $0.anyHexDecode(into: &out) }
  return out.array
}

/// A message with every kind of value, and the same as JSON, both written by PyPI's opentelemetry-proto and protobuf.
private let wire = bytes(
  hex: """
    0afd020a1a0a160a0c736572766963652e6e616d6512060a0473686f70100212d1020a0a0a036c69621203312e3012be020a
    10000102030405060708090a0b0c0d0e0f120800010203040506071a03613d62220808090a0b0c0d0e0f2a0d636166c3a920
    2278220ae280a8300339b156efb4a737511841ffffffffffffffff4a100a0169120b18808080808080808080014a070a017a
    120218004a070a016512020a004a070a0162120210004a0e0a01641209219a9999999999b93f4a0e0a017412092150efe2d6
    e41a4b444a0e0a016e120921000000000000f87f4a0e0a016d120921000000000000f0ff4a0a0a017912053a03ff00014a1c
    0a0361727212152a130a0218050a000a0b32090a070a016b120210014a060a046e6f6e6550ffffffff0f5a17090700000000
    000000120265761a080a017112030a01726a210a10101112131415161718191a1b1c1d1e1f12080001020304050607350100
    00007a071203626164180285010101000012027a001a0b68747470733a2f2f732f31
    """.filter { !$0.isWhitespace })
private let text = #"""
  {"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}],\#
  "droppedAttributesCount":2},"scopeSpans":[{"scope":{"name":"lib","version":"1.0"},"spans":[{"traceId\#
  ":"000102030405060708090a0b0c0d0e0f","spanId":"0001020304050607","traceState":"a=b","parentSpanId":"\#
  08090a0b0c0d0e0f","name":"café \"x\"\n ","kind":3,"startTimeUnixNano":"1752242923458483889","endTime\#
  UnixNano":"18446744073709551615","attributes":[{"key":"i","value":{"intValue":"-9223372036854775808"\#
  }},{"key":"z","value":{"intValue":"0"}},{"key":"e","value":{"stringValue":""}},{"key":"b","value":{"\#
  boolValue":false}},{"key":"d","value":{"doubleValue":0.1}},{"key":"t","value":{"doubleValue":1e+21}}\#
  ,{"key":"n","value":{"doubleValue":"NaN"}},{"key":"m","value":{"doubleValue":"-Infinity"}},{"key":"y\#
  ","value":{"bytesValue":"/wAB"}},{"key":"arr","value":{"arrayValue":{"values":[{"intValue":"5"},{},{\#
  "kvlistValue":{"values":[{"key":"k","value":{"boolValue":true}}]}}]}}},{"key":"none"}],"droppedAttri\#
  butesCount":4294967295,"events":[{"timeUnixNano":"7","name":"ev","attributes":[{"key":"q","value":{"\#
  stringValue":"r"}}]}],"links":[{"traceId":"101112131415161718191a1b1c1d1e1f","spanId":"0001020304050\#
  607","flags":1}],"status":{"message":"bad","code":2},"flags":257},{"status":{}}]}],"schemaUrl":"http\#
  s://s/1"}]}
  """#

@Suite("Conversion to OTLP/JSON and protobuf")
struct ConvertTests {
  @Test("values that protobuf's own JSON writer spells otherwise would be misread by its users")
  func pythonReference() {
    let length: [UInt8] = [0, 0, UInt8(wire.count >> 8), UInt8(wire.count & 0xFF)]
    #expect(convert(length + wire, .lengthPrefixed, .json).out == Array(text.utf8) + [0x0A])
    #expect(convert(Array(text.utf8), .json, .protobuf).out == length + wire)
    #expect(convert(Array(text.utf8), .json, .json).out == Array(text.utf8) + [0x0A])
    #expect(convert(wire, .bare, .protobuf).out == length + wire)
  }

  private func models(_ options: WorkloadOptions, _ count: Int) -> [Model.TracesData] {
    var generator = WorkloadGenerator(options)
    return (0..<count).map { _ in generator.nextBatch() }
  }

  private func options(_ seed: UInt64) -> WorkloadOptions {
    var options = WorkloadOptions(seed: seed)
    options.batchSpans = 40
    options.errors = 10
    options.languageModel = 0.05
    return options
  }

  @Test(
    "a dialect that converts to something else lies to whoever reads the converted file",
    arguments: JSONDialect.all.map(\.name), [1, 2] as [UInt64])
  func jsonToProtobuf(name: String, seed: UInt64) throws {
    let dialect = try #require(JSONDialect.all.first { $0.name == name })
    let capture = makeCapture(options(seed), format: .json(dialect), batches: 6)
    let (out, skipped, count) = convert(capture, .json, .protobuf, step: 1 + Int(seed) * 1000)
    #expect(skipped == 0, "\(name), seed \(seed)")
    var read = Oracle.TracesData()
    for message in Frames.lengthPrefixed(out) { read.resourceSpans += try Oracle.protobuf(message).resourceSpans }
    #expect(count == Frames.lengthPrefixed(out).count)
    let whole = Model.TracesData(resourceSpans: models(options(seed), 6).flatMap(\.resourceSpans))
    #expect(read.withEmptyMessages() == Oracle.message(whole).withEmptyMessages(), "\(name), seed \(seed)")
  }

  @Test(
    "protobuf that converts to JSON which another library reads differently is not OTLP/JSON",
    arguments: ProtobufDialect.faithful.map(\.name), [3] as [UInt64])
  func protobufToJSON(name: String, seed: UInt64) throws {
    let dialect = try #require(ProtobufDialect.faithful.first { $0.name == name })
    for (framing, block) in [
      (ProtobufFraming.lengthPrefixed, BlockFraming.lengthPrefixed), (.varintDelimited, .varintDelimited),
      (.concatenated, .bare), (.newlineJoined, .newlineJoined),
    ] {
      // A newline is also the tag of field 1: before a message that begins with an unknown field nobody can tell it.
      if name == "odd", framing == .newlineJoined { continue }
      let capture = makeCapture(options(seed), format: .protobuf(dialect, framing), batches: 6)
      let (out, skipped, _) = convert(capture, block, .json, step: 777)
      #expect(skipped == 0, "\(name), \(framing)")
      var read = Oracle.TracesData()
      for line in Frames.lines(out) { read.resourceSpans += try Oracle.json(line).resourceSpans }
      let whole = Model.TracesData(resourceSpans: models(options(seed), 6).flatMap(\.resourceSpans))
      #expect(read.withEmptyMessages() == Oracle.message(whole).withEmptyMessages(), "\(name), \(framing)")
    }
  }

  @Test("the spellings that writers really use must all be read")
  func spellings() throws {
    func span(_ members: String) throws -> Oracle.Span? {
      let line = "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\(members)}]}]}]}"
      let frames = Frames.lengthPrefixed(convert(Array(line.utf8), .json, .protobuf).out)
      return try frames.first.flatMap { try Oracle.protobuf($0).resourceSpans.first?.scopeSpans.first?.spans.first }
    }
    #expect(try span("\"startTimeUnixNano\":{\"low\":-1,\"high\":2}")?.startTimeUnixNano == 0x2_FFFF_FFFF)
    #expect(try span("\"start_time_unix_nano\":1.7e18")?.startTimeUnixNano == 1_700_000_000_000_000_000)
    #expect(try span("\"startTimeUnixNano\":1700000000000000001")?.startTimeUnixNano == 1_700_000_000_000_000_001)
    #expect(try span("\"kind\":\"SPAN_KIND_CLIENT\"")?.kind == .client)
    #expect(try span("\"kind\":\"3\"")?.kind == .client)
    #expect(try span("\"n\\u0061me\":\"a\\ud83d\\ude00\\ud800\\n\"")?.name == "a😀\u{FFFD}\n")
    #expect(try span("\"name\":\"a\",\"name\":\"b\"")?.name == "b")
    #expect(try span("\"name\":null,\"foo\":[{\"x\":1}]") == Oracle.Span())
    #expect(try span("\"spanId\":\"B7ad6b7169203331\"")?.spanID.count == 8)
    #expect(try span("\"spanId\":\"t61rcWkgMzE\"")?.spanID.count == 8)
    let value = try span("\"attributes\":[{\"value\":{\"intValue\":-0,\"arrayValue\":null},\"key\":\"k\"}]")?.attributes
      .first
    #expect(value?.key == "k" && value?.value.value == .intValue(0))
    let beside = try span(
      "\"attributes\":[{\"key\":\"k\",\"value\":{\"stringValue\":\"s\",\"arrayValue\":{},\"kvlistValue\":{}}}]")
    #expect(beside?.attributes.first?.value.value == .stringValue("s"))
  }

  @Test("lines that are no OTLP must be told, not passed over in silence, and not stop the rest")
  func skips() {
    let good = "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"name\":\"a\"}]}]}]}"
    let lines = [good, "no JSON", "{\"resourceLogs\":[]}", "{\"a\":\"cut o", good, "[\(good),\(good)]", "{\"x\":1"]
    let (out, skipped, messages) = convert(Array(lines.joined(separator: "\n").utf8), .json, .protobuf)
    #expect(messages == 4)
    #expect(Frames.lengthPrefixed(out).count == 4)
    #expect(skipped == 4)
    #expect(convert([0, 0, 0, 2, 0x0A, 0x05, 1, 2, 3], .lengthPrefixed, .json).skipped > 0)
  }

  @Test("an archive that cannot be piped on as OTLP has to be unpacked and converted by hand")
  func sink() throws {
    let model = Oracle.message(Model.TracesData(resourceSpans: models(options(4), 40).flatMap(\.resourceSpans)))
    for format in [CaptureFormat.jsonLines, .lengthPrefixed, .protobuf(.sdk, .varintDelimited)] {
      let capture = makeCapture(options(4), format: format, batches: 40)
      var out: [UInt8] = []
      let stream = ConvertingSink(to: .protobuf, sink: .arrays { out += $0 })
      try TraceDecompressor.decompress(from: .bytes(TraceCompressor.compress(capture)), to: stream.input)
      try stream.finish()
      var read = Oracle.TracesData()
      for message in Frames.lengthPrefixed(out) { read.resourceSpans += try Oracle.protobuf(message).resourceSpans }
      #expect(read.withEmptyMessages() == model.withEmptyMessages(), "\(format.name)")
      #expect(stream.skippedCount == 0 && stream.messages == Frames.lengthPrefixed(out).count)
    }
  }

  @Test("hostile input must end, whatever it is", arguments: [31, 32] as [UInt64])
  func hostile(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for _ in 0..<200 {
      let json = Hostile.json(depth: 7, &random)
      let wrapped =
        Array("{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"attributes\":".utf8) + json
        + Array("}]}]}]}\n".utf8)
      _ = convert(Hostile.mutate(json + wrapped, &random), .json, .json, step: 97)
      _ = convert(Hostile.bytes(count: 300, &random), .lengthPrefixed, .json, step: 97)
      _ = convert(Hostile.bytes(count: 300, &random), .bare, .json, step: 97)
    }
    let deep = "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"attributes\":[{\"key\":\"k\",\"value\":"
    let nested = String(repeating: "{\"arrayValue\":{\"values\":[", count: 400)
    _ = convert(Array((deep + nested).utf8), .json, .json)
    let closed =
      deep + String(repeating: "{\"arrayValue\":{\"values\":[", count: 120)
      + String(repeating: "]}}", count: 120) + "}]}]}]}]}"
    #expect(convert(Array(closed.utf8), .json, .protobuf).messages == 1)
    _ = convert(Array(closed.utf8), .json, .json)
  }
}
