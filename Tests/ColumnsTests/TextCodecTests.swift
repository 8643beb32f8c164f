import Bytes
import Columns
import Testing

/// SplitMix64 (Steele et al. 2014): small, seeded, the same everywhere.
struct TextRandom {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
  mutating func below(_ n: Int) -> Int { Int(next() % UInt64(n)) }
  mutating func text(_ alphabet: [UInt8], _ count: Int) -> [UInt8] {
    (0..<count).map { _ in alphabet[below(alphabet.count)] }
  }
  mutating func pick(_ list: [[UInt8]]) -> [UInt8] { list[below(list.count)] }
}

let lowerHexDigits = Array("0123456789abcdef".utf8)
let decimalDigits = Array("0123456789".utf8)
let base64URL = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_".utf8)
let base62 = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

extension TextRandom {
  mutating func uuid() -> [UInt8] {
    var s = text(lowerHexDigits, 36)
    for k in [8, 13, 18, 23] { s[k] = 0x2D }
    return s
  }

  /// A double as telemetry has them, or an odd one.
  mutating func double() -> Double {
    switch below(9) {
    case 0: return Double(bitPattern: next())
    case 1:
      return [-0.0, 0, .infinity, -.infinity, .nan, .leastNonzeroMagnitude, 1e300, -1e22, 9_007_199_254_740_992][
        below(9)]
    case 2: return Double(below(1_000_000)) / 1000
    default: return Double(below(10_000)) / 10_000
    }
  }

  /// An `AnyValue` that is an array: of scalars, or with something that is not, or in no shortest form.
  mutating func arrayValue() -> [UInt8] {
    var body: [UInt8] = []
    let kind = below(6)
    let odd = below(8) == 0
    for _ in 0..<below(12) {
      var element: [UInt8]
      switch kind < 5 ? kind : below(5) {
      case 0: element = [0x21] + fixed64(double())
      case 1: element = [0x18] + varint(below(3) == 0 ? next() : UInt64(below(1500)))
      case 2: element = [0x10, UInt8(below(odd ? 3 : 2))]
      case 3:
        let id = uuid()
        element = [0x0A] + varint(UInt64(id.count)) + id
      default:
        let word = text(base62, below(odd ? 300 : 9))
        element = [0x0A] + varint(UInt64(word.count)) + word
      }
      if odd, below(4) == 0 { element += [0] }
      body += [0x0A] + varint(UInt64(element.count)) + element
    }
    if odd, below(3) == 0 { return [0x2A, UInt8(body.count & 0x7F) | 0x80, UInt8(body.count >> 7 & 0x7F)] + body }
    return [0x2A] + varint(UInt64(body.count)) + body
  }

  /// The same as JSON spells it, or as it may not be spelled.
  mutating func jsonArray() -> [UInt8] {
    let odd = below(5) == 0
    let gap = below(3) == 0 ? " " : ""
    let snake = below(3) == 0
    let pointed = below(2) == 0
    let quote = below(2) == 0 ? "\"" : ""
    let kind = below(6)
    var elements: [String] = []
    for _ in 0..<below(12) {
      let name: String
      let value: String
      switch kind < 5 ? kind : below(5) {
      case 0:
        name = "double"
        let number = double()
        let whole = number.rounded() == number && number.magnitude < 1e15
        value = odd ? "\(number)0" : whole ? "\(Int(number))\(pointed ? ".0" : "")" : "\(number)"
      case 1:
        name = "int"
        value = quote + "\(Int64(bitPattern: below(3) == 0 ? next() : UInt64(below(1500))))" + quote
      case 2:
        name = "bool"
        value = below(2) == 0 ? "true" : odd ? "null" : "false"
      case 3:
        name = "string"
        value = "\"" + String(decoding: uuid(), as: UTF8.self) + "\""
      default:
        name = odd && below(9) == 0 ? "array" : "string"
        let word = ["a", "b\\\"c", "\\\\", "", "}]}", "x y", "\u{1F600}", "\\"][below(odd ? 8 : 7)]
        value = "\"" + word + "\""
      }
      elements.append("{\"\(name)\(snake ? "_value" : "Value")\":\(gap)\(value)}\(odd && below(6) == 0 ? " " : "")")
    }
    let text = "{\"values\":\(gap)[" + elements.joined(separator: ",\(gap)") + "]}"
    return Array((odd && below(4) == 0 ? text.replacing("]", with: "],") : text).utf8)
  }

