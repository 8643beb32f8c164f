import TestSupport
import Testing
import Workload

/// Spans of which no two have a name in common: a model of what they share would be as large as they are, many times over.
/// Whoever has such a capture must get it archived, in the memory that any other takes.
@Suite struct UnlikeSpansTests {
  enum Names: String, CaseIterable, CustomTestStringConvertible {
    case fields = "field numbers"
    case keys = "keys of attributes"
    case jsonKeys = "keys of attributes in JSON"
    case jsonMembers = "members of JSON spans"
    case jsonResource = "members of JSON resources"
    var testDescription: String { rawValue }
    var isJSON: Bool { self != .fields && self != .keys }
  }

  /// Messages of eight spans with 2,000 names each, all different.
  private static func capture(_ names: Names, bytes: Int, seed: UInt64) -> [UInt8] {
    var random = SeededRandom(seed: seed)
    var capture: [UInt8] = []
    while capture.count < bytes {
      if names.isJSON {
        capture += lineOfJSON(names, &random)
      } else {
        let spans = (0..<8).flatMap { _ in message(2, span(names, &random)) }
        let data = message(1, message(2, spans))
        capture += [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: data.count >> $0) } + data
      }
    }
    return capture
  }

  private static func varint(_ value: UInt64) -> [UInt8] {
    value < 128 ? [UInt8(value)] : [UInt8(value & 127 | 128)] + varint(value >> 7)
  }

  private static func message(_ field: UInt64, _ content: [UInt8]) -> [UInt8] {
    varint(field << 3 | 2) + varint(UInt64(content.count)) + content
  }

  private static func name(_ random: inout SeededRandom) -> String { String(random.next(), radix: 16) }

  private static func span(_ names: Names, _ random: inout SeededRandom) -> [UInt8] {
    var span = message(1, (0..<16).map { _ in UInt8(truncatingIfNeeded: random.next()) })
    for _ in 0..<2000 {
      let value = UInt64(random.below(128))
      if names == .fields {
        span += varint(UInt64(20 + random.below(1 << 28)) << 3) + varint(value)
      } else {
        span += message(9, message(1, Array(name(&random).utf8)) + message(2, [0x18] + varint(value)))
      }
    }
    return span
  }

  private static func lineOfJSON(_ names: Names, _ random: inout SeededRandom) -> [UInt8] {
    func members() -> String {
      (0..<2000).map { _ in "\"\(name(&random))\":\(random.below(128))" }.joined(separator: ",")
    }
    let spans = (0..<8).map { _ in
      switch names {
      case .jsonKeys:
        let list = (0..<2000).map { _ in #"{"key":"\#(name(&random))","value":{"intValue":"\#(random.below(128))"}}"# }
        return #"{"name":"a","attributes":[\#(list.joined(separator: ","))]}"#
      case .jsonMembers: return #"{"name":"a",\#(members())}"#
      default: return #"{"name":"a"}"#
      }
    }
    let resource = names == .jsonResource ? members() : ""
    let line =
      #"{"resourceSpans":[{"resource":{\#(resource)},"scopeSpans":[{"spans":[\#(spans.joined(separator: ","))]}]}]}"#
    return Array(line.utf8) + [0x0A]
  }

  @Test(arguments: Names.allCases)
  func `Spans that share no names are archived in little memory and come back`(_ names: Names) throws {
    let seed: UInt64 = 91
    let capture = Self.capture(names, bytes: 9 << 20, seed: seed)
    let folder = try TemporaryFolder()
    try folder.write(capture, to: "in")
    let run = try Tracezip.shell(
      "ulimit -v 500000; tracezip -T2 -c in > two.trz && tracezip -T1 -c in | cmp - two.trz && tracezip -dc two.trz | cmp - in",
      in: folder)
    #expect(run.status == 0 && run.signal == nil, "seed \(seed): \(run.messages.suffix(300))")
  }
}
