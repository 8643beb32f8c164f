import Bytes
import OTLP
import Testing

private func view<R>(_ text: String, _ body: (ByteView) -> R) -> R { Array(text.utf8).withView(body) }

private func text(_ write: (inout Buffer<UInt8>) -> Void) -> String {
  var out = Buffer<UInt8>()
  write(&out)
  return out.view.string
}

@Suite("A leaf is typed only if its text can be written again exactly")
struct LeafTests {
  @Test("integers of every width, and their odd spellings")
  func integers() {
    var dice = Dice(state: 1)
    var values: [UInt64] = [0, 1, 9, 10, .max, .max - 1, 1 << 63, 10_000_000_000_000_000_000]
    for bits in 0..<64 { values.append(dice.next() >> UInt64(bits)) }
    for value in values {
      #expect(text { $0.append(decimal: value) } == "\(value)")
      #expect(view("\(value)") { $0.canonicalUnsigned() } == value)
      let signed = Int64(bitPattern: value)
      #expect(text { $0.append(decimal: signed) } == "\(signed)")
      #expect(view("\(signed)") { $0.canonicalSigned() } == signed)
    }
    #expect(view("9223372036854775808") { $0.canonicalSigned() } == nil)
    #expect(view("-9223372036854775809") { $0.canonicalSigned() } == nil)
    for odd in [
      "", "-", "00", "01", "-0", "-01", "+1", "1.0", "1e3", " 1", "1 ", "0x1", "18446744073709551616",
      "99999999999999999999", "123456789012345678901", "12345678:", "1234567/", "/2345678", "1234\u{0}678",
    ] {
      #expect(view(odd) { $0.canonicalUnsigned() } == nil, "\(odd)")
      #expect(view(odd) { $0.canonicalSigned() } == nil, "\(odd)")
    }
  }

  @Test("hex ids in either case, never in both")
  func hex() {
    var dice = Dice(state: 2)
    for _ in 0..<200 {
      let value = dice.next()
      for letters in [HexLetters.lower, .upper] {
        let id = text { $0.append(hex: value, letters: letters) }
        let back = view(id) { $0.hex8(at: 0) }
        #expect(back?.value == value)
        #expect(text { $0.append(hex: back?.value ?? 0, letters: back?.letters ?? .none) } == id)
        let long = view("xx" + id + id) { $0.hex16(at: 2) }
        #expect(long?.first == value && long?.second == value)
        let bytes = withUnsafeBytesOf(value)
        #expect(bytes.withView { bytes in text { $0.append(hex: bytes, letters: letters) } } == id)
        var out = Buffer<UInt8>()
        #expect(view(id) { $0.hexDecode(into: &out) } == back?.letters && out.array == bytes)
      }
    }
    let plain = "0123456789012345"
    #expect(view(plain) { $0.hex8(at: 0) }?.letters == HexLetters.none)
    #expect(view(plain + "abcdefabcdefabcd") { $0.hex16(at: 0) }?.letters == .lower)
    #expect(view("ABCDEFABCDEFABCD" + plain) { $0.hex16(at: 0) }?.letters == .upper)
    #expect(view("ABCDEFABCDEFABCDabcdefabcdefabcd") { $0.hex16(at: 0) } == nil)
    for odd in ["Abcdef0123456789", "0123456789abcdeg", "0123456789abcde", "01234567 9abcdef", "0123456789abcd\u{e9}"] {
      #expect(view(odd) { $0.hex8(at: 0) } == nil, "\(odd)")
    }
    for c in 0..<128 where !"0123456789abcdefABCDEF".unicodeScalars.contains(Unicode.Scalar(UInt8(c))) {
      var id = Array("0123456789012345".utf8)
      id[c % 16] = UInt8(c)
      #expect(id.withView { $0.hex8(at: 0) } == nil)
    }
    var out = Buffer<UInt8>()
    #expect(view("abc") { $0.hexDecode(into: &out) } == nil)
    #expect(view("00abCD") { $0.hexDecode(into: &out) } == nil && out.isEmpty)
  }