  /// Base64 with padding; at times with a bit too many.
  mutating func base64(_ content: [UInt8]) -> [UInt8] {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    for at in stride(from: 0, to: content.count, by: 3) {
      let group = (0..<3).reduce(0) { $0 << 8 | (at + $1 < content.count ? Int(content[at + $1]) : 0) }
      for k in 0..<4 { text.append(digits[group >> (18 - 6 * k) & 63]) }
    }
    for k in 0..<((3 - content.count % 3) % 3) { text[text.count - 1 - k] = 0x3D }
    if text.count > 2, below(8) == 0 { text[text.count - 1 - below(3)] = digits[below(64)] }
    return text
  }

  func fixed64(_ value: Double) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * UInt64($0))) }
  }

  func varint(_ value: UInt64) -> [UInt8] {
    var out: [UInt8] = []
    var rest = value
    while rest >= 0x80 {
      out.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    return out + [UInt8(rest)]
  }

  /// A string of one of the layouts, or one that just misses it.
  mutating func string(_ earlier: [[UInt8]]) -> [UInt8] {
    switch below(31) {
    case 28: return jsonArray()
    case 29: return base64(Array("INSERT INTO orders VALUES (\(below(900)), 'so\u{308}')".utf8.prefix(8 + below(40))))
    case 30: return base64((0..<below(60)).map { _ in UInt8(truncatingIfNeeded: next()) })
    case 22, 23: return arrayValue()
    case 24:
      let content = string(earlier)
      return [0x3A] + varint(UInt64(content.count)) + content
    case 25: return Array("/session/".utf8) + text(base64URL, 18 + below(60))
    case 26: return Array("ids=\(below(90))%2C\(below(1500))%2c%2Cb%2".utf8)
    case 0: return uuid()
    case 1: return uuid().map { $0 >= 0x61 ? $0 - 0x20 : $0 }
    case 2:
      var s = uuid()
      s[below(36)] = UInt8(ascii: "A") + UInt8(below(8))
      return s
    case 3: return Array(uuid().prefix(below(37)))
    case 4: return text(lowerHexDigits, below(140))
    case 5: return text(decimalDigits, below(45))
    case 6: return Array("0000".utf8.prefix(below(5))) + Array(String(below(1_000_000)).utf8)
    case 7: return Array("999999999999999999".utf8.prefix(1 + below(18))) + text(decimalDigits, below(3))
    case 8: return Array("\(below(300)).\(below(256)).0\(below(99)).\(below(256)):\(below(70000))".utf8)
    case 9: return Array("2026-0\(below(9))-1\(below(10))T16:39:0\(below(10)).\(below(1_000_000))+01:00".utf8)
    case 10: return text(base62, below(150))
    case 11: return (0..<below(200)).map { _ in UInt8(truncatingIfNeeded: next()) }
    case 12: return []
    case 13: return Array("http://shop:8080/cart?session=".utf8) + uuid() + Array("&page=\(below(9))".utf8)
    case 14: return text(Array("-./:{}\" \\\n".utf8), below(60))
    case 15: return [UInt8](repeating: UInt8(below(256)), count: below(3000))
    case 16 where below(2) == 0: return Array("日本語の文字列、\(below(50))番目。中文".utf8)
    case 16: return Array("größe=\(below(50)) 日本語 ".utf8) + text(base62, below(9))
    case 17: return [0, 1, 2, 0, 1].prefix(below(6)) + uuid() + [1]
    case 18 where !earlier.isEmpty:
      var s = pick(earlier)
      if !s.isEmpty { s[below(s.count)] = UInt8(truncatingIfNeeded: next()) }
      return s
    case 19 where !earlier.isEmpty: return Array((pick(earlier) + pick(earlier)).prefix(1500))
    case 20 where !earlier.isEmpty:
      let s = pick(earlier)
      return Array(s.prefix(below(s.count + 1)))
    default: return Array("the quick \(below(10)) brown fox jumps over the lazy \(below(100))".utf8)
    }
  }
}

