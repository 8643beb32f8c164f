import Tracezip

/// The figures of one archive, grouped as people ask for them.
struct StatsReport {
  let name: String
  let stats: CompressionStats

  /// Some columns taken together.
  struct Group {
    var name: String
    var columns = 0
    var values = 0
    var originalBytes = 0
    var bytes = 0
    /// The example of its most expensive column.
    var example: String?
  }

  /// By kind of value: what stands before the first bracket of a column's name.
  var kinds: [Group] { groups { Self.kind($0.name) } }

  static func kind(_ column: String) -> String { String(column.prefix { $0 != "[" }) }

  /// By attribute key, whatever carries it and whatever type its values have.
  var attributes: [Group] { groups { Self.attributeKey($0.name) } }

  private func groups(by key: (CompressionStats.Column) -> String?) -> [Group] {
    var found: [String: Group] = [:]
    // Largest first: the first example is that of the most expensive column.
    for column in stats.columns {
      guard let key = key(column) else { continue }
      var group = found[key] ?? Group(name: key)
      group.columns += 1
      group.values += column.values
      group.originalBytes += column.originalBytes
      group.bytes += column.storedBytes
      group.example = group.example ?? column.example
      found[key] = group
    }
    return found.values.sorted { ($1.bytes, $0.name) < ($0.bytes, $1.name) }
  }

  /// `http.url` of `span.attributes["http.url"].stringValue`.
  static func attributeKey(_ column: String) -> String? {
    guard let open = column.firstIndex(of: "["), column[..<open].hasSuffix("attributes"),
      let close = column.lastIndex(of: "]")
    else { return nil }
    let key = column[column.index(after: open)..<close]
    return String(key.hasPrefix("\"") && key.hasSuffix("\"") && key.count > 1 ? key.dropFirst().dropLast() : key)
  }

  /// What cannot be laid to one service: what all share.
  var inCommon: Int { max(0, stats.archiveBytes - stats.serviceShares.reduce(0) { $0 + $1.storedBytes }) }

  static func bitsPerValue(_ column: CompressionStats.Column) -> Double? {
    column.values == 0 ? nil : 8 * Double(column.storedBytes) / Double(column.values)
  }

  // MARK: As a table

  func table(allColumns: Bool, width: Int?, color: Bool) -> String {
    func bold(_ text: String) -> String { color ? "\u{1B}[1m\(text)\u{1B}[0m" : text }
    var text = bold(name.sanitised) + "\n"
    for (label, value) in headline {
      text += "  " + label + String(repeating: " ", count: max(1, 22 - label.count)) + value.sanitised + "\n"
    }
    func section(_ columns: [Table.Column], _ rows: [[String]]) {
      if rows.isEmpty { return }
      var table = Table(columns)
      table.rows = rows
      text += "\n" + table.rendered(width: width, color: color)
    }
    func share(_ bytes: Int) -> String { Text.percent(bytes, of: stats.archiveBytes) }
    func number(_ number: Int) -> String { number == 0 ? "-" : Text.grouped(number) }
    if allColumns {
      section(
        [
          .init(title: "column", isNumber: false, isElastic: true), .init(title: "before", dispensable: 2),
          .init(title: "bytes"),
          .init(title: "share"), .init(title: "values"), .init(title: "distinct", dispensable: 1),
          .init(title: "bits/value"),
          .init(title: "codec", isNumber: false, dispensable: 3),
        ],
        stats.columns.map {
          [
            $0.name, number($0.originalBytes), Text.grouped($0.storedBytes), share($0.storedBytes), number($0.values),
            number($0.distinct), Self.bitsPerValue($0).map { Text.fixed($0, 2) } ?? "-", $0.codec,
          ]
        })
      return text
    }
    func heads(_ title: String, _ counted: String) -> [Table.Column] {
      [
        .init(title: title, isNumber: false, isElastic: true), .init(title: "before", dispensable: 1),
        .init(title: "bytes"),
        .init(title: "share"), .init(title: counted),
      ]
    }
    func groups(_ title: String, _ groups: [Group], limit: Int) {
      section(
        heads(title, "values"),
        groups.prefix(limit).map {
          [$0.name, number($0.originalBytes), Text.grouped($0.bytes), share($0.bytes), number($0.values)]
        })
    }
    func shares(
      _ title: String, _ counted: String, _ shares: [CompressionStats.Share], limit: Int, more: [[String]] = []
    ) {
      section(
        heads(title, counted),
        shares.prefix(limit).map {
          [
            $0.name.isEmpty ? "(none)" : Self.shortened($0.name, 100), number($0.originalBytes),
            Text.grouped($0.storedBytes),
            share($0.storedBytes), number($0.count),
          ]
        } + (shares.isEmpty ? [] : more))
    }
    groups("kind", kinds, limit: 12)
    section(
      heads("attribute", "values") + [.init(title: "example", isNumber: false, dispensable: 2)],
      attributes.prefix(10).map {
        [
          $0.name, number($0.originalBytes), Text.grouped($0.bytes), share($0.bytes), number($0.values),
          Self.shortened($0.example ?? "", 32),
        ]
      })
    shares("codec", "values", stats.codecs, limit: 14)
    shares(
      "service", "spans", stats.serviceShares, limit: 12,
      more: [["(in common)", "-", Text.grouped(inCommon), share(inCommon), "-"]])
    shares("span name", "spans", stats.spanNames, limit: 10)
    shares("template", "records", stats.templateShares, limit: 8)
    shares("id generator", "ids", stats.idGenerators, limit: 12)
    return text
  }

