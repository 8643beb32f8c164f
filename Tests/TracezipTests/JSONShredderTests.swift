import Bytes
import OTLP
import Testing
import Workload

@testable import Tracezip

/// Bytes through the segment codec and back, and what was shredded on the way.
private struct JSONTrip {
  var restored: [UInt8] = []
  var stored = 0
  var spans = 0
  /// Bytes of the capture that were kept verbatim.
  var verbatim = 0
  /// Column paths with their kind of value.
  var columns: Set<String> = []

  /// `cuts`: where blocks end, with the entry of the next one.
  init(_ bytes: [UInt8], framing: BlockFraming = .json, cuts: [JSONCutter.Cut] = []) {
    bytes.withView { view in
      let encoder = SegmentEncoder(config: TracezipConfig(), framing: framing)
      let hand = BlockAtHand()
      let decoder = SegmentDecoder(limits: DecodeLimits())
      var from = 0
      var entry = ChunkEntry.border
      for cut in cuts + [JSONCutter.Cut(at: view.count, entry: .border)] {
        var payload = Buffer<UInt8>()
        encoder.shred(view[from..<cut.at], entry: entry, hand)
        encoder.code(hand)
        encoder.codeIds(hand, hints: nil)
        let report = encoder.write(hand, isFollowed: cut.at < view.count, into: &payload)
        spans += report.spans
        stored += payload.count
        var out = Buffer<UInt8>()
        do {
          try decoder.decode(payload.view, restoredCount: cut.at - from, into: &out)
        } catch {
          Issue.record("block at \(from) does not decode: \(error)")
        }
        restored += out.array
        from = cut.at
        entry = cut.entry
      }
      // Shredded once more by itself, to look at the rows.
      guard cuts.isEmpty, framing == .json else { return }
      var state = ShredState()
      var block = Block()
      var spine = JSONSpine(view)
      spine.shred(.border, &state, &block)
      var leaf = 0
      for i in 0..<block.spine.count {
        let step = state.skeletons.steps[Int(block.spine[i])]
        if step.kind == .verbatim { verbatim += state.strings.view(Int(block.spineLeaves[leaf])).count }
        if step.kind.leaf != .none { leaf += 1 }
      }
      for i in 0..<state.skeletons.columns.count {
        let c = state.skeletons.columns[i]
        columns.insert("\(c.record).\(c.field).\(c.value).\(state.skeletons.name(c).string)")
      }
    }
  }
}

private func restores(_ bytes: [UInt8], _ what: @autoclosure () -> String) -> JSONTrip {
  let trip = JSONTrip(bytes)
  #expect(trip.restored == bytes, "\(what()) does not come back")
  return trip
}

private func spanCount(_ options: WorkloadOptions, _ batches: Int) -> Int {
  var generator = WorkloadGenerator(options)
  return (0..<batches).reduce(0) { n, _ in n + generator.nextBatch().spanCount }
}

private func options(_ seed: UInt64) -> WorkloadOptions {
  var options = WorkloadOptions(seed: seed)
  options.batchSpans = 60
  options.errors = 5
  options.languageModel = 0.03
  options.duplicateSpans = 0.02
  options.arrangement = seed & 1 == 0 ? .perProcess : .mixed
  return options
}

@Suite("JSON through shred and weave")
struct JSONShredderTests {
  @Test(
    "a dialect that is kept verbatim, or altered, costs its users their space or their bytes",
    arguments: JSONDialect.all.map(\.name), [1, 2] as [UInt64])
  func dialects(name: String, seed: UInt64) throws {
    let dialect = try #require(JSONDialect.all.first { $0.name == name })
    let bytes = makeCapture(options(seed), format: .json(dialect), batches: 6)
    let trip = restores(bytes, "\(name), seed \(seed)")
    #expect(trip.spans == spanCount(options(seed), 6), "\(name), seed \(seed): spans not taken apart")
    #expect(trip.verbatim <= 3, "\(name), seed \(seed): \(trip.verbatim) bytes verbatim")
  }

