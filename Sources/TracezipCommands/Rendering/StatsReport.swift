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
    var bytes = 0
  }

  /// By kind of value: what stands before the first bracket of a column's name.
  var kinds: [Group] { groups { Self.kind($0.name) } }

  static func kind(_ column: String) -> String { String(column.prefix { $0 != "[" }) }

  /// By attribute key, whatever carries it and whatever type its values have.
  var attributes: [Group] { groups { Self.attributeKey($0.name) } }

  /// By codec.
  var codecs: [Group] { groups { $0.codec.isEmpty ? nil : $0.codec } }

  private func groups(by key: (CompressionStats.Column) -> String?) -> [Group] {
    var found: [String: Group] = [:]
    for column in stats.columns {
      guard let key = key(column) else { continue }
      var group = found[key] ?? Group(name: key)
      group.columns += 1
      group.values += column.values
      group.bytes += column.storedBytes
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

  // MARK: As a table

  func table(allColumns: Bool, width: Int?, color: Bool) -> String {
    func bold(_ text: String) -> String { color ? "\u{1B}[1m\(text)\u{1B}[0m" : text }
    var text = bold(name.sanitised) + "\n"
    for (label, value) in headline {
      text += "  " + label + String(repeating: " ", count: max(1, 22 - label.count)) + value.sanitised + "\n"
    }
    func section(_ title: String, _ groups: [Group], limit: Int) {
      guard !groups.isEmpty else { return }
      var table = Table([
        .init(title: title, isNumber: false, isElastic: true), .init(title: "bytes"), .init(title: "share"),
        .init(title: "values"), .init(title: "columns"),
      ])
      table.rows = groups.prefix(limit).map {
        [
          $0.name, Text.grouped($0.bytes), Text.percent($0.bytes, of: stats.archiveBytes),
          $0.values == 0 ? "-" : Text.grouped($0.values),
          Text.grouped($0.columns),
        ]
      }
      text += "\n" + table.rendered(width: width, color: color)
    }
    if allColumns {
      var table = Table([
        .init(title: "column", isNumber: false, isElastic: true), .init(title: "bytes"), .init(title: "share"),
        .init(title: "values"), .init(title: "distinct"), .init(title: "bits/value"),
        .init(title: "codec", isNumber: false),
      ])
      table.rows = stats.columns.map {
        [
          $0.name, Text.grouped($0.storedBytes), Text.percent($0.storedBytes, of: stats.archiveBytes),
          $0.values == 0 ? "-" : Text.grouped($0.values), $0.distinct == 0 ? "-" : Text.grouped($0.distinct),
          $0.values == 0 ? "-" : Text.fixed(8 * Double($0.storedBytes) / Double($0.values), 2), $0.codec,
        ]
      }
      text += "\n" + table.rendered(width: width, color: color)
    } else {
      section("kind", kinds, limit: 12)
      section("attribute", attributes, limit: 10)
      section("codec", codecs, limit: 12)
    }
    return text
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

  /// Schema version 1. It only grows: names stay, new ones may come.
  var json: JSONValue {
    func list(_ groups: [Group]) -> JSONValue {
      .array(
        groups.map {
          .object([
            ("name", .string($0.name)), ("storedBytes", .int($0.bytes)), ("values", .int($0.values)),
            ("columns", .int($0.columns)),
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
      ("kinds", list(kinds)), ("attributes", list(attributes)), ("codecs", list(codecs)),
      (
        "columns",
        .array(
          stats.columns.map {
            .object([
              ("name", .string($0.name)), ("storedBytes", .int($0.storedBytes)), ("values", .int($0.values)),
              ("distinct", .int($0.distinct)), ("codec", .string($0.codec)),
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
    func family(_ name: String, _ help: String, _ value: (CompressionStats) -> String?) {
      text += "# HELP tracezip_\(name) \(help)\n# TYPE tracezip_\(name) gauge\n"
      for report in reports {
        guard let value = value(report.stats) else { continue }
        text += "tracezip_\(name){archive=\"\(label(report.name))\"} \(value)\n"
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
    text += "# HELP tracezip_stored_bytes Archive bytes by kind of value.\n# TYPE tracezip_stored_bytes gauge\n"
    for report in reports {
      for kind in report.kinds {
        text += "tracezip_stored_bytes{archive=\"\(label(report.name))\",kind=\"\(label(kind.name))\"} \(kind.bytes)\n"
      }
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
