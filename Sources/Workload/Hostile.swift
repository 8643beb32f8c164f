/// Input that no exporter writes.
public enum Hostile {
  /// Random bytes; some runs of zeros, of 0xFF and of text among them.
  public static func bytes(count: Int, _ random: inout SeededRandom) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(count)
    while out.count < count {
      let run = min(count - out.count, 1 + random.below(200))
      switch random.below(6) {
      case 0: out.append(contentsOf: repeatElement(0, count: run))
      case 1: out.append(contentsOf: repeatElement(0xFF, count: run))
      case 2: for _ in 0..<run { out.append(UInt8(0x20 + random.below(95))) }
      // What tags of OTLP messages and small lengths look like.
      case 3: for _ in 0..<run { out.append([0x0A, 0x12, 0x1A, 0x22, 0x7A, 0x02, 0x10, 0x08, 0x80][random.below(9)]) }
      default: for _ in 0..<run { out.append(UInt8(truncatingIfNeeded: random.next())) }
      }
    }
    return out
  }

  /// A JSON value with OTLP's names in wrong places, odd numbers, escapes and blanks; `depth` bounds its nesting.
  public static func json(depth: Int, _ random: inout SeededRandom) -> [UInt8] {
    var out: [UInt8] = []
    write(depth, &out, &random)
    return out
  }

  private static let names = [
    "resourceSpans", "scopeSpans", "spans", "traceId", "spanId", "parentSpanId", "attributes", "key", "value",
    "stringValue", "intValue", "arrayValue", "values", "startTimeUnixNano", "events", "links", "status", "", "a",
    "\\u0061", "\\\"", "😀", "resource_spans", "name", "kind",
  ]
  private static let scalars = [
    "0", "-0", "1", "1e3", "1.50", "-12E-7", "18446744073709551615", "99999999999999999999999", "1e999", "true",
    "false", "null", "\"\"", "\"1750000000000000001\"", "\"0af7651916cd43dd8448eb211c80319c\"", "\"B7AD6B7169203331\"",
    "\"t61rcWkgMzE=\"", "\"\\ud800\"", "\"\\ud83d\\ude00\"", "\"a\\/b\"", "\"\u{7F}\"", "[]", "{}",
  ]

  private static func write(_ depth: Int, _ out: inout [UInt8], _ random: inout SeededRandom) {
    func blank() {
      while random.chance(0.1) { out.append([0x20, 0x09, 0x0A, 0x0D][random.below(4)]) }
    }
    blank()
    let shape = depth > 0 ? random.below(5) : 4
    switch shape {
    case 0, 1, 2:
      out.append(UInt8(ascii: "{"))
      for i in 0..<random.below(5) {
        if i > 0 { out.append(UInt8(ascii: ",")) }
        blank()
        out.append(contentsOf: Array("\"\(names[random.below(names.count)])\"".utf8))
        blank()
        out.append(UInt8(ascii: ":"))
        write(depth - 1, &out, &random)
      }
      blank()
      out.append(UInt8(ascii: "}"))
    case 3:
      out.append(UInt8(ascii: "["))
      for i in 0..<random.below(6) {
        if i > 0 { out.append(UInt8(ascii: ",")) }
        write(depth - 1, &out, &random)
      }
      out.append(UInt8(ascii: "]"))
    default: out.append(contentsOf: Array(scalars[random.below(scalars.count)].utf8))
    }
    blank()
  }

  /// `bytes` with up to four accidents: cut short, bits flipped, a piece moved, doubled, lost or made random.
  public static func mutate(_ bytes: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
    var out = bytes
    for _ in 0...random.below(4) where !out.isEmpty {
      let at = random.below(out.count)
      let end = min(out.count, at + 1 + random.below(random.chance(0.2) ? out.count : 40))
      switch random.below(7) {
      case 0: out.removeSubrange(at...)
      case 1, 2: out[at] ^= 1 << UInt8(random.below(8))
      case 3: out.insert(contentsOf: Array(out[at..<end]), at: random.below(out.count + 1))
      case 4: out.removeSubrange(at..<end)
      case 5: out[at] = UInt8(truncatingIfNeeded: random.next())
      default:
        let piece = Hostile.bytes(count: end - at, &random)
        out.replaceSubrange(at..<end, with: piece)
      }
    }
    return out
  }
}
