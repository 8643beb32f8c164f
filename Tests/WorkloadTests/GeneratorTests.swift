import Bytes
import TestSupport
import Testing
import Workload

@Suite("The generator's traces are like traces")
struct GeneratorTests {
  func spans(_ batches: [Model.TracesData]) -> [Model.Span] {
    batches.flatMap { $0.resourceSpans.flatMap { $0.scopeSpans.flatMap(\.spans) } }
  }

  func batches(_ options: WorkloadOptions, _ count: Int) -> [Model.TracesData] {
    var generator = WorkloadGenerator(options)
    return (0..<count).map { _ in generator.nextBatch() }
  }

  @Test("the same seed gives the same bytes, or no failure could be repeated")
  func deterministic() {
    for format in CaptureFormat.all {
      let a = makeCapture(smallWorkload(7), format: format, batches: 4)
      #expect(a == makeCapture(smallWorkload(7), format: format, batches: 4), "\(format.name)")
      #expect(a != makeCapture(smallWorkload(8), format: format, batches: 4), "\(format.name)")
    }
  }

  @Test(
    "a batch has the size asked for, or small-batch figures are figures of something else", arguments: [1, 10, 333])
  func batchSize(size: Int) {
    for arrangement in [WorkloadOptions.Arrangement.perProcess, .mixed] {
      var options = WorkloadOptions(seed: 5)
      options.batchSpans = size
      options.arrangement = arrangement
      #expect(batches(options, 20).allSatisfy { $0.spanCount == size })
    }
  }

  @Test("children lie inside traces that exist and start no earlier than their parents")
  func trees() throws {
    var options = WorkloadOptions(seed: 11)
    options.arrangement = .mixed
    options.batchSpans = 1000
    let all = spans(batches(options, 6))
    var known: [UInt64: Model.Span] = [:]
    for span in all { known[span.spanId] = span }
    #expect(known.count == all.count)
    var children = 0
    for span in all {
      #expect(span.startTimeUnixNano <= span.endTimeUnixNano)
      guard let parent = known[span.parentSpanId] else { continue }
      children += 1
      #expect(parent.traceId == span.traceId)
      // Clocks of different grain may differ by a tick.
      #expect(parent.startTimeUnixNano <= span.startTimeUnixNano + 1000)
    }
    #expect(children > all.count / 2)
  }

  @Test("every kind of value, event, link, status and state occurs, or part of the format goes untested")
  func everything() {
    var options = WorkloadOptions(seed: 3)
    options.errors = 5
    options.arrangement = .mixed
    let all = spans(batches(options, 60))
    var kinds: Set<String> = []
    for span in all {
      for pair in span.attributes {
        switch pair.value {
        case .string: kinds.insert("string")
        case .bool: kinds.insert("bool")
        case .int: kinds.insert("int")
        case .double: kinds.insert("double")
        case .array: kinds.insert("array")
        case .kvlist: kinds.insert("kvlist")
        case .bytes: kinds.insert("bytes")
        case .none: kinds.insert("none")
        }
      }
    }
    #expect(kinds.isSuperset(of: ["string", "bool", "int", "double", "array", "kvlist", "bytes"]))
    #expect(Set(all.map(\.kind)).count == 5)
    #expect(all.contains { !$0.links.isEmpty })
    #expect(all.contains { $0.events.contains { $0.name == "exception" } })
    #expect(all.contains { $0.status.code == 2 && !$0.status.message.isEmpty })
    #expect(all.contains { !$0.traceState.isEmpty })
    #expect(all.contains { $0.droppedAttributesCount > 0 })
  }

  @Test("duplicate rates are what they say, or the figures for re-sent spans mislead", arguments: [0, 25, 50, 75])
  func duplicates(percent: Int) {
    var options = WorkloadOptions(seed: 9)
    options.duplicateSpans = Double(percent) / 100
    let all = spans(batches(options, 50))
    let share = 1 - Double(Set(all.map(\.spanId)).count) / Double(all.count)
    #expect(abs(share - options.duplicateSpans) < 0.06, "\(share)")

    options.duplicateSpans = 0
    options.duplicateBatches = Double(percent) / 100
    options.batchSpans = 10
    let lists = batches(options, 400).map { spans([$0]).map(\.spanId) }
    let again = 1 - Double(Set(lists).count) / Double(lists.count)
    #expect(abs(again - options.duplicateBatches) < 0.1, "\(again)")
  }

  @Test("an agent's long texts stand more than once, or long-distance matching is never tried")
  func conversations() throws {
    var options = WorkloadOptions(seed: 21)
    options.languageModel = 1
    let all = spans(batches(options, 2))
    let long = all.flatMap(\.attributes).compactMap { pair -> String? in
      if case .string(let text) = pair.value, text.utf8.count > 2000 { return text }
      return nil
    }
    #expect(long.count > 50)
    let starts = Set(long.map { $0.prefix(1500) })
    #expect(starts.count * 2 < long.count)
  }

  @Test("a caller's id generator is the one that is used")
  func customIdentifiers() {
    struct Counter: IdentifierSource {
      var n: UInt64
      mutating func root(lane: Int) -> (trace: Model.TraceId, span: UInt64) {
        n += 1
        return (Model.TraceId(high: 42, low: n), child(lane: lane))
      }
      mutating func child(lane: Int) -> UInt64 {
        n += 1
        return n
      }
    }
    var options = WorkloadOptions(seed: 2)
    options.identifiers = .custom { _, seed in Counter(n: seed) }
    #expect(spans(batches(options, 5)).allSatisfy { $0.traceId.high == 42 })
  }

  @Test("hostile input is hostile: not one mutation in a hundred leaves a capture as it was")
  func hostile() {
    let capture = makeCapture(smallWorkload(4), format: .lengthPrefixed, batches: 2)
    var random = SeededRandom(seed: 4)
    let same = (0..<300).count { _ in Hostile.mutate(capture, &random) == capture }
    #expect(same < 3)
    for _ in 0..<200 {
      let text = Hostile.json(depth: 6, &random)
      #expect(!text.isEmpty)
    }
    #expect(Hostile.bytes(count: 5000, &random).count == 5000)
  }
}