func makeInput(_ strings: [(Int, [UInt8])]) -> TextInput {
  var input = TextInput()
  for (column, s) in strings { s.withView { input.append($0, column: column) } }
  return input
}

let textOptions: [TextOptions] = [
  TextOptions(level: 3, effort: .standard), TextOptions(level: 1, effort: .fast),
  TextOptions(level: 12, effort: .best), TextOptions(level: 3, backend: .zstd),
  TextOptions(level: 1, backend: .lz4), TextOptions(level: 1, backend: BackendKind.none),
]

@Suite struct TextCodecTests {
  static let seed: UInt64 = 0x7E87_2026

  @Test("Every string of an archive comes back as it was, whatever it looks like", arguments: textOptions)
  func roundTrip(options: TextOptions) throws {
    print("seed", Self.seed)
    var random = TextRandom(state: Self.seed)
    for round in 8..<12 {
      let columns = 1 + random.below(6)
      var writer = TextState()
      var reader = TextState()
      var earlier: [[UInt8]] = []
      for _ in 0..<4 {
        var strings: [(Int, [UInt8])] = []
        for _ in 0..<random.below(round == 11 ? 1500 : 150) {
          let s = random.string(earlier)
          earlier.append(s)
          strings.append((random.below(columns), s))
        }
        let input = makeInput(strings)
        var packed = Buffer<UInt8>()
        let report = TextCodec.encode(input, columns: columns, options: options, state: &writer, into: &packed)
        #expect(report.bytes.reduce(0, +) <= packed.count)
        let output = try TextCodec.decode(
          packed.view, count: strings.count, columns: columns, maximumBytes: input.arena.count, state: &reader)
        #expect(output.items.count == strings.count)
        for k in 0..<min(strings.count, output.items.count) {
          #expect(output.items[k].column == strings[k].0)
          #expect(output[k].array == strings[k].1)
        }
      }
    }
  }

  @Test("The same text gives the same archive, whatever memory it is packed from")
  func deterministic() {
    var random = TextRandom(state: Self.seed)
    var strings: [(Int, [UInt8])] = []
    for _ in 0..<800 { strings.append((random.below(4), random.string(strings.map(\.1)))) }
    for options in textOptions {
      var first = Buffer<UInt8>()
      var second = Buffer<UInt8>()
      var a = TextState()
      var b = TextState()
      _ = TextCodec.encode(makeInput(strings), columns: 4, options: options, state: &a, into: &first)
      _ = TextCodec.encode(makeInput(strings), columns: 4, options: options, state: &b, into: &second)
      #expect(first.array == second.array)
    }
  }

  @Test("A damaged archive is an error or other text, never a crash or a flood", arguments: textOptions)
  func damage(options: TextOptions) {
    print("seed", Self.seed)
    var random = TextRandom(state: Self.seed &+ 1)
    var strings: [(Int, [UInt8])] = []
    for _ in 0..<120 { strings.append((random.below(3), random.string(strings.map(\.1)))) }
    let input = makeInput(strings)
    var packed = Buffer<UInt8>()
    var state = TextState()
    _ = TextCodec.encode(input, columns: 3, options: options, state: &state, into: &packed)
    let whole = packed.array
    let maximum = input.arena.count
    func attempt(_ bytes: [UInt8]) {
      bytes.withView { view in
        var reader = TextState()
        do {
          let output = try TextCodec.decode(
            view, count: strings.count, columns: 3, maximumBytes: maximum, state: &reader)
          #expect(output.arena.count <= maximum)
          #expect(output.items.count == strings.count)
        } catch {}
      }
    }
    for cut in stride(from: 0, to: whole.count, by: max(1, whole.count / 100)) { attempt(Array(whole.prefix(cut))) }
    for _ in 0..<150 {
      var bad = whole
      for _ in 0...random.below(3) { bad[random.below(bad.count)] ^= UInt8(1 << random.below(8)) }
      attempt(bad)
    }
    for layout in 0..<6 {
      for _ in 0..<20 {
        attempt([UInt8(layout)] + (0..<random.below(400)).map { _ in UInt8(truncatingIfNeeded: random.next()) })
      }
    }
  }