  @Test("JSON that takes much more space than the same spans in protobuf makes people convert first")
  func asSmallAsProtobuf() {
    for seed in [3, 4] as [UInt64] {
      let json = JSONTrip(makeCapture(options(seed), format: .jsonLines, batches: 30))
      let proto = JSONTrip(makeCapture(options(seed), format: .lengthPrefixed, batches: 30), framing: .lengthPrefixed)
      #expect(Double(json.stored) <= 1.10 * Double(proto.stored), "seed \(seed): \(json.stored), \(proto.stored)")
    }
  }

  @Test("columns with other names than protobuf's would split statistics and queries by format")
  func sameColumns() throws {
    let json = makeCapture(options(5), format: .jsonLines, batches: 10)
    let trip = JSONTrip(json)
    let proto = makeCapture(options(5), format: .lengthPrefixed, batches: 10)
    var theirs: Set<String> = []
    proto.withView { view in
      var state = ShredState()
      var block = Block()
      var spine = ProtobufSpine(view, framing: .lengthPrefixed)
      spine.shred(.border, &state, &block)
      for i in 0..<state.skeletons.columns.count {
        let c = state.skeletons.columns[i]
        theirs.insert("\(c.record).\(c.field).\(c.value).\(state.skeletons.name(c).string)")
      }
    }
    // The status has its two fields apart in JSON.
    let others = trip.columns.filter { !$0.hasPrefix("spine") && !$0.hasPrefix("span.15.") }.subtracting(theirs)
    #expect(others.isEmpty, "\(others.sorted())")
  }

  @Test(
    "what is odd in a file is what must not get lost",
    arguments: [
      "", " ", "\n", "{}", "[]", "{}\n", "{", "}", "\"", "\\", "null", "0", "[[[[[[[[[[", "]]]]", "{\"a\":",
      "\u{FEFF}{}",
      "\u{FEFF}", "{\"resourceSpans\":null}", "{\"resourceSpans\":[null,1,\"x\",{},[]]}",
      "{\"resourceSpans\":[{\"resource\":{}}]}{\"resourceSpans\":[]}",
      "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{}]}]}]}",
      "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{},{ } ,{\"name\":\"a\"} , {\"name\":\"b\"}\r\n,{}]}]}]}\r\n",
      "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[1,{\"name\":5},null,{\"name\":null},\"x\",{\"traceId\":7}]}]}]}",
      "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"name\":\"cut o\n{\"resourceSpans\":[]}\n",
      "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"name\":\"a\"}}}]}\n{\"resourceSpans\":[]}",
      "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"kind\":01,\"flags\":-1,\"startTimeUnixNano\":-5}]}]}]}",
      "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"events\":[{},1,{\"name\":\"e\"},[]],\"links\":[{\"spanId\":\"00\"}]}]}]}]}",
      "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"attributes\":[{\"value\":{\"intValue\":\"1\"},\"key\":\"late\"}]}]}]}]}",
      "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"attributes\":[{\"key\":\"d\",\"value\":{\"doubleValue\":-0.0}},"
        + "{\"key\":\"d\",\"value\":{\"doubleValue\":\"NaN\"}},{\"key\":\"d\",\"value\":{\"doubleValue\":1E400}},"
        + "{\"key\":\"d\",\"value\":{\"doubleValue\":5}},{\"key\":\"d\",\"value\":{\"doubleValue\":0.10000000000000001}}]}]}]}]}",
      "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"traceId\":\"0AF7651916CD43DD8448EB211C80319C\","
        + "\"spanId\":\"b7ad6b7169203331\"},{\"traceId\":\"0Af7651916cD43dd8448eB211c80319C\",\"spanId\":\"\"},"
        + "{\"traceId\":\"CvdlGRbNQ92ESOshHIAxnA==\",\"spanId\":\"t61rcWkgMzE=\"},{\"traceId\":\"00000000000000000000000000000000\"}"
        + ",{\"spanId\":\"t61rcWkgMzF=\"}]}]}]}",
      "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"name\":\"\\u0061\\ud800\\/\\\"\\\\\"},{\"name\":\"a\",\"name\":\"b\"}]}]}]}",
      "{\"data\":[{\"traceID\":\"1\",\"spans\":[{}]}]}\n{\"resourceLogs\":[]}\nplain text\n{\"resourceSpans\":[]}\n",
    ])
  func oddities(text: String) {
    _ = restores(Array(text.utf8), text)
    _ = restores(Array((text + "\n" + text).utf8), text)
  }

