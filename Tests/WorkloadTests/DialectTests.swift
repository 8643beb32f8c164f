import Bytes
import TestSupport
import Testing
import Workload

/// Few spans of everything: services, errors, links, long texts.
func smallWorkload(_ seed: UInt64) -> WorkloadOptions {
  var options = WorkloadOptions(seed: seed)
  options.batchSpans = 60
  options.errors = 10
  options.languageModel = 0.05
  options.arrangement = seed & 1 == 0 ? .perProcess : .mixed
  return options
}

@Suite("The generator's captures say what its model says")
struct DialectTests {
  static let seeds: [UInt64] = [1, 2]

  func batches(_ options: WorkloadOptions, _ count: Int) -> [Model.TracesData] {
    var generator = WorkloadGenerator(options)
    return (0..<count).map { _ in generator.nextBatch() }
  }

  @Test(
    "a protobuf dialect that means something else would make every exactness test a test of the wrong input",
    arguments: ProtobufDialect.faithful.map(\.name), seeds)
  func protobuf(name: String, seed: UInt64) throws {
    let dialect = try #require(ProtobufDialect.faithful.first { $0.name == name })
    let models = batches(smallWorkload(seed), 12)
    for framing in [ProtobufFraming.lengthPrefixed, .varintDelimited] {
      let format = CaptureFormat.protobuf(dialect, framing)
      let bytes = makeCapture(smallWorkload(seed), format: format, batches: 12)
      let messages = framing == .lengthPrefixed ? Frames.lengthPrefixed(bytes) : Frames.varintDelimited(bytes)
      #expect(messages.count == models.count)
      for (message, model) in zip(messages, models) {
        let read = try Oracle.known(Oracle.protobuf(message)).withEmptyMessages()
        #expect(read == Oracle.message(model).withEmptyMessages(), "seed \(seed), \(format.name)")
      }
    }
  }

  @Test(
    "concatenated messages are one merged message, so a bare capture must hold all batches in order", arguments: seeds)
  func concatenated(seed: UInt64) throws {
    let models = batches(smallWorkload(seed), 12)
    let bytes = makeCapture(smallWorkload(seed), format: .protobuf(.sdk, .concatenated), batches: 12)
    let whole = Model.TracesData(resourceSpans: models.flatMap(\.resourceSpans))
    #expect(try Oracle.protobuf(bytes).withEmptyMessages() == Oracle.message(whole).withEmptyMessages(), "seed \(seed)")
  }

  @Test("canonical protobuf is what a protobuf library writes, or no real SDK is covered", arguments: seeds)
  func canonical(seed: UInt64) throws {
    for model in batches(smallWorkload(seed), 12) {
      var writer = CaptureWriter(.protobuf(.sdk, .concatenated), seed: seed)
      var out = Buffer<UInt8>()
      writer.append(model, to: &out)
      let theirs: [UInt8] = try Oracle.message(model).withEmptyMessages().serializedBytes()
      #expect(out.array == theirs, "seed \(seed)")
    }
  }

  @Test(
    "a JSON dialect that means something else would make every JSON test a test of the wrong input",
    arguments: JSONDialect.faithful.map(\.name), seeds)
  func json(name: String, seed: UInt64) throws {
    let dialect = try #require(JSONDialect.faithful.first { $0.name == name })
    let models = batches(smallWorkload(seed), 12)
    var writer = CaptureWriter(.json(dialect), seed: seed)
    var documents: [[UInt8]] = []
    for model in models {
      var out = Buffer<UInt8>()
      writer.append(model, to: &out)
      documents.append(out.array)
    }
    var end = Buffer<UInt8>()
    writer.finish(&end)
    var expected = models
    if case .one = dialect.document {
      documents = [documents.flatMap { $0 } + end.array]
      expected = [Model.TracesData(resourceSpans: models.flatMap(\.resourceSpans))]
    }
    for (document, model) in zip(documents, expected) {
      let text = document.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(document.dropFirst(3)) : document
      let read = try Oracle.json(text, hexIds: dialect.ids != .base64).withEmptyMessages()
      #expect(read == Oracle.message(model).withEmptyMessages(), "seed \(seed), \(name)")
    }
  }

  @Test("the other JSON dialects are JSON at least, or a test of them tests the verbatim path only", arguments: seeds)
  func otherJSON(seed: UInt64) throws {
    for dialect in JSONDialect.all where dialect.byteOrderMark == false {
      let bytes = makeCapture(smallWorkload(seed), format: .json(dialect), batches: 3)
      guard case .lines = dialect.document, case .compact = dialect.layout else { continue }
      let lines = Frames.lines(bytes)
      #expect(lines.count == 3, "seed \(seed), \(dialect.name)")
      for line in lines { #expect(isJSON(line), "seed \(seed), \(dialect.name)") }
    }
  }
}