  @Test("Damage behind intact blocks, where much can be referred to, never crashes a reader either")
  func laterDamage() {
    var random = TextRandom(state: Self.seed &+ 2)
    var earlier: [[UInt8]] = []
    var blocks: [[(Int, [UInt8])]] = []
    for _ in 0..<2 {
      var strings: [(Int, [UInt8])] = []
      for _ in 0..<150 {
        earlier.append(random.string(earlier))
        strings.append((random.below(3), earlier[earlier.count - 1]))
      }
      blocks.append(strings)
    }
    for more in [true, false] {
      let options = TextOptions(isOfLargeCapture: more)
      var writer = TextState()
      var first = Buffer<UInt8>()
      var second = Buffer<UInt8>()
      _ = TextCodec.encode(makeInput(blocks[0]), columns: 3, options: options, state: &writer, into: &first)
      _ = TextCodec.encode(makeInput(blocks[1]), columns: 3, options: options, state: &writer, into: &second)
      let maximum = makeInput(blocks[1]).arena.count
      for _ in 0..<200 {
        var bad = second.array
        for _ in 0...random.below(3) { bad[random.below(bad.count)] ^= UInt8(1 << random.below(8)) }
        var reader = TextState()
        do {
          _ = try TextCodec.decode(
            first.view, count: blocks[0].count, columns: 3, maximumBytes: 1 << 20, state: &reader)
          try bad.withView { view in
            let output = try TextCodec.decode(
              view, count: blocks[1].count, columns: 3, maximumBytes: maximum, state: &reader)
            #expect(output.arena.count <= maximum)
          }
        } catch {}
      }
    }
  }