  static func shortened(_ text: String, _ count: Int) -> String {
    let text = text.sanitised
    return text.count <= count ? text : text.prefix(max(1, count - 1)) + "…"
  }

  var headline: [(String, String)] {
    var lines = [
      ("original", "\(Text.grouped(stats.originalBytes)) bytes"),
      ("archive", "\(Text.grouped(stats.archiveBytes)) bytes"),
      ("ratio", Text.ratio(stats.ratio)),
      ("spans", Text.grouped(stats.spans)),
    ]
    if stats.spans > 0 {
      let perSpan = Double(stats.archiveBytes) / Double(stats.spans)
      lines.append(
        (
          "bytes per span",
          "\(Text.fixed(perSpan, 1)) of "
            + Text.fixed(Double(stats.originalBytes) / Double(stats.spans), 1)
        ))
    }
    if stats.traces > 0 { lines.append(("traces", Text.grouped(stats.traces))) }
    lines.append(("messages", Text.grouped(stats.messages)))
    lines.append(("templates", Text.grouped(stats.templates)))
    if stats.deduplicatedRecords > 0 { lines.append(("deduplicated records", Text.grouped(stats.deduplicatedRecords))) }
    if stats.plainBytes > 0 { lines.append(("kept verbatim", "\(Text.grouped(stats.plainBytes)) bytes")) }
    lines.append(("container", "\(Text.grouped(stats.overheadBytes)) bytes"))
    lines.append(("segments, blocks", "\(Text.grouped(stats.segments)), \(Text.grouped(stats.blocks))"))
    lines.append(("framing", InputFormat(stats.framing).rawValue))
    if let first = stats.firstStart, let last = stats.lastStart {
      lines.append(("time", "\(Text.time(first)) to \(Text.time(last))"))
    }
    if !stats.services.isEmpty { lines.append(("services", stats.services.joined(separator: ", "))) }
    return lines
  }

  // MARK: As JSON

  /// Names and templates listed at most: of the rest there is their number.
  private static let listed = 200

  /// Schema version 1. It only grows: names stay, new ones may come.
  var json: JSONValue {
    func list(_ groups: [Group]) -> JSONValue {
      .array(
        groups.map {
          .object([
            ("name", .string($0.name)), ("originalBytes", .int($0.originalBytes)), ("storedBytes", .int($0.bytes)),
            ("values", .int($0.values)), ("columns", .int($0.columns)),
            ("example", $0.example.map { .string($0) } ?? .null),
          ])
        })
    }
    func list(_ shares: [CompressionStats.Share]) -> JSONValue {
      .array(
        shares.prefix(Self.listed).map {
          .object([
            ("name", .string($0.name)), ("count", .int($0.count)), ("originalBytes", .int($0.originalBytes)),
            ("storedBytes", .int($0.storedBytes)),
          ])
        })
    }
    return .object([
      ("schemaVersion", 1), ("command", "stats"), ("name", .string(name)),
      ("originalBytes", .int(stats.originalBytes)), ("archiveBytes", .int(stats.archiveBytes)),
      ("ratio", .double(stats.ratio)), ("overheadBytes", .int(stats.overheadBytes)),
      ("plainBytes", .int(stats.plainBytes)), ("messages", .int(stats.messages)), ("spans", .int(stats.spans)),
      ("traces", .int(stats.traces)), ("deduplicatedRecords", .int(stats.deduplicatedRecords)),
      ("templates", .int(stats.templates)), ("archives", .int(stats.archives)),
      ("segments", .int(stats.segments)), ("blocks", .int(stats.blocks)),
      ("microseconds", .int(stats.microseconds)), ("framing", .string(InputFormat(stats.framing).rawValue)),
      ("firstStartTimeUnixNano", stats.firstStart.map { .unsigned($0) } ?? .null),
      ("lastStartTimeUnixNano", stats.lastStart.map { .unsigned($0) } ?? .null),
      ("services", .array(stats.services.map { .string($0) })),
      ("kinds", list(kinds)), ("attributes", list(attributes)), ("codecs", list(stats.codecs)),
      ("serviceShares", list(stats.serviceShares)), ("commonBytes", .int(inCommon)),
      ("spanNameCount", .int(stats.spanNames.count)), ("spanNames", list(stats.spanNames)),
      ("templateShares", list(stats.templateShares)), ("idGenerators", list(stats.idGenerators)),
      (
        "columns",
        .array(
          stats.columns.map {
            .object([
              ("name", .string($0.name)), ("originalBytes", .int($0.originalBytes)),
              ("storedBytes", .int($0.storedBytes)), ("values", .int($0.values)), ("distinct", .int($0.distinct)),
              ("bitsPerValue", Self.bitsPerValue($0).map { .double($0) } ?? .null), ("codec", .string($0.codec)),
              ("example", $0.example.map { .string($0) } ?? .null),
            ])
          })
      ),
    ])
  }