  @Test("bytes that are no UTF-8 must come back like any others")
  func illFormed() {
    let head = Array("{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"name\":\"".utf8)
    for bad in [[0xFF], [0xC3], [0x00], [0xED, 0xA0, 0x80], [0x0A, 0x80]] as [[UInt8]] {
      _ = restores(head + bad + Array("\"}]}]}]}\n".utf8), "\(bad)")
    }
  }

  @Test("a file cut off anywhere must come back as it was cut", arguments: ["collector", "pretty", "tempo"])
  func truncated(name: String) throws {
    let dialect = try #require(JSONDialect.all.first { $0.name == name })
    var small = options(7)
    small.batchSpans = 3
    let bytes = makeCapture(small, format: .json(dialect), batches: 2)
    for count in stride(from: 0, to: min(bytes.count, 4000), by: 7) {
      let cut = Array(bytes[..<count])
      #expect(JSONTrip(cut).restored == cut, "\(name) cut at \(count)")
    }
  }

  @Test(
    "random JSON with OTLP's names in wrong places must neither trap nor change", arguments: [11, 12, 13] as [UInt64])
  func random(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for round in 0..<300 {
      var bytes: [UInt8] = []
      for _ in 0...random.below(4) {
        let value = Hostile.json(depth: 1 + random.below(8), &random)
        switch random.below(4) {
        case 0: bytes += value
        case 1: bytes += Array("{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[".utf8) + value + Array("]}]}]}".utf8)
        case 2:
          bytes += Array("{\"resourceSpans\":[{\"resource\":".utf8) + value + Array(",\"scopeSpans\":".utf8)
          bytes += Hostile.json(depth: 4, &random) + Array("}]}".utf8)
        default:
          bytes += Array(
            "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"attributes\":[{\"key\":\"k\",\"value\":".utf8)
          bytes += value + Array("}]},{\"events\":".utf8) + Hostile.json(depth: 4, &random) + Array("}]}]}]}".utf8)
        }
        if random.chance(0.7) { bytes.append(0x0A) }
      }
      #expect(JSONTrip(bytes).restored == bytes, "seed \(seed), round \(round)")
    }
  }

  @Test("damage must cost space at most", arguments: [21, 22, 23] as [UInt64])
  func mutated(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for (index, dialect) in JSONDialect.all.enumerated() {
      var small = options(seed &+ UInt64(index))
      small.batchSpans = 5
      let bytes = makeCapture(small, format: .json(dialect), batches: 3)
      for round in 0..<12 {
        let damaged = Hostile.mutate(bytes, &random)
        #expect(JSONTrip(damaged).restored == damaged, "\(dialect.name), seed \(seed), round \(round)")
      }
    }
  }

  @Test("nesting without end must not overflow the stack, nor lines that never close take forever")
  func hostileNesting() {
    let span =
      "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"attributes\":[{\"key\":\"k\",\"value\":{\"arrayValue\":"
    for text in ["[", "{\"a\":", "{\"resourceSpans\":[", "[{\"trace\":"] {
      _ = restores(Array(String(repeating: text, count: 100_000).utf8), text)
      _ = restores(Array((span + String(repeating: text, count: 100_000)).utf8), text)
    }
    for line in ["{\"resourceSpans\":[{\"resource\":{", "{\"a\":[{", span, "{\"resourceSpans\":[\"", "{\"a\":{},"] {
      _ = restores(Array(String(repeating: line + "\n", count: 20_000).utf8), line)
    }
  }