  @Test("A stream cannot give more text than the archive declared")
  func limit() {
    let strings = (0..<50).map { (0, Array("value number \($0 * $0)".utf8)) }
    let input = makeInput(strings)
    for options in textOptions {
      var packed = Buffer<UInt8>()
      var state = TextState()
      _ = TextCodec.encode(input, columns: 1, options: options, state: &state, into: &packed)
      #expect(throws: TextError.self) {
        var reader = TextState()
        _ = try TextCodec.decode(
          packed.view, count: strings.count, columns: 1, maximumBytes: input.arena.count - 1, state: &reader)
      }
    }
  }

  @Test("UUIDs cost their sixteen bytes and no more, and a column that repeats another nearly nothing")
  func sharedIdentifiers() {
    var random = TextRandom(state: 7)
    var strings: [(Int, [UInt8])] = []
    for _ in 0..<2000 {
      let id = random.uuid()
      strings.append((0, id))
      strings.append((1, Array("/cart/".utf8) + id + Array("/items".utf8)))
    }
    var packed = Buffer<UInt8>()
    var state = TextState()
    _ = TextCodec.encode(makeInput(strings), columns: 2, options: TextOptions(), state: &state, into: &packed)
    #expect(packed.count < 2000 * 17)
  }

  @Test("Scores in an array cost what their digits do, sorted ids what their gaps do")
  func arrays() {
    var random = TextRandom(state: 5)
    var strings: [(Int, [UInt8])] = []
    for _ in 0..<2000 {
      var scores: [UInt8] = []
      var ids: [UInt8] = []
      var id = 0
      for _ in 0..<6 {
        let score = Double(random.below(10_000)) / 10_000
        scores += [0x0A, 9, 0x21] + random.fixed64(score)
        id += 1 + random.below(256)
        let number = [0x18] + random.varint(UInt64(id))
        ids += [0x0A, UInt8(number.count)] + number
      }
      strings.append((0, [0x2A, UInt8(scores.count)] + scores))
      strings.append((1, [0x2A, UInt8(ids.count)] + ids))
    }
    var packed = Buffer<UInt8>()
    var state = TextState()
    _ = TextCodec.encode(makeInput(strings), columns: 2, options: TextOptions(), state: &state, into: &packed)
    // log2(10000) is 13.3 bits, log2(256) is 8.
    #expect(packed.count < 2000 * 6 * (14 + 9) / 8)
  }

  @Test("Arrays cost as little in JSON as in protobuf")
  func jsonArrays() {
    var random = TextRandom(state: 7)
    var strings: [(Int, [UInt8])] = []
    for _ in 0..<2000 {
      let scores = (0..<6).map { _ in "{\"doubleValue\":\(Double(random.below(10_000)) / 10_000)}" }
      var id = 0
      let ids = (0..<6).map { _ in
        id += 1 + random.below(256)
        return "{\"intValue\":\"\(id)\"}"
      }
      strings.append((0, Array("{\"values\":[\(scores.joined(separator: ","))]}".utf8)))
      strings.append((1, Array("{\"values\":[\(ids.joined(separator: ","))]}".utf8)))
    }
    var packed = Buffer<UInt8>()
    var state = TextState()
    _ = TextCodec.encode(makeInput(strings), columns: 2, options: TextOptions(), state: &state, into: &packed)
    #expect(packed.count < 2000 * 6 * (14 + 9) / 8)
  }

  @Test("Statements that JSON holds as base64 cost what their words do")
  func base64Text() {
    var random = TextRandom(state: 8)
    let strings = (0..<2000).map { k in
      (0, random.base64(Array("INSERT INTO order_items (order_id, sku) VALUES ('\(k)', 'sku-\(k % 7)')".utf8)))
    }
    var packed = Buffer<UInt8>()
    var state = TextState()
    _ = TextCodec.encode(makeInput(strings), columns: 1, options: TextOptions(), state: &state, into: &packed)
    #expect(packed.count < 2000 * 4)
  }

  @Test("Session ids in base64 for URLs cost six bits a character")
  func sessions() {
    var random = TextRandom(state: 6)
    let strings = (0..<3000).map { _ in (0, Array("/session/".utf8) + random.text(base64URL, 32)) }
    var packed = Buffer<UInt8>()
    var state = TextState()
    _ = TextCodec.encode(makeInput(strings), columns: 1, options: TextOptions(), state: &state, into: &packed)
    #expect(packed.count < 3000 * (24 + 2))
  }

  @Test("Bytes that are no text at all cost next to nothing more than themselves")
  func noGrowth() {
    var random = TextRandom(state: 11)
    for length in [1, 40, 3000, 200_000] {
      for effort in [TextOptions.Effort.fast, .standard, .best] {
        var state = TextState()
        var packed = Buffer<UInt8>()
        let noise = (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        _ = TextCodec.encode(
          makeInput([(0, noise)]), columns: 1, options: TextOptions(effort: effort), state: &state, into: &packed)
        #expect(packed.count <= length + 12)
      }
    }
  }

  @Test("Blocks of text and noise by turns come back: both sides forget and learn alike")
  func changingLayouts() throws {
    var random = TextRandom(state: 13)
    for effort in [TextOptions.Effort.standard, .best] {
      var writer = TextState()
      var reader = TextState()
      var layouts: Set<UInt8> = []
      for block in 0..<9 {
        let strings: [(Int, [UInt8])] = (0..<40).map { k in
          block % 3 == 1
            ? (0, (0..<400).map { _ in UInt8(truncatingIfNeeded: random.next()) })
            : (
              0,
              Array("block \(block) of text, string number \(k)".utf8) + (block > 5 ? random.text([65, 66], 9000) : [])
            )
        }
        let input = makeInput(strings)
        var packed = Buffer<UInt8>()
        layouts.insert(
          TextCodec.encode(input, columns: 1, options: TextOptions(effort: effort), state: &writer, into: &packed)
            .layout.rawValue)
        let output = try TextCodec.decode(
          packed.view, count: strings.count, columns: 1, maximumBytes: input.arena.count, state: &reader)
        #expect(output.arena.view == input.arena.view)
      }
      #expect(layouts.count == (effort == .best ? 2 : 3))
    }
  }

  @Test("A prompt that travels through the spans of an agent is stored once")
  func travellingPrompts() throws {
    var random = TextRandom(state: 17)
    let words = (0..<900).map { _ in random.text(Array("abcdefghijklmnopqrstuvwxyz".utf8), 2 + random.below(9)) }
    var strings: [(Int, [UInt8])] = []
    var conversation: [UInt8] = Array("{\"role\": \"system\", \"content\": \"".utf8)
    for turn in 0..<60 {
      for _ in 0..<400 { conversation += random.pick(words) + [0x20] }
      strings.append((turn % 3, Array("{\"turn\": \(turn), \"messages\": ".utf8) + conversation))
      strings.append((3, Array(conversation.suffix(2000))))
    }
    let input = makeInput(strings)
    for effort in [TextOptions.Effort.standard, .best] {
      var writer = TextState()
      var reader = TextState()
      var packed = Buffer<UInt8>()
      _ = TextCodec.encode(input, columns: 4, options: TextOptions(effort: effort), state: &writer, into: &packed)
      #expect(packed.count < conversation.count / 3)
      let output = try TextCodec.decode(
        packed.view, count: strings.count, columns: 4, maximumBytes: input.arena.count, state: &reader)
      #expect(output.arena.view == input.arena.view)
    }
  }

  @Test("Small blocks of a segment cost little more than one large block")
  func smallBlocks() {
    var random = TextRandom(state: 9)
    let strings = (0..<600).map { k in
      (k % 2, Array("GET http://inventory:8080/api/v1/products/\(random.below(100_000))?page=\(k)".utf8))
    }
    var state = TextState()
    var large = Buffer<UInt8>()
    _ = TextCodec.encode(makeInput(strings), columns: 2, options: TextOptions(), state: &state, into: &large)
    var carried = TextState()
    var small = Buffer<UInt8>()
    for start in stride(from: 0, to: 600, by: 20) {
      let block = makeInput(Array(strings[start..<(start + 20)]))
      _ = TextCodec.encode(block, columns: 2, options: TextOptions(), state: &carried, into: &small)
    }
    #expect(small.count < large.count + 30 * 12)
  }
}

