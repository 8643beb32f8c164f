import Bytes
import OTLP

/// A protobuf writer that is independent of the library: tag, length, value, nothing clever.
struct Wire {
  var bytes: [UInt8] = []

  static func varint(_ value: UInt64) -> [UInt8] {
    var v = value
    var out: [UInt8] = []
    while v >= 128 {
      out.append(UInt8(v & 127) | 128)
      v >>= 7
    }
    return out + [UInt8(v)]
  }

  func number(_ field: UInt64, _ value: UInt64) -> Wire {
    Wire(bytes: bytes + Self.varint(field << 3) + Self.varint(value))
  }

  func fixed64(_ field: UInt64, _ value: UInt64) -> Wire {
    Wire(bytes: bytes + Self.varint(field << 3 | 1) + (0..<8).map { UInt8(value >> UInt64(8 * $0) & 255) })
  }

  func bytes(_ field: UInt64, _ value: [UInt8]) -> Wire {
    Wire(bytes: bytes + Self.varint(field << 3 | 2) + Self.varint(UInt64(value.count)) + value)
  }

  func text(_ field: UInt64, _ value: String) -> Wire { bytes(field, Array(value.utf8)) }
  func message(_ field: UInt64, _ value: Wire) -> Wire { bytes(field, value.bytes) }
}

/// Messages of each signal, in protobuf and in JSON.
enum Samples {
  static let resource = Wire().message(1, Wire().text(1, "service.name").message(2, Wire().text(1, "shop")))

  static func span(_ n: Int) -> Wire {
    Wire().bytes(1, (0..<16).map { UInt8(truncatingIfNeeded: $0 + n) }).bytes(
      2, (0..<8).map { UInt8(truncatingIfNeeded: $0 * 7 + n) }
    )
    .bytes(4, []).text(5, "GET /cart/\(n)").number(6, 2).fixed64(7, 1_700_000_000_000_000_000 + UInt64(n))
    .fixed64(8, 1_700_000_000_000_900_000).message(15, Wire())
  }

  static func traces(_ n: Int, spans: Int = 2) -> [UInt8] {
    var scope = Wire().message(1, Wire().text(1, "scope"))
    for i in 0..<spans { scope = scope.message(2, span(n &+ i)) }
    return Wire().message(1, Wire().message(1, resource).message(2, scope)).bytes
  }

  static func logs(_ n: Int) -> [UInt8] {
    let record = Wire().fixed64(1, UInt64(n)).number(2, 9).text(3, "INFO").message(5, Wire().text(1, "a line"))
    return Wire().message(1, Wire().message(1, resource).message(2, Wire().message(2, record))).bytes
  }

  static func metrics(_ n: Int) -> [UInt8] {
    let gauge = Wire().message(1, Wire().fixed64(3, UInt64(n)).fixed64(6, 5))
    let metric = Wire().text(1, "exactly16letters").text(2, "8 letters").text(3, "1").message(5, gauge)
    return Wire().message(1, Wire().message(1, resource).message(2, Wire().message(2, metric))).bytes
  }

  static let jsonLine =
    #"{"resourceSpans":[{"resource":{"attributes":[]},"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"a \"b\" {[","startTimeUnixNano":"1544712660000000000"}]}]}]}"#

  static func lengthPrefixed(_ messages: [[UInt8]]) -> [UInt8] {
    messages.flatMap { m in (0..<4).map { UInt8(m.count >> (24 - 8 * $0) & 255) } + m }
  }

  static func varintDelimited(_ messages: [[UInt8]]) -> [UInt8] {
    messages.flatMap { Wire.varint(UInt64($0.count)) + $0 }
  }
}

/// A deterministic generator (Sebastiano Vigna's SplitMix64).
struct Dice: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}

func recognise(_ bytes: [UInt8], isEnd: Bool = true) -> Recognition {
  bytes.withView { Recognition.recognise($0, isEnd: isEnd) }
}

func recognise(_ text: String) -> Recognition { recognise(Array(text.utf8)) }

/// Walks a file with a window that grows by `step` bytes, and checks that what comes out is the file without gaps.
func walk(_ bytes: [UInt8], _ framing: Framing, step: Int = .max) -> (frames: [[UInt8]], verbatim: Int, whole: Bool) {
  var cursor = FrameCursor(framing)
  var window: [UInt8] = []
  var read = 0
  var frames: [[UInt8]] = []
  var verbatim = 0
  var given = 0
  var whole = true
  while true {
    let at = cursor.position
    switch window.withView({ cursor.next(in: $0, isEnd: read == bytes.count) }) {
    case .frame(let frame):
      whole = whole && frame.start == at && frame.end == cursor.position
      given += frame.end - frame.start
      frames.append(Array(window[frame.payload]))
    case .verbatim(let range):
      whole = whole && range.lowerBound == at && range.upperBound == cursor.position
      verbatim += range.count
      given += range.count
    case .more:
      whole = whole && read < bytes.count
      if !whole { return (frames, verbatim, false) }
      let dropped = cursor.position
      window.removeFirst(dropped)
      cursor.rebase(by: dropped)
      let n = min(step, bytes.count - read)
      window += bytes[read..<read + n]
      read += n
    case .end: return (frames, verbatim, whole && given == bytes.count)
    }
  }
}
