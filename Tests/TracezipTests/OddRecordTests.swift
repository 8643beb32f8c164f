import Foundation
import Testing
import Tracezip
import Workload

/// Records as no SDK writes them: any fields, in any order, repeated and of wrong types, with values that never vary, or
/// do in one half only. Whatever a writer does, whoever archives what it wrote gets it back.
///
/// `TRACEZIP_FUZZ=5000` makes so many captures of each format instead of the usual few.
@Suite struct OddRecordTests {
  private indirect enum Value {
    case bytes([UInt8])
    case text(String)
    case fixed64(UInt64)
    case fixed32(UInt32)
    case number(UInt64)
    case record(Record)
  }
  private typealias Record = [(field: Field, value: Value)]

  private struct Field {
    let number: UInt64
    let name: String
  }

  private typealias Making<T> = (inout SeededRandom) -> T

  // MARK: What is written

  private static func numbers(_ random: inout SeededRandom) -> Making<UInt64> {
    let pool = (0..<1 + random.below(5)).map { [bits = UInt64(random.below(64))] _ in random.next() >> bits }
    var last = random.next() >> 4
    let step: UInt64 = [0, 1, 1000, 1_000_000, .max][random.below(5)]
    switch random.below(6) {
    case 0: return { _ in pool[0] }
    case 1: return { pool[$0.below(pool.count)] }
    case 2:
      return { _ in
        last &+= step
        return last
      }
    case 3: return { $0.next() }
    case 4: return { _ in 0 }
    default: return { $0.chance(0.05) ? $0.next() : pool[0] }
    }
  }

  /// Ids, mostly of the length that they should have.
  private static func ids(_ length: Int, _ random: inout SeededRandom) -> Making<Value> {
    let length = random.chance(0.8) ? length : [0, 7, 8, 15, 16][random.below(5)]
    let (high, low) = (numbers(&random), numbers(&random))
    return { random in
      let halves = [high(&random), low(&random)]
      let all = halves.flatMap { half in (0..<8).map { UInt8(truncatingIfNeeded: half >> UInt64(56 - 8 * $0)) } }
      return .bytes(Array(all.suffix(length)))
    }
  }

  private static func texts(_ random: inout SeededRandom) -> Making<String> {
    let (number, kind) = (numbers(&random), random.below(4))
    let pool = (0..<1 + random.below(6)).map { _ in
      String((0..<random.below(20)).map { _ in Array("abcdef ./_-0123é")[random.below(16)] })
    }
    return { random in
      switch kind {
      case 0: pool[0]
      case 1: pool[random.below(pool.count)]
      case 2: "/a/\(String(number(&random), radix: 16))/\(random.below(3))"
      default: pool[random.below(pool.count)] + "\(number(&random) % 50)"
      }
    }
  }

  private static func attributes(_ random: inout SeededRandom) -> Making<Value> {
    let key = "k\(random.below(6))"
    let (text, number, kind) = (texts(&random), numbers(&random), random.below(5))
    return { random in
      let value: Record =
        switch kind {
        case 0, 1: [(Field(number: 1, name: "stringValue"), .text(text(&random)))]
        case 2: [(Field(number: 3, name: "intValue"), .number(number(&random)))]
        case 3: [(Field(number: 4, name: "doubleValue"), .fixed64((Double(number(&random) % 1000) / 8).bitPattern))]
        default: []
        }
      return .record([(Field(number: 1, name: "key"), .text(key)), (Field(number: 2, name: "value"), .record(value))])
    }
  }

  private enum Kind { case traceId, spanId, text, time, number, small, attribute, event, link }

  private static let spanFields: [(Field, Kind, weight: Int)] = [
    (Field(number: 1, name: "traceId"), .traceId, 3), (Field(number: 2, name: "spanId"), .spanId, 3),
    (Field(number: 3, name: "traceState"), .text, 1), (Field(number: 4, name: "parentSpanId"), .spanId, 2),
    (Field(number: 5, name: "name"), .text, 2), (Field(number: 6, name: "kind"), .number, 1),
    (Field(number: 7, name: "startTimeUnixNano"), .time, 2), (Field(number: 8, name: "endTimeUnixNano"), .time, 2),
    (Field(number: 9, name: "attributes"), .attribute, 6), (Field(number: 11, name: "events"), .event, 2),
    (Field(number: 13, name: "links"), .link, 2), (Field(number: 16, name: "flags"), .small, 1),
    (Field(number: 99, name: "unheardOf"), .number, 1),
  ]
  private static let eventFields: [(Field, Kind, weight: Int)] = [
    (Field(number: 1, name: "timeUnixNano"), .time, 2), (Field(number: 2, name: "name"), .text, 2),
    (Field(number: 3, name: "attributes"), .attribute, 3),
  ]
  private static let linkFields: [(Field, Kind, weight: Int)] = [
    (Field(number: 1, name: "traceId"), .traceId, 2), (Field(number: 2, name: "spanId"), .spanId, 2),
    (Field(number: 4, name: "attributes"), .attribute, 1),
  ]

