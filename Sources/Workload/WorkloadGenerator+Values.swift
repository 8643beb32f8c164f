extension WorkloadGenerator {
  mutating func value(_ rule: ValueRule, failed: Bool, _ context: TraceContext) -> Model.AnyValue {
    switch rule {
    case .constant(let value): return value
    case .pick(let values): return values[random.skewed(values.count)]
    case .integer(let range): return .int(Int64(range.lowerBound + random.below(range.count)))
    case .size(let limit):
      let u = random.unit()
      return .int(Int64(u * u * u * Double(limit)))
    case .double(let range, let decimals):
      let scale = [1.0, 10, 100, 1e3, 1e4, 1e5, 1e6][decimals]
      let value = range.lowerBound + random.unit() * (range.upperBound - range.lowerBound)
      return .double((value * scale).rounded() / scale)
    case .ratio: return .double(random.unit())
    case .flag(let chance): return .bool(random.chance(chance))
    case .uuid: return .string(uuid())
    case .hex(let digits): return .string(hex(digits))
    case .ip: return .string("10.244.\(random.below(12)).\(random.skewed(254) + 1)")
    case .bytes(let range):
      let n = range.lowerBound + random.below(range.count)
      return .bytes((0..<n).map { _ in UInt8(truncatingIfNeeded: random.next()) })
    case .words(let range): return .string(sentence(range.lowerBound + random.below(range.count)))
    case .text(let pieces): return .string(text(pieces, context))
    case .array(let rule, let range):
      let n = range.lowerBound + random.below(range.count)
      var values: [Model.AnyValue] = []
      for _ in 0..<n { values.append(value(rule, failed: failed, context)) }
      return .array(values)
    case .kvlist(let rules):
      return .kvlist(rules.map { Model.KeyValue($0.key, value($0.value, failed: failed, context)) })
    case .user: return context.user
    case .session: return context.session
    case .request: return context.request
    case .order: return .string(context.order)
    case .httpStatus: return .int(failed ? [500, 503, 404, 504][random.skewed(4)] : random.chance(0.03) ? 304 : 200)
    case .threadId: return .int(Int64(30 + context.lane))
    case .threadName: return Self.threadNames[context.lane % Self.threadNames.count]
    }
  }

  static let threadNames: [Model.AnyValue] = (1...24).map { .string("http-nio-8080-exec-\($0)") }

  mutating func text(_ pieces: [TextRule], _ context: TraceContext) -> String {
    var text = ""
    for piece in pieces {
      switch piece {
      case .literal(let literal): text += literal
      case .number(let range): text += String(range.lowerBound + random.below(range.count))
      case .word: text += Fleet.words[random.skewed(Fleet.words.count)]
      case .uuid: text += uuid()
      case .hex(let digits): text += hex(digits)
      case .oneOf(let choices): text += choices[random.skewed(choices.count)]
      case .order: text += context.order
      }
    }
    return text
  }

  mutating func uuid() -> String {
    let high = random.next() & ~0xF000 | 0x4000
    let low = random.next() & ~(3 << 62) | 2 << 62
    return unsafe String(unsafeUninitializedCapacity: 36) { room in
      var n = 0
      for i in 0..<32 {
        if i == 8 || i == 12 || i == 16 || i == 20 {
          unsafe room[n] = UInt8(ascii: "-")
          n += 1
        }
        let digit = UInt8((i < 16 ? high : low) >> UInt64(60 - 4 * (i & 15)) & 15)
        unsafe room[n] = digit < 10 ? digit + 0x30 : digit + (0x61 - 10)
        n += 1
      }
      return n
    }
  }

  mutating func hex(_ digits: Int) -> String {
    unsafe String(unsafeUninitializedCapacity: digits) { room in
      var bits: UInt64 = 0
      for i in 0..<digits {
        if i & 15 == 0 { bits = random.next() }
        let digit = UInt8(bits & 15)
        bits >>= 4
        unsafe room[i] = digit < 10 ? digit + 0x30 : digit + (0x61 - 10)
      }
      return digits
    }
  }

  mutating func sentence(_ count: Int) -> String {
    var text = ""
    text.reserveCapacity(count * 7)
    for i in 0..<count {
      if i > 0 { text += random.chance(0.08) ? (random.chance(0.1) ? ".\n" : ", ") : " " }
      text += vocabulary[random.skewed(vocabulary.count)]
    }
    return text
  }

  // MARK: Made once

  /// Everyday words first, then thousands of made-up ones, some of them not in ASCII.
  static func makeVocabulary(_ random: inout SeededRandom) -> [String] {
    let syllables = "ba ten ri sol mar ki ent ver lo pra un der is che fa qui no gra té ül ska ñe ost ing".split(
      separator: " ")
    var words = Fleet.words
    while words.count < 6000 {
      var word = ""
      for _ in 0...(1 + random.below(3)) { word += syllables[random.below(syllables.count)] }
      words.append(word)
    }
    words[40] = "naïve"
    words[300] = "\"quoted\""
    words[500] = "<b>bold</b>"
    words[700] = "🚲"
    words[900] = "自転車"
    words[1100] = "C:\\bikes\\map"
    return words
  }

  static func resource(_ service: ServiceRule, instance: Int, random: inout SeededRandom) -> Model.Resource {
    func hex(_ n: Int) -> String {
      var text = ""
      for _ in 0..<n { text += String(random.next() & 15, radix: 16) }
      return text
    }
    let pod = "\(service.name)-\(hex(9))-\(hex(5))"
    var attributes = [
      Model.KeyValue("service.name", .string(service.name)),
      Model.KeyValue("service.version", .string("2.\(random.below(9)).\(random.below(40))")),
      Model.KeyValue("service.namespace", "bikes"),
      Model.KeyValue("service.instance.id", .string("\(hex(8))-\(hex(4))-4\(hex(3))-a\(hex(3))-\(hex(12))")),
      Model.KeyValue("telemetry.sdk.language", .string(service.language.rawValue)),
      Model.KeyValue("telemetry.sdk.name", "opentelemetry"),
      Model.KeyValue("telemetry.sdk.version", .string(service.sdkVersion)),
      Model.KeyValue("deployment.environment.name", "production"),
    ]
    if service.language != .webjs {
      attributes += [
        Model.KeyValue("host.name", .string(pod)), Model.KeyValue("process.pid", .int(Int64(1 + random.below(4000)))),
        Model.KeyValue("k8s.pod.name", .string(pod)), Model.KeyValue("k8s.namespace.name", "bikes"),
        Model.KeyValue("k8s.node.name", .string("node-\(1 + random.below(5))")),
        Model.KeyValue("process.command_args", .array([.string("/app/\(service.name)"), "--port", "8080"])),
        Model.KeyValue("container.id", .string(hex(64))), Model.KeyValue("host.arch", "amd64"),
      ]
    }
    return Model.Resource(attributes: attributes)
  }

  static let exceptions: [(type: String, message: String)] = [
    ("TimeoutException", "no answer from upstream after # ms"),
    (
      "java.sql.SQLTransientConnectionException",
      "HikariPool-1 - Connection is not available, request timed out after #ms"
    ),
    ("BikeNotFound", "bike <#> is not at this station & was not seen today"),
    ("KeyError", "'rider_#'"),
    ("System.InvalidOperationException", "Sequence contains no elements (zone \"#\")"),
  ]

  static func stackTrace(_ language: SDKLanguage, random: inout SeededRandom) -> String {
    let depth = 6 + random.below(24)
    var lines: [String] = []
    for _ in 0..<depth {
      let a = Fleet.words[random.skewed(Fleet.words.count)]
      let b = Fleet.words[random.skewed(Fleet.words.count)]
      let line = 10 + random.below(900)
      switch language {
      case .python:
        lines.append("  File \"/app/\(a)/\(b).py\", line \(line), in \(b)\n    return await \(a).\(b)(request)")
      case .dotnet:
        lines.append("   at Bikes.\(a.capitalizedWord).\(b.capitalizedWord)Async() in /src/\(a)/\(b).cs:line \(line)")
      case .nodejs, .webjs:
        lines.append("    at \(a).\(b) (/srv/app/node_modules/\(a)/lib/\(b).js:\(line):\(random.below(80)))")
      case .go, .rust, .cpp:
        lines.append(
          "example.org/bikes/\(a).(*\(b.capitalizedWord)).Do(0xc000\(line))\n\t/src/\(a)/\(b).go:\(line) +0x1d")
      case .java:
        lines.append("\tat org.bikes.\(a).\(b.capitalizedWord)Service.\(b)(\(b.capitalizedWord)Service.java:\(line))")
      case .php: lines.append("#\(lines.count) /app/src/\(a)/\(b).php(\(line)): \(b.capitalizedWord)->\(a)()")
      }
    }
    return (language == .python ? "Traceback (most recent call last):\n" : "") + lines.joined(separator: "\n")
  }
}

extension String {
  var capitalizedWord: String { prefix(1).uppercased() + dropFirst() }

  /// The first `#` replaced.
  func replacingMark(with text: String) -> String {
    guard let at = firstIndex(of: "#") else { return self }
    return self[..<at] + text + self[index(after: at)...]
  }
}