  // MARK: For Prometheus

  /// The textfile exposition format: one family after the other, each with its samples together.
  /// https://prometheus.io/docs/instrumenting/exposition_formats/
  static func prometheus(_ reports: [StatsReport]) -> String {
    var text = ""
    func begin(_ name: String, _ help: String) {
      text += "# HELP tracezip_\(name) \(help)\n# TYPE tracezip_\(name) gauge\n"
    }
    func family(_ name: String, _ help: String, _ value: (CompressionStats) -> String?) {
      begin(name, help)
      for report in reports {
        guard let value = value(report.stats) else { continue }
        text += "tracezip_\(name){archive=\"\(label(report.name))\"} \(value)\n"
      }
    }
    func families(
      _ name: String, _ help: String, by key: String, _ samples: (StatsReport) -> [(name: String, value: Int)]
    ) {
      begin(name, help)
      for report in reports {
        for sample in samples(report) {
          text +=
            "tracezip_\(name){archive=\"\(label(report.name))\",\(key)=\"\(label(sample.name))\"} \(sample.value)\n"
        }
      }
    }
    family("original_bytes", "Size of what was archived.") { "\($0.originalBytes)" }
    family("archive_bytes", "Size of the archive.") { "\($0.archiveBytes)" }
    family("compression_ratio", "Original size by archive size.") { "\($0.ratio)" }
    family("plain_bytes", "Original bytes that are kept verbatim.") { "\($0.plainBytes)" }
    family("spans", "Spans in the archive.") { "\($0.spans)" }
    family("messages", "Messages in the archive.") { "\($0.messages)" }
    family("templates", "Templates in the archive.") { "\($0.templates)" }
    family("segments", "Segments in the archive.") { "\($0.segments)" }
    family("deduplicated_records", "Records kept as a reference to an equal one.") { "\($0.deduplicatedRecords)" }
    family("first_start_seconds", "Start of the earliest span, seconds since 1970.") {
      $0.firstStart.map { "\(Double($0) / 1e9)" }
    }
    family("last_start_seconds", "Start of the latest span, seconds since 1970.") {
      $0.lastStart.map { "\(Double($0) / 1e9)" }
    }
    family("decoding_seconds", "Time it took to decode the archive for these figures.") {
      "\(Double($0.microseconds) / 1e6)"
    }
    families("stored_bytes", "Archive bytes by kind of value.", by: "kind") { $0.kinds.map { ($0.name, $0.bytes) } }
    families("codec_stored_bytes", "Archive bytes by how values were coded.", by: "codec") {
      $0.stats.codecs.map { ($0.name, $0.storedBytes) }
    }
    families("attribute_stored_bytes", "Archive bytes of the ten most expensive attributes.", by: "key") {
      $0.attributes.prefix(10).map { ($0.name, $0.bytes) }
    }
    families("service_spans", "Spans by service.", by: "service") { $0.stats.serviceShares.map { ($0.name, $0.count) } }
    families("service_original_bytes", "Size of the spans in what was archived, by service.", by: "service") {
      $0.stats.serviceShares.map { ($0.name, $0.originalBytes) }
    }
    families("service_stored_bytes", "Archive bytes by service.", by: "service") {
      $0.stats.serviceShares.map { ($0.name, $0.storedBytes) }
    }
    return text
  }

  private static func label(_ text: String) -> String {
    var safe = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": safe += "\\\\"
      case "\"": safe += "\\\""
      case "\n": safe += "\\n"
      default: safe.unicodeScalars.append(PathName.isEscape(scalar) ? "\u{FFFD}" : scalar)
      }
    }
    return safe
  }
}
