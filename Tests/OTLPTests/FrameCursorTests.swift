import Bytes
import OTLP
import Testing

@Suite("Every byte of a file is in exactly one frame or verbatim run")
struct FrameCursorTests {
  let messages = (0..<6).map { Samples.traces($0 * 10) }

  @Test("a window of any size sees the same frames", arguments: [1, 2, 3, 7, 64, 1000, Int.max])
  func windows(step: Int) {
    let line = Array(Samples.jsonLine.utf8)
    let pretty = Array("{\n \"resourceSpans\" : [ ] , \"s\\\"}\":\"]\\\\\"\n}".utf8)
    let cases: [(Framing, [UInt8], [[UInt8]])] = [
      (.lengthPrefixed, Samples.lengthPrefixed(messages + [[]]), messages + [[]]),
      (.varintDelimited, Samples.varintDelimited(messages), messages), (.bare, messages.flatMap { $0 }, messages),
      (.newlineJoined, Array(messages.joined(separator: [0x0A])), messages),
      (.jsonLines, [0xEF, 0xBB, 0xBF] + line + [13, 10] + line + [10, 10] + line, [line, line, [], line]),
      (.jsonDocument, [0xEF, 0xBB, 0xBF, 32] + pretty + [10, 13, 10] + line + pretty + [32], [pretty, line, pretty]),
    ]
    for (framing, file, payloads) in cases {
      let parts = walk(file, framing, step: step)
      #expect(parts.whole && parts.verbatim == 0, "\(framing)")
      #expect(parts.frames == payloads, "\(framing)")
    }
  }

  @Test("what is cut off at the end is kept verbatim", arguments: [1, 5, 50])
  func cutOff(missing: Int) {
    for (framing, file) in [
      (Framing.lengthPrefixed, Samples.lengthPrefixed(messages)),
      (.varintDelimited, Samples.varintDelimited(messages)), (.bare, messages.flatMap { $0 }),
    ] {
      let parts = walk(Array(file.dropLast(missing)), framing, step: 33)
      #expect(parts.frames == Array(messages.dropLast()) && parts.whole && parts.verbatim > 0)
    }
    let document = Array(Samples.jsonLine.utf8)
    let parts = walk(document + [10] + document.dropLast(missing), .jsonDocument)
    #expect(parts.frames == [document] && parts.verbatim == document.count - missing)
  }

  @Test("text between documents does not swallow them")
  func junkBetweenDocuments() {
    let parts = walk(Array("{}\noops\n{\"a\":1}\n".utf8), .jsonDocument, step: 2)
    #expect(parts.frames == [Array("{}".utf8), Array("{\"a\":1}".utf8)] && parts.verbatim == 5 && parts.whole)
  }

  @Test("white space without end does not need a window without end")
  func blankRuns() {
    let blank = [UInt8](repeating: 32, count: 1000)
    let parts = walk(Array("{}".utf8) + blank + Array("{}".utf8) + blank, .jsonDocument, step: 10)
    #expect(parts.frames.count == 2 && parts.whole)
  }

  @Test("a prefix that declares gigabytes of nothing sensible is not waited for")
  func absurdLength() {
    let file: [UInt8] = [0xF0, 0, 0, 0] + [UInt8](repeating: 0xAB, count: 100)
    file.withView {
      var cursor = FrameCursor(.lengthPrefixed)
      #expect(cursor.next(in: $0, isEnd: false) == .verbatim(0..<104))
      #expect(cursor.next(in: $0, isEnd: false) == .more(nil))
    }
    let plausible: [UInt8] = [0xF0, 0, 0, 0, 0x0A, 0x80, 0x80, 0x80, 0x7F, 0x0A, 0x10]
    plausible.withView {
      var cursor = FrameCursor(.lengthPrefixed)
      #expect(cursor.next(in: $0, isEnd: false) == .more(Frame(prefixWidth: 4, payload: 4..<4 + 0xF000_0000)))
      #expect(cursor.next(in: $0, isEnd: true) == .verbatim(0..<plausible.count))
    }
  }

  @Test("groups and unknown fields are stepped over")
  func groups() {
    let bytes: [UInt8] = [0xE3, 0x03, 0x08, 0x05, 0x0B, 0x0C, 0x12, 0x01, 0x41, 0xE4, 0x03, 0x98, 0x06, 0x07]
    bytes.withView {
      var fields = ProtobufFields($0, from: 0, declaredEnd: $0.count)
      #expect(fields.next() == .field(ProtobufField(number: 60, wire: .groupStart, value: 2, end: 11)))
      #expect(fields.next() == .field(ProtobufField(number: 99, wire: .varint, value: 13, end: 14)))
      #expect(fields.next() == .end)
      var broken = ProtobufFields($0[0..<9], from: 0, declaredEnd: 9)
      #expect(broken.next() == .malformed)
      var cut = ProtobufFields($0[0..<9], from: 0, declaredEnd: 14)
      #expect(cut.next() == .cutOff)
    }
  }
}
