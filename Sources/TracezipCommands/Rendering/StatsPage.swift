import Tracezip

/// The figures as one page: everything it needs is in it, nothing is fetched, and it reads well in light and dark.
struct StatsPage {
  let reports: [StatsReport]

  init(_ reports: [StatsReport]) { self.reports = reports }

  var text: String {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="generator" content="tracezip \(programVersion)">
    <title>\(escaped(reports.map(\.name).joined(separator: ", "))) – tracezip stats</title>
    <style>
    \(Self.style)
    </style>
    </head>
    <body>
    <main>
    \(reports.map(section).joined(separator: "\n"))
    </main>
    </body>
    </html>

    """
  }

  private func section(_ report: StatsReport) -> String {
    let stats = report.stats
    let headline = report.headline.map { "<div><dt>\(escaped($0.0))</dt><dd>\(escaped($0.1))</dd></div>" }
    return """
      <section>
      <h1>\(escaped(report.name))</h1>
      <p class="lead">\(Text.size(stats.originalBytes)) became \(Text.size(stats.archiveBytes)): \
      <strong>\(Text.ratio(stats.ratio))</strong></p>
      \(bars([
        ("original", stats.originalBytes, Text.size(stats.originalBytes)),
        ("archive", stats.archiveBytes, Text.size(stats.archiveBytes)),
      ], title: "Before and after"))
      <dl>
      \(headline.joined(separator: "\n"))
      </dl>
      <h2>Where the bytes are</h2>
      \(treemap(report))
      \(chart("By kind of value", report.kinds.map { ($0.name, $0.bytes) }, limit: 14, of: stats.archiveBytes))
      \(chart(
        "The most expensive attributes", report.attributes.map { ($0.name, $0.bytes) }, limit: 10,
        of: stats.archiveBytes))
      \(examples(report))
      \(chart("By service", stats.serviceShares, limit: 14, of: stats.archiveBytes))
      \(chart("By span name", stats.spanNames, limit: 14, of: stats.archiveBytes))
      \(chart("By codec", stats.codecs, limit: 14, of: stats.archiveBytes))
      \(chart("By template", stats.templateShares, limit: 10, of: stats.archiveBytes))
      \(chart("By id generator", stats.idGenerators, limit: 10, of: stats.archiveBytes))
      <h2>Columns</h2>
      \(columns(report))
      </section>
      """
  }

  private typealias Bar = (name: String, value: Int, label: String)

  /// A chart with its title; nothing where there is nothing to show.
  private func chart(_ title: String, _ groups: [(name: String, bytes: Int)], limit: Int, of whole: Int) -> String {
    guard groups.contains(where: { $0.bytes > 0 }) else { return "" }
    let entries = groups.prefix(limit).map {
      ($0.name, $0.bytes, "\(Text.grouped($0.bytes)) (\(Text.percent($0.bytes, of: whole)))") as Bar
    }
    return "<h2>\(title)</h2>\n" + bars(entries, title: title)
  }

  private func chart(_ title: String, _ shares: [CompressionStats.Share], limit: Int, of whole: Int) -> String {
    chart(title, shares.map { ($0.name.isEmpty ? "(none)" : $0.name, $0.storedBytes) }, limit: limit, of: whole)
  }

  /// One value of each of the most expensive attributes.
  private func examples(_ report: StatsReport) -> String {
    let rows = report.attributes.prefix(10).map {
      "<tr><td class=\"text\">\(escaped($0.name))</td><td>\(Text.grouped($0.originalBytes))</td>"
        + "<td>\(Text.grouped($0.bytes))</td><td class=\"text\">\(escaped($0.example ?? ""))</td></tr>"
    }
    if rows.isEmpty { return "" }
    return """
      <div class="wide"><table>
      <thead><tr><th class="text">attribute</th><th>before</th><th>bytes</th><th class="text">example</th></tr></thead>
      <tbody>
      \(rows.joined(separator: "\n"))
      </tbody></table></div>
      """
  }

  // MARK: Charts

  private func bars(_ entries: [Bar], title: String) -> String {
    guard let largest = entries.map(\.value).max(), largest > 0 else { return "<p class=\"none\">None.</p>" }
    let names = 250.0
    let room = 520.0
    let step = 24
    var svg = ""
    for (index, entry) in entries.enumerated() {
      let y = index * step
      let width = max(1, room * Double(entry.value) / Double(largest))
      svg += """
        <g><title>\(escaped(entry.name)): \(entry.label)</title>\
        <text class="name" x="\(Text.fixed(names - 8, 0))" y="\(y + 16)">\(escaped(shortened(entry.name, 36)))</text>\
        <rect class="bar" x="\(Text.fixed(names, 0))" y="\(y + 4)" width="\(Text.fixed(width, 1))" height="16" rx="2"/>\
        <text class="value" x="\(Text.fixed(names + width + 6, 1))" y="\(y + 16)">\(entry.label)</text></g>

        """
    }
    return """
      <svg viewBox="0 0 940 \(entries.count * step + 4)" role="img" aria-label="\(escaped(title))">
      \(svg)</svg>
      """
  }

  /// Kinds side by side, in each of them its columns.
  private func treemap(_ report: StatsReport) -> String {
    let width = 940.0
    let height = 420.0
    let kinds = report.kinds.filter { $0.bytes > 0 }
    guard !kinds.isEmpty else { return "<p class=\"none\">No columns.</p>" }
    let places = Treemap.layout(
      kinds.map { Double($0.bytes) }, in: .init(x: 0, y: 0, width: width, height: height))
    var svg = ""
    for (index, (kind, place)) in zip(kinds, places).enumerated() {
      let columns = report.stats.columns.filter { StatsReport.kind($0.name) == kind.name && $0.storedBytes > 0 }
        .sorted { $0.storedBytes > $1.storedBytes }
      let cells = Treemap.layout(columns.map { Double($0.storedBytes) }, in: place)
      for (column, cell) in zip(columns, cells) where cell.width * cell.height >= 2 {
        let share = Text.percent(column.storedBytes, of: report.stats.archiveBytes)
        svg += """
          <g><title>\(escaped(column.name)): \(Text.grouped(column.storedBytes)) bytes, \(share)</title>\
          <rect class="k\(index % 8)" x="\(Text.fixed(cell.x, 1))" y="\(Text.fixed(cell.y, 1))" \
          width="\(Text.fixed(cell.width, 1))" height="\(Text.fixed(cell.height, 1))"/>
          """
        let letters = Int((cell.width - 8) / 6.6)
        if cell.height > 18, letters > 3 {
          let name = columns.count == 1 ? kind.name : StatsReport.attributeKey(column.name) ?? column.name
          let at = "x=\"\(Text.fixed(cell.x + 5, 1))\" y=\"\(Text.fixed(cell.y + 15, 1))\""
          svg += "<text class=\"cell\" \(at)>\(escaped(shortened(name, letters)))</text>"
        }
        svg += "</g>\n"
      }
    }
    return """
      <svg class="map" viewBox="0 0 \(Text.fixed(width, 0)) \(Text.fixed(height, 0))" role="img" \
      aria-label="Treemap of the archive's bytes by column">
      \(svg)</svg>
      """
  }

  private func columns(_ report: StatsReport) -> String {
    let rows = report.stats.columns.map {
      "<tr><td class=\"text\">\(escaped($0.name))</td><td>\(Text.grouped($0.originalBytes))</td>"
        + "<td>\(Text.grouped($0.storedBytes))</td>"
        + "<td>\(Text.percent($0.storedBytes, of: report.stats.archiveBytes))</td><td>\(Text.grouped($0.values))</td>"
        + "<td>\(Text.grouped($0.distinct))</td>"
        + "<td>\(StatsReport.bitsPerValue($0).map { Text.fixed($0, 2) } ?? "")</td>"
        + "<td class=\"text\">\(escaped($0.codec))</td></tr>"
    }
    return """
      <div class="wide"><table>
      <thead><tr><th class="text">column</th><th>before</th><th>bytes</th><th>share</th>\
      <th>values</th><th>distinct</th><th>bits/value</th>\
      <th class="text">codec</th></tr></thead>
      <tbody>
      \(rows.joined(separator: "\n"))
      </tbody></table></div>
      """
  }

  // MARK: Text

  private func shortened(_ text: String, _ count: Int) -> String {
    let text = text.sanitised
    return text.count <= count ? text : text.prefix(max(1, count - 1)) + "…"
  }

  /// Names come from captures: nothing in them shall be taken for markup.
  private func escaped(_ text: String) -> String {
    var safe = ""
    for character in text.sanitised.unicodeScalars {
      switch character {
      case "&": safe += "&amp;"
      case "<": safe += "&lt;"
      case ">": safe += "&gt;"
      case "\"": safe += "&quot;"
      case "'": safe += "&#39;"
      default: safe.unicodeScalars.append(character)
      }
    }
    return safe
  }

  private static let style = """
    :root { color-scheme: light dark; --ground: #fff; --ink: #1c2330; --soft: #5b6675; --line: #d9dee5; --bar: #2f6fb2;
      --k0: #9cc3e8; --k1: #f2c48d; --k2: #a9d6a5; --k3: #e6a9a6; --k4: #c9b6e4; --k5: #d6c3a5; --k6: #f0b9d9;
      --k7: #c6ccd4; }
    @media (prefers-color-scheme: dark) {
      :root { --ground: #14181f; --ink: #e4e8ee; --soft: #9aa6b5; --line: #2c3440; --bar: #5b9bdb;
        --k0: #2b527a; --k1: #7d5522; --k2: #33653a; --k3: #7c3a39; --k4: #554180; --k5: #65532f; --k6: #793f63;
        --k7: #47505c; } }
    body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
    main { max-width: 60rem; margin: 0 auto; padding: 1.5rem; }
    h1 { font-size: 1.6rem; margin: 1rem 0 0; overflow-wrap: anywhere; }
    h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
    .lead { font-size: 1.1rem; margin: .2rem 0 1rem; }
    svg { display: block; width: 100%; height: auto; font: 12px system-ui, sans-serif; }
    svg text { fill: var(--ink); }
    .name { text-anchor: end; }
    .value { fill: var(--soft); }
    .bar { fill: var(--bar); }
    .map rect { stroke: var(--ground); stroke-width: 1; }
    .map text { pointer-events: none; }
    .k0 { fill: var(--k0); } .k1 { fill: var(--k1); } .k2 { fill: var(--k2); } .k3 { fill: var(--k3); }
    .k4 { fill: var(--k4); } .k5 { fill: var(--k5); } .k6 { fill: var(--k6); } .k7 { fill: var(--k7); }
    dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: .6rem 1.5rem; }
    dt { color: var(--soft); font-size: .85rem; }
    dd { margin: 0; overflow-wrap: anywhere; }
    dl div:last-child { grid-column: 1 / -1; }
    .wide { overflow-x: auto; }
    table { border-collapse: collapse; width: 100%; font-size: .85rem; font-variant-numeric: tabular-nums; }
    th, td { text-align: right; padding: .2rem .6rem; border-bottom: 1px solid var(--line); }
    th { color: var(--soft); font-weight: 600; }
    .text { text-align: left; overflow-wrap: anywhere; }
    .none { color: var(--soft); }
    """
}
