/// SplitMix64 (Steele, Lea, Flood 2014): the same bytes for the same seed on every machine.
struct Generator: RandomNumberGenerator {
  var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func bytes(_ count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + 8)
    while bytes.count < count { unsafe withUnsafeBytes(of: next()) { unsafe bytes.append(contentsOf: $0) } }
    bytes.removeLast(bytes.count - count)
    return bytes
  }
}

/// Small OTLP messages, written field by field.
struct TraceWriter {
  var random: Generator
  private var clock: UInt64 = 1_700_000_000_000_000_000

  init(seed: UInt64) { random = Generator(seed: seed) }

  static func varint(_ value: Int) -> [UInt8] {
    var value = value
    var bytes: [UInt8] = []
    while value > 127 {
      bytes.append(UInt8(value & 127) | 128)
      value >>= 7
    }
    return bytes + [UInt8(value)]
  }

  static func field(_ number: Int, _ value: [UInt8]) -> [UInt8] {
    varint(number << 3 | 2) + varint(value.count) + value
  }
  static func fixed(_ number: Int, _ value: UInt64) -> [UInt8] {
    varint(number << 3 | 1) + (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
  }
  static func text(_ key: String, _ value: String) -> [UInt8] {
    field(1, Array(key.utf8)) + field(2, field(1, Array(value.utf8)))
  }

  mutating func span() -> [UInt8] {
    clock += random.next() % 1_000_000
    let names = ["GET /cart", "GET /product", "charge", "SELECT items", "checkout"]
    return Self.field(1, random.bytes(16)) + Self.field(2, random.bytes(8))
      + Self.field(5, Array(names[Int(random.next() % 5)].utf8)) + [0x30, UInt8(random.next() % 5 + 1)]
      + Self.fixed(7, clock) + Self.fixed(8, clock + random.next() % 50_000_000)
      + Self.field(9, Self.text("http.route", "/item/\(random.next() % 40)"))
      + Self.field(9, Self.text("user.id", "u\(random.next() % 1000)"))
  }

  mutating func message(spans: Int, service: String = "shop", language: String? = nil) -> [UInt8] {
    var scope = Self.field(1, Self.field(1, Array("tracer".utf8)))
    for _ in 0..<spans { scope += Self.field(2, span()) }
    var attributes = Self.field(1, Self.text("service.name", service))
    if let language { attributes += Self.field(1, Self.text("telemetry.sdk.language", language)) }
    let resource = Self.field(1, attributes)
    return Self.field(1, resource + Self.field(2, scope))
  }

  /// Messages behind u32 big-endian lengths.
  mutating func capture(messages: Int, spans: Int, language: String? = nil) -> [UInt8] {
    var bytes: [UInt8] = []
    for i in 0..<messages {
      let message = self.message(spans: spans, service: ["shop", "cart", "pay"][i % 3], language: language)
      let count = message.count
      bytes += [UInt8(count >> 24), UInt8(count >> 16 & 255), UInt8(count >> 8 & 255), UInt8(count & 255)] + message
    }
    return bytes
  }
}
