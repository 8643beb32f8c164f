import Testing
import Tracezip
import Workload

/// A writer may set a span's trace id twice; the last one counts. Where one half of the other is the same in all spans
/// (64-bit ids are, padded), whoever archives such a capture must get both halves back.
@Suite struct RepeatedIdTests {
  enum Half: CaseIterable { case first, second }

  private static func hex(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  private static func bytes(_ value: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(56 - 8 * $0)) }
  }

  private static func message(_ field: UInt8, _ content: [UInt8]) -> [UInt8] {
    let length = content.count
    precondition(length < 1 << 21)
    let count =
      length < 128
      ? [UInt8(length)]
      : length < 1 << 14
        ? [UInt8(length & 127 | 128), UInt8(length >> 7)]
        : [UInt8(length & 127 | 128), UInt8(length >> 7 & 127 | 128), UInt8(length >> 14)]
    return [field << 3 | 2] + count + content
  }

  /// A record's ids: a trace id that varies, one of which one half does, and the id of a span.
  private static func ids(_ varying: Half, json: Bool, _ random: inout SeededRandom) -> [UInt8] {
    let halves = varying == .first ? (random.next(), 7) : (7, random.next())
    let (high, low, id) = (random.next(), random.next(), random.next())
    if !json {
      return message(1, bytes(high) + bytes(low)) + message(1, bytes(halves.0) + bytes(halves.1))
        + message(2, bytes(id))
    }
    return Array(
      #""traceId":"\#(hex(high))\#(hex(low))","traceId":"\#(hex(halves.0))\#(hex(halves.1))","spanId":"\#(hex(id))""#
        .utf8)
  }

  private static func capture(_ varying: Half, inLinks: Bool, json: Bool, seed: UInt64) -> [UInt8] {
    var random = SeededRandom(seed: seed)
    var spans: [[UInt8]] = []
    for _ in 0..<300 {
      let ids = ids(varying, json: json, &random)
      if json {
        let link =
          inLinks ? Array(#","links":[{"#.utf8) + Self.ids(varying, json: true, &random) + Array("}]".utf8) : []
        spans.append(Array("{".utf8) + ids + Array(#","name":"a""#.utf8) + link + Array("}".utf8))
      } else {
        let link = inLinks ? message(13, Self.ids(varying, json: false, &random)) : []
        spans.append(message(2, ids + message(5, Array("a".utf8)) + link))
      }
    }
    if !json { return message(1, message(2, spans.flatMap { $0 })) }
    return Array(#"{"resourceSpans":[{"scopeSpans":[{"spans":["#.utf8) + Array(spans.joined(separator: [0x2C]))
      + Array(#"]}]}]}"#.utf8) + [0x0A]
  }

  @Test(arguments: Half.allCases, [false, true])
  func `A second trace id comes back, though half of it is the same in all spans`(_ varying: Half, json: Bool) throws {
    let seed: UInt64 = 17
    for inLinks in [false, true] {
      let capture = Self.capture(varying, inLinks: inLinks, json: json, seed: seed)
      let archive = try TraceCompressor.compress(capture)
      #expect(throws: Never.self, "seed \(seed), \(inLinks ? "links too" : "spans only")") {
        let restored = try TraceDecompressor.decompress(archive)
        #expect(restored == capture)
      }
    }
  }
}