  /// A writer of records that have the same fields each, but for some that come and go.
  private static func records(
    _ fields: [(Field, Kind, weight: Int)], most: Int, _ random: inout SeededRandom
  ) -> Making<Record> {
    let choices = fields.flatMap { Array(repeating: ($0.0, $0.1), count: $0.weight) }
    var writers: [(field: Field, share: Double, write: Making<[Value]>)] = []
    for _ in 0..<random.below(most + 1) {
      var (field, kind) = choices[random.below(choices.count)]
      if random.chance(0.06) { kind = [.traceId, .spanId, .time, .number, .text, .small][random.below(6)] }
      writers.append((field, random.chance(0.15) ? 0.7 : 1, write(kind, &random)))
    }
    return { [writers] random in
      var record: Record = []
      for (field, share, write) in writers where random.chance(share) {
        for value in write(&random) { record.append((field, value)) }
      }
      return record
    }
  }

  private static func write(_ kind: Kind, _ random: inout SeededRandom) -> Making<[Value]> {
    switch kind {
    case .traceId:
      let id = ids(16, &random)
      return { [id(&$0)] }
    case .spanId:
      let id = ids(8, &random)
      return { [id(&$0)] }
    case .text:
      let text = texts(&random)
      return { [.text(text(&$0))] }
    case .time, .number, .small:
      let number = numbers(&random)
      return {
        let value = number(&$0)
        return [
          kind == .time ? .fixed64(value) : kind == .number ? .number(value) : .fixed32(UInt32(value & 0xFFFF_FFFF))
        ]
      }
    case .attribute:
      let attribute = attributes(&random)
      return { [attribute(&$0)] }
    case .event, .link:
      let child = records(kind == .event ? eventFields : linkFields, most: 5, &random)
      let most = [1, 1, 2, 4][random.below(4)]
      return { random in (0..<random.below(most + 1)).map { _ in .record(child(&random)) } }
    }
  }

  // MARK: How

  private static func varint(_ value: UInt64) -> [UInt8] {
    value < 128 ? [UInt8(value)] : [UInt8(value & 127 | 128)] + varint(value >> 7)
  }

  private static func littleEndian<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    (0..<T.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> T(8 * $0)) }
  }

  private static func message(_ field: UInt64, _ content: [UInt8]) -> [UInt8] {
    varint(field << 3 | 2) + varint(UInt64(content.count)) + content
  }

  private static func protobuf(_ record: Record) -> [UInt8] {
    record.flatMap { field, value in
      switch value {
      case .bytes(let bytes): message(field.number, bytes)
      case .text(let text): message(field.number, Array(text.utf8))
      case .fixed64(let value): varint(field.number << 3 | 1) + littleEndian(value)
      case .fixed32(let value): varint(field.number << 3 | 5) + littleEndian(value)
      case .number(let value): varint(field.number << 3) + varint(value)
      case .record(let record): message(field.number, protobuf(record))
      }
    }
  }

  /// Each value is a member of its own: repeated ones repeat the name.
  private static func json(_ record: Record) -> String {
    let members = record.map { field, value in
      let text =
        switch value {
        case .bytes(let bytes):
          "\"" + bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() + "\""
        case .text(let text): "\"\(text)\""
        case .fixed64(let value): field.name == "doubleValue" ? "\(Double(bitPattern: value))" : "\"\(value)\""
        case .fixed32(let value): "\(value)"
        case .number(let value): field.name == "intValue" ? "\"\(value)\"" : "\(value)"
        case .record(let record): ["key", "value"].contains(field.name) ? json(record) : "[\(json(record))]"
        }
      return "\"\(field.name)\":\(text)"
    }
    return "{" + members.joined(separator: ",") + "}"
  }

  private static func capture(isJSON: Bool, _ random: inout SeededRandom) -> [UInt8] {
    let writers = (0..<1 + random.below(3)).map { _ in records(spanFields, most: [3, 8, 20][random.below(3)], &random) }
    var capture: [UInt8] = []
    for _ in 0..<[1, 1, 3, 8][random.below(4)] {
      let spans = (0..<[1, 5, 40, 150][random.below(4)]).map { _ in writers[random.below(writers.count)](&random) }
      if isJSON {
        let list = spans.map(json).joined(separator: ",")
        capture += Array(#"{"resourceSpans":[{"scopeSpans":[{"spans":[\#(list)]}]}]}"#.utf8) + [0x0A]
      } else {
        capture += message(1, message(2, spans.flatMap { message(2, protobuf($0)) }))
      }
    }
    return capture
  }

  private static let rounds = Int(ProcessInfo.processInfo.environment["TRACEZIP_FUZZ"] ?? "") ?? 300

  @Test(arguments: [false, true])
  func `Records of any shape come back`(isJSON: Bool) throws {
    for seed in 0..<UInt64(Self.rounds) {
      var random = SeededRandom(seed: seed)
      let capture = Self.capture(isJSON: isJSON, &random)
      var config = TracezipConfig()
      config.threads = 1 + random.below(2)
      if random.chance(0.3) { config.blockSize = 64 << 10 }
      if random.chance(0.1) { config.effort = .fast }
      if random.chance(0.1) { config.delta = false }
      let archive = try TraceCompressor.compress(capture, config: config)
      let restored = try? TraceDecompressor.decompress(archive)
      #expect(restored == capture, "seed \(seed), \(isJSON ? "JSON" : "protobuf")")
    }
  }
}