  @Test("base64 in its canonical form only")
  func base64() {
    var dice = Dice(state: 3)
    for length in 0..<40 {
      let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &dice) }
      let encoded = bytes.withView { bytes in text { $0.append(base64: bytes) } }
      var out = Buffer<UInt8>()
      #expect(view(encoded) { $0.base64Decode(into: &out) } && out.array == bytes)
      let bare = String(encoded.prefix { $0 != "=" })
      var lenient = Buffer<UInt8>()
      #expect(view(bare) { $0.base64DecodeLeniently(into: &lenient) } && lenient.array == bytes)
    }
    #expect([0xFB, 0xEF].withView { bytes in text { $0.append(base64: bytes) } } == "++8=")
    for odd in ["A", "AA", "AAA", "AB==", "AAB=", "=", "====", "A===", "AP_-", "AA==AA==", "AA= ", "A\nAA"] {
      var out = Buffer<UInt8>()
      #expect(!view(odd) { $0.base64Decode(into: &out) } && out.isEmpty, "\(odd)")
    }
  }

  @Test("doubles as JavaScript, Go, Python and Java write them")
  func doubleStyles() {
    let rows: [(Double, String, String, String)] = [
      (0, "0", "0.0", "0.0"), (-0.0, "-0", "-0.0", "-0.0"), (1, "1", "1.0", "1.0"), (0.25, "0.25", "0.25", "0.25"),
      (-1234.5, "-1234.5", "-1234.5", "-1234.5"), (1e7, "10000000", "10000000.0", "1.0E7"),
      (0.001, "0.001", "0.001", "0.001"), (0.0001, "0.0001", "0.0001", "1.0E-4"),
      (0.00001, "0.00001", "1e-05", "1.0E-5"), (1.5e-7, "1.5e-7", "1.5e-07", "1.5E-7"),
      (1e16, "10000000000000000", "1e+16", "1.0E16"), (1e21, "1e+21", "1e+21", "1.0E21"),
      (123456789012345680, "123456789012345680", "1.2345678901234568e+17", "1.2345678901234568E17"),
      (0.1 + 0.2, "0.30000000000000004", "0.30000000000000004", "0.30000000000000004"),
      (1.7976931348623157e308, "1.7976931348623157e+308", "1.7976931348623157e+308", "1.7976931348623157E308"),
    ]
    for (value, ecma, python, java) in rows {
      for (style, expected) in [(DoubleStyle.ecmaScript, ecma), (.python, python), (.java, java)] {
        #expect(text { $0.append(double: value, style: style) } == expected)
        #expect(view(expected) { $0.double(style: style) }?.bitPattern == value.bitPattern, "\(expected)")
        #expect(view(expected) { $0.nearestDouble() }?.bitPattern == value.bitPattern)
      }
    }
  }

  @Test("any double comes back, and any text that is read is written again")
  func doublesRoundTrip() {
    var dice = Dice(state: 4)
    for _ in 0..<3000 {
      let value = Double(bitPattern: dice.next())
      guard value.isFinite else { continue }
      for style in DoubleStyle.allCases {
        let written = text { $0.append(double: value, style: style) }
        #expect(Double(written) == value)
        #expect(view(written) { $0.double(style: style) } == value, "\(written)")
      }
    }
    for _ in 0..<20000 {
      let digits = String(UInt64.random(in: 0...UInt64.max, using: &dice) >> UInt64.random(in: 0...63, using: &dice))
      let split = Int.random(in: 1...digits.count, using: &dice)
      var spelled = digits.prefix(split) + (split < digits.count ? "." + digits.suffix(digits.count - split) : "")
      if Int.random(in: 0...2, using: &dice) == 0 { spelled += "e\(Int.random(in: -330...310, using: &dice))" }
      if let (value, style) = view(String(spelled), { $0.double() }) {
        #expect(value == Double(String(spelled)))
        #expect(text { $0.append(double: value, style: style) } == String(spelled))
      }
    }
  }

  @Test(
    "odd spellings of doubles stay text",
    arguments: [
      "1.10", "1.", ".5", "1e3", "1E+3", "01.5", "0.10000000000000001", "1e400", "1e-400", "0e0", "-", "", "1e",
      "1.5.2",
      "0.1000000000000000055511151231257827021181583404541015625", "4.940656458412465e-324", "NaN", "1e99999", "+1",
    ])
  func oddDoubles(spelled: String) {
    #expect(view(spelled) { $0.double() } == nil)
  }

  @Test("a conversion reads doubles in any spelling")
  func nearest() {
    let long = "0.1000000000000000055511151231257827021181583404541015625"
    #expect(view(long) { $0.nearestDouble() } == 0.1)
    #expect(view("1E+3") { $0.nearestDouble() } == 1000)
    #expect(view("-Infinity") { $0.nearestDouble() } == -.infinity)
    #expect(view("NaN") { $0.nearestDouble() }?.isNaN == true)
    #expect(view("x1") { $0.nearestDouble() } == nil)
  }

  private func withUnsafeBytesOf(_ value: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
  }
}

@Suite("One table names every field")
struct FieldNamesTests {
  @Test("numbers and names are unique, and names lead back to their field")
  func unique() {
    for kind in RecordKind.allCases {
      let fields = kind.fields
      #expect(Set(fields.map(\.number)).count == fields.count)
      #expect(Set(fields.map { "\($0.json)" }).count == fields.count)
      for field in fields {
        #expect(kind.field(number: field.number)?.tag == field.tag)
        #expect(kind.field(named: field.json.view)?.json.description == field.json.description)
        #expect(kind.field(named: field.snake.view)?.snake.description == field.snake.description)
        // protobuf's JSON mapping: snake_case to lowerCamelCase.
        let parts = "\(field.snake)".split(separator: "_")
        let camel = parts[0] + parts.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
        #expect(camel == "\(field.json)")
      }
    }
  }

  @Test("tags as real spans have them")
  func tags() {
    let tags = RecordKind.span.fields.map(\.tag)
    #expect(tags == [0x0A, 0x12, 0x1A, 0x22, 0x2A, 0x30, 0x39, 0x41, 0x4A, 0x50, 0x5A, 0x60, 0x6A, 0x70, 0x7A, 0x85])
    #expect(RecordKind.anyValue.fields.map(\.tag) == [0x0A, 0x10, 0x18, 0x21, 0x2A, 0x32, 0x3A, 0x40])
  }

  @Test("names of before OTLP 1.0 and of enumerations")
  func aliases() {
    #expect(view("instrumentation_library") { RecordKind.scopeSpans.field(named: $0)?.number } == 1)
    #expect(view("batches") { RecordKind.tracesData.field(named: $0)?.json.description } == "resourceSpans")
    #expect(view("nothing") { RecordKind.span.field(named: $0) == nil })
    #expect(view("SPAN_KIND_CLIENT") { EnumKind.spanKind.number(named: $0) } == 3)
    #expect(view("STATUS_CODE_ERROR") { EnumKind.statusCode.number(named: $0) } == 2)
    #expect(view("ERROR") { EnumKind.statusCode.number(named: $0) } == nil)
  }
}