@Suite struct BackendTests {
  @Test("Packed runs come back, also against text that both sides have", arguments: BackendKind.allCases)
  func roundTrip(kind: BackendKind) throws {
    var random = TextRandom(state: 3)
    var backend = Backend()
    let prefix = random.text(base62, 5000)
    for length in [0, 1, 7, 100, 5000, 300_000] {
      let bytes = Array(prefix.prefix(length)) + random.text(Array("ab".utf8), max(0, length - 5000))
      for usePrefix in [false, true] {
        var packed = Buffer<UInt8>()
        var back = Buffer<UInt8>()
        try prefix.withView { before in
          let against = usePrefix ? before : ByteView.empty
          bytes.withView {
            backend.pack($0, BackendSettings(kind: kind, level: 5), prefix: against, into: &packed)
          }
          try backend.unpack(packed.view, limit: bytes.count, prefix: against, into: &back)
        }
        #expect(back.array == bytes)
        #expect(packed.count <= bytes.count + 1)
        if usePrefix, kind == .zstd, length == 5000 { #expect(packed.count < 60) }
      }
    }
  }

  @Test("A declared size that the payload has not earned is refused before memory is spent on it")
  func unearned() {
    var backend = Backend()
    for kind in [BackendKind.lz4, .zstd] {
      var packed = Buffer<UInt8>()
      packed.append(kind.rawValue)
      packed.append(varint: 1 << 30)
      packed.append([0, 1, 2, 3, 4, 5])
      #expect(throws: BackendError.self) {
        var out = Buffer<UInt8>()
        try backend.unpack(packed.view, limit: 1 << 31, into: &out)
      }
    }
  }
}