  @Test("spans sent again must be references in JSON too")
  func duplicates() {
    var options = options(8)
    options.duplicateSpans = 0.5
    let trip = restores(makeCapture(options, format: .jsonLines, batches: 4), "duplicates")
    var none = options
    none.duplicateSpans = 0
    #expect(trip.spans > 0 && trip.stored < 2 * JSONTrip(makeCapture(none, format: .jsonLines, batches: 4)).stored)
  }

  @Test(
    "a document larger than a chunk must be taken apart in every piece",
    arguments: ["one-document", "pretty", "tempo-trace"])
  func cut(name: String) throws {
    var dialect = try #require(JSONDialect.all.first { $0.name == name })
    if name == "pretty" { dialect.document = .one }
    let bytes = makeCapture(options(9), format: .json(dialect), batches: 8)
    for size in [3000, 10_000, 50_000] {
      var cuts: [JSONCutter.Cut] = []
      bytes.withView { view in
        var from = 0
        var entry = ChunkEntry.border
        var limit = size
        while view.count - from > limit {
          guard let cut = JSONCutter.lastCut(in: view.dropFirst(from), entry: entry, limit: limit) else {
            // No span ends so soon.
            limit *= 2
            continue
          }
          from += cut.at
          entry = cut.entry
          limit = size
          cuts.append(JSONCutter.Cut(at: from, entry: entry))
        }
      }
      #expect(cuts.count >= bytes.count / size / 8, "\(name): \(cuts.count) cuts of \(bytes.count) bytes at \(size)")
      let trip = JSONTrip(bytes, cuts: cuts)
      #expect(trip.restored == bytes, "\(name) in pieces of \(size)")
      #expect(trip.spans == spanCount(options(9), 8), "\(name) in pieces of \(size): spans lost to verbatim bytes")
    }
  }

  @Test("a double whose quick spelling differs from the exact one would come back altered", arguments: [41] as [UInt64])
  func doubles(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for round in 0..<20_000 {
      var value = Double(bitPattern: random.next())
      switch round % 5 {
      case 0: value = Double(random.below(1 << 40)) / 1000
      case 1: value = Double(random.below(1000)) / Double(1 + random.below(1000))
      case 2: value = Double(Int(random.below(1 << 53)))
      case 3: value = Double(random.below(100_000)) * 1e-7
      default: break
      }
      guard value.isFinite else { continue }
      if random.chance(0.3) { value = -value }
      for style in DoubleStyle.allCases {
        var exact = Buffer<UInt8>()
        exact.append(double: value, style: style)
        var quick = Buffer<UInt8>()
        quick.append(plainDouble: value, style: style)
        #expect(quick.array == exact.array, "seed \(seed): \(value)")
        let read = (exact.array + [0x2C]).withView { $0.plainDouble(from: 0, style: style)?.value }
        #expect(read == nil || read == value, "seed \(seed): \(value)")
      }
    }
    // Spellings that no style writes must be left alone.
    for text in ["0", "-0", "00.5", "0.50", "1.00", "5.", ".5", "1.5e3", "12345678901234567", "0.1234567890123456"] {
      for style in DoubleStyle.allCases {
        Array((text + ",").utf8).withView {
          if let read = $0.plainDouble(from: 0, style: style) {
            var again = Buffer<UInt8>()
            again.append(double: read.value, style: style)
            #expect(again.array == Array(text.utf8))
          }
        }
      }
    }
  }

  @Test("a cut where none may be would tear a span apart")
  func noCut() {
    for text in [
      "{\"resourceSpans\":[{\"resource\":{\"attributes\":[", "plain", "{\"a\":1}",
    ] {
      Array(text.utf8).withView { #expect(JSONCutter.lastCut(in: $0, entry: .border, limit: $0.count) == nil) }
    }
    Array("{\"resourceSpans\":[]}\n{\"b\":[{},{}]}".utf8).withView {
      let cut = JSONCutter.lastCut(in: $0, entry: .border, limit: $0.count)
      #expect(cut == JSONCutter.Cut(at: 20, entry: .border))
    }
  }
}
