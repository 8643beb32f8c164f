import Foundation
import TestSupport
import Testing
import Workload

@testable import TracezipCommands

@Suite("Reports")
struct ReportTests {
  private func archived() throws -> TemporaryFolder {
    let folder = try TemporaryFolder.withCapture()
    try folder.write(try Captures.archive(of: Captures.capture(batches: 30)), to: "a.trz")
    return folder
  }

  private func object(_ run: Tracezip.Result) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(run.output)) as? [String: Any], "\(run.text)")
  }

  @Test("stats: what the columns take is all of the archive, or the most expensive attribute may be another")
  func statsAddUp() throws {
    let folder = try archived()
    let stats = try object(Tracezip.run("stats", "--json", "a.trz", in: folder))
    let archive = try #require(stats["archiveBytes"] as? Int)
    let overhead = try #require(stats["overheadBytes"] as? Int)
    let columns = try #require(stats["columns"] as? [[String: Any]])
    let stored = columns.reduce(0) { $0 + ($1["storedBytes"] as? Int ?? 0) }
    #expect(archive == (try folder.read("a.trz").count))
    #expect(
      stored + overhead <= archive && Double(stored + overhead) > 0.9 * Double(archive), "\(stored) of \(archive)")
    #expect(stats["spans"] as? Int == 1800)
    for group in ["kinds", "codecs"] {
      let sum = try #require(stats[group] as? [[String: Any]]).reduce(0) { $0 + ($1["storedBytes"] as? Int ?? 0) }
      #expect(sum <= stored, "\(group)")
    }
  }

  @Test("stats: columns tell values, distinct values, bytes before and after, and how they were coded")
  func statsColumns() throws {
    let folder = try archived()
    let stats = try object(Tracezip.run("stats", "--json", "a.trz", in: folder))
    let columns = try #require(stats["columns"] as? [[String: Any]])
    func column(_ name: String) throws -> [String: Any] {
      try #require(columns.first { $0["name"] as? String == name }, "\(name)")
    }
    let read = try Frames.lengthPrefixed(Captures.capture(batches: 30)).map { try Oracle.protobuf($0) }
    let spans = read.flatMap(\.resourceSpans).flatMap(\.scopeSpans).flatMap(\.spans)
    let name = try column("span.name")
    #expect(name["values"] as? Int == spans.count && name["distinct"] as? Int == Set(spans.map(\.name)).count)
    // Tag, length and text of each name.
    #expect(name["originalBytes"] as? Int == spans.reduce(0) { $0 + 2 + $1.name.utf8.count })
    #expect(spans.map(\.name).contains(try #require(name["example"] as? String)))
    #expect((name["codec"] as? String)?.isEmpty == false && (name["bitsPerValue"] as? Double ?? 0) > 0)
    let values = spans.flatMap(\.attributes).filter { $0.key == "url.path" }.map(\.value.stringValue)
    let path = try column("span.attributes[\"url.path\"].stringValue")
    #expect(path["values"] as? Int == values.count && path["distinct"] as? Int == Set(values).count)
    #expect(try column("times")["originalBytes"] as? Int == spans.count * 18)
    for column in columns { #expect((column["storedBytes"] as? Int ?? -1) >= 0 && column["distinct"] is Int) }
  }

  @Test("stats: by service, span name, template and codec the parts add up to the spans and bytes there are")
  func statsShares() throws {
    let folder = try archived()
    let stats = try object(Tracezip.run("stats", "--json", "a.trz", in: folder))
    let archive = try #require(stats["archiveBytes"] as? Int)
    func list(_ key: String) throws -> [[String: Any]] { try #require(stats[key] as? [[String: Any]], "\(key)") }
    func sum(_ key: String, _ member: String) throws -> Int {
      try list(key).reduce(0) { $0 + ($1[member] as? Int ?? 0) }
    }
    let capture = Captures.capture(batches: 30)
    let read = try Frames.lengthPrefixed(capture).map { try Oracle.protobuf($0) }
    // Without tag and length, which is of two bytes for spans like these.
    var sizes = SpanCuts(capture).spans.map { $0.bytes.count < 131 ? $0.bytes.count - 2 : $0.bytes.count - 3 }[...]
    var bytes: [String: (spans: Int, bytes: Int)] = [:]
    for resource in read.flatMap(\.resourceSpans) {
      let service = resource.resource.attributes.first { $0.key == "service.name" }?.value.stringValue ?? ""
      for _ in resource.scopeSpans.flatMap(\.spans) {
        bytes[service, default: (0, 0)].spans += 1
        bytes[service, default: (0, 0)].bytes += sizes.removeFirst()
      }
    }
    #expect(try list("serviceShares").count == bytes.count)
    for share in try list("serviceShares") {
      let expected = try #require(bytes[share["name"] as? String ?? "?"])
      #expect(share["count"] as? Int == expected.spans && share["originalBytes"] as? Int == expected.bytes)
    }
    let common = try #require(stats["commonBytes"] as? Int)
    #expect(abs(try sum("serviceShares", "storedBytes") + common - archive) <= bytes.count)
    for key in ["spanNames", "serviceShares"] {
      #expect(try sum(key, "count") == 1800 && sum(key, "storedBytes") > archive / 2, "\(key)")
    }
    #expect(try sum("templateShares", "count") >= 1800)
    #expect(try sum("codecs", "storedBytes") > archive * 8 / 10 && sum("codecs", "storedBytes") <= archive)
    let ids = try list("columns").first { $0["name"] as? String == "ids" }?["storedBytes"] as? Int
    #expect(abs(try sum("idGenerators", "storedBytes") - (try #require(ids))) < 100)
    #expect(try list("idGenerators").contains { ($0["name"] as? String)?.contains("Java") == true })
    let attributes = try list("attributes")
    #expect(attributes.prefix(10).allSatisfy { ($0["example"] as? String)?.isEmpty == false })
  }

  @Test("stats: a number's example is the number as people write it, not its bits, in protobuf as in JSON")
  func numberExamples() throws {
    let folder = try TemporaryFolder()
    var examples: [[String]] = []
    for name in ["shop-small.lp.pb", "shop-small.jsonl"] {
      try folder.write(try Captures.archive(of: Fixtures.bytes(name)), to: "a.trz")
      let stats = try object(Tracezip.run("stats", "--json", "a.trz", in: folder))
      let attributes = try #require(stats["attributes"] as? [[String: Any]])
      examples.append(
        try ["score", "app.fraud.score", "net.peer.port"].map { wanted in
          let attribute = try #require(attributes.first { $0["name"] as? String == wanted }, "\(wanted)")
          return try #require(attribute["example"] as? String)
        })
    }
    #expect(examples[0] == examples[1])
    #expect(Double(examples[0][0]).map { $0 > 0 && $0 < 1 } == true && Int(examples[0][2]) != nil, "\(examples[0])")
  }

  @Test("a last line without its newline is a line like the others, or small files grow by a tenth")
  func lastLine() throws {
    let folder = try TemporaryFolder()
    let whole = try Fixtures.bytes("shop-small.jsonl")
    #expect(whole.last == 0x0A)
    try folder.write(whole, to: "whole.jsonl")
    try folder.write(Array(whole.dropLast()), to: "open.jsonl")
    // A file, whose size is known: a pipe has told its end before anything is cut.
    #expect(try Tracezip.run("compress", "whole.jsonl", "open.jsonl", in: folder).status == 0)
    let stats = try ["whole", "open"].map { try object(Tracezip.run("stats", "--json", "\($0).jsonl.trz", in: folder)) }
    #expect(stats.map { $0["blocks"] as? Int } == [1, 1])
    #expect(stats.map { $0["messages"] as? Int } == [23, 23])
    let bytes = try ["whole", "open"].map { try folder.read("\($0).jsonl.trz").count }
    #expect(abs(bytes[0] - bytes[1]) < 16, "\(bytes)")
    let back = try Tracezip.run("decompress", "-c", "open.jsonl.trz", in: folder)
    #expect(back.output == Array(whole.dropLast()))
  }

  @Test("stats: JSON archives show the same columns, and messages are lines")
  func statsOfJSON() throws {
    let folder = try TemporaryFolder()
    var options = WorkloadOptions(seed: 3)
    options.batchSpans = 40
    try folder.write(
      try Captures.archive(of: makeCapture(options, format: .jsonLines, batches: 50)), to: "json.trz")
    try folder.write(
      try Captures.archive(of: makeCapture(options, format: .lengthPrefixed, batches: 50)), to: "proto.trz")
    let json = try object(Tracezip.run("stats", "--json", "json.trz", in: folder))
    let proto = try object(Tracezip.run("stats", "--json", "proto.trz", in: folder))
    #expect(json["messages"] as? Int == 50 && proto["messages"] as? Int == 50)
    #expect(json["spans"] as? Int == proto["spans"] as? Int)
    func columns(_ stats: [String: Any]) -> [String: Int] {
      Dictionary(
        (stats["columns"] as? [[String: Any]] ?? []).map { ($0["name"] as? String ?? "", $0["distinct"] as? Int ?? 0) },
        uniquingKeysWith: { a, _ in a })
    }
    let (a, b) = (columns(json), columns(proto))
    for name in ["span.name", "span.attributes[\"url.path\"].stringValue", "event.name"] {
      #expect(a[name] == b[name] && (a[name] ?? 0) > 0, "\(name)")
    }
    let list = try object(Tracezip.run("list", "--json", "json.trz", in: folder))
    #expect(list["messages"] as? Int == 50)
  }

  @Test("stats: the table shows sizes, kinds and attributes; --columns names every column")
  func statsTable() throws {
    let folder = try archived()
    let table = try Tracezip.run("stats", "a.trz", in: folder)
    #expect(table.status == 0)
    for word in [
      "original", "archive", "ratio", "spans", "templates", "services", "kind", "attribute", "example", "codec",
      "service", "span name", "template", "before", "(in common)",
    ] {
      #expect(table.text.contains(word), "\(word)")
    }
    let columns = try Tracezip.run("stats", "--columns", "a.trz", in: folder)
    #expect(columns.text.split(separator: "\n").count > 25)
  }

  @Test("what a capture says cannot steer the terminal that stats and list are shown on")
  func sanitisedContents() throws {
    let evil = "a\u{1B}]0;title\u{7}\u{9B}31m\u{202E}b"
    let message = Oracle.TracesData.with {
      $0.resourceSpans = [
        .with {
          $0.resource.attributes = [Self.attribute("service.name", "service " + evil)]
          $0.scopeSpans = [
            .with { scope in
              scope.spans = (0..<2000).map { n in
                .with {
                  $0.startTimeUnixNano = 1_700_000_000_000_000_000 + UInt64(n * n)
                  $0.name = "name " + evil
                  $0.attributes = [Self.attribute("key " + evil, "value \(n)" + evil)]
                }
              }
            }
          ]
        }
      ]
    }
    let folder = try TemporaryFolder()
    try folder.write(try Captures.archive(of: try message.serializedBytes()), to: "a.trz")
    for arguments in [["stats"], ["stats", "--columns"], ["list"], ["stats", "--format", "json"]] {
      let run = try Tracezip.runOnTerminal(
        arguments + ["a.trz"], in: folder, columns: 300, environment: ["NO_COLOR": "1"])
      #expect(run.status == 0 && run.text.contains("title"), "\(arguments): \(run.text)")
      for scalar in ["\u{1B}", "\u{7}", "\u{9B}", "\u{202E}"] {
        #expect(!run.text.unicodeScalars.contains(Unicode.Scalar(scalar)!), "\(arguments)")
      }
    }
  }

  private static func attribute(_ key: String, _ value: String) -> Oracle.KeyValue {
    .with {
      $0.key = key
      $0.value.stringValue = value
    }
  }

  @Test("stats: Prometheus reads every line of --format prometheus")
  func prometheus() throws {
    let folder = try archived()
    let odd = "b\"\\\n.trz"
    try folder.write(try folder.read("a.trz"), to: odd)
    let run = try Tracezip.run("stats", "--format", "prometheus", "a.trz", odd, in: folder)
    #expect(run.status == 0)
    let sample = /tracezip_[a-z_]+\{archive="([^"\\\n]|\\["\\n])*"(,[a-z]+="([^"\\\n]|\\["\\n])*")?\} -?[0-9.e+-]+/
    var families: [Substring] = []
    for line in run.text.split(separator: "\n") {
      if line.hasPrefix("# TYPE ") {
        families.append(line.split(separator: " ")[2])
      } else if !line.hasPrefix("# HELP ") {
        #expect(line.wholeMatch(of: sample) != nil, "\(line)")
        #expect(line.split(separator: "{").first == families.last, "samples of a family stand together")
      }
    }
    #expect(Set(families).count == families.count && families.contains("tracezip_compression_ratio"))
    #expect(run.text.contains(#"archive="b\"\\\n.trz""#))
  }

  @Test("stats: --html writes one page that needs nothing else, is not replaced by accident, and is safe to open")
  func page() throws {
    let folder = try archived()
    try folder.write(try folder.read("a.trz"), to: "<script>alert(1)<'&.trz")
    let run = try Tracezip.run("stats", "--html", "s.html", "a.trz", "<script>alert(1)<'&.trz", in: folder)
    #expect(run.status == 0 && run.output.isEmpty, "\(run.messages)")
    let page = String(decoding: try folder.read("s.html"), as: UTF8.self)
    for needed in [
      "<!doctype html>", "<svg", "Treemap", "prefers-color-scheme: dark", "&lt;script&gt;alert(1)&lt;&#39;&amp;",
    ] {
      #expect(page.contains(needed), "\(needed)")
    }
    // Values of the capture may say what they like, as long as no browser takes them for markup.
    let markup = page.replacing(/>[^<]*</, with: "><")
    for forbidden in ["<script", "http:", "https:", "src=", "href=", "@import", "url("] {
      #expect(!markup.contains(forbidden), "\(forbidden)")
    }
    for tag in ["svg", "g", "section", "table", "tr", "td", "text", "title", "dl", "div"] {
      let opened = page.matches(of: try Regex("<\(tag)[ >]")).count
      #expect(opened > 0 && opened == page.components(separatedBy: "</\(tag)>").count - 1, "\(tag)")
    }
    #expect(try Tracezip.run("stats", "--html", "s.html", "a.trz", in: folder).status == 1)
    #expect(try Tracezip.run("stats", "-f", "--html", "s.html", "a.trz", in: folder).status == 0)
  }

  @Test(
    "stats: a browser draws the page in light and in dark",
    .enabled(if: isInstalled("chromium", "chromium-browser", "google-chrome"), "Chromium is not installed"))
  func browser() throws {
    let folder = try archived()
    #expect(try Tracezip.run("stats", "--html", "s.html", "a.trz", in: folder).status == 0)
    let script = """
      for name in chromium chromium-browser google-chrome; do command -v $name >/dev/null && browser=$name && break; done
      run() { timeout 60 $browser --headless --no-sandbox --disable-gpu --user-data-dir="$PWD/profile" "$@" 2>>log; }
      run --dump-dom "file://$PWD/s.html" > dom.html || exit 1
      run --window-size=1000,1600 --screenshot="$PWD/light.png" "file://$PWD/s.html" || exit 1
      run --window-size=1000,1600 --force-dark-mode --blink-settings=preferredColorScheme=0 \
        --screenshot="$PWD/dark.png" "file://$PWD/s.html" || exit 1
      cmp -s light.png dark.png && exit 1; [ -s dark.png ] && cat dom.html
      """
    let run = try folder.shell(script)
    #expect(run.status == 0, "\(run.messages)")
    #expect(run.text.components(separatedBy: "<rect").count > 30)
  }

  @Test("treemap: areas are as the values, inside the space and beside each other")
  func treemap() {
    let space = Treemap.Rectangle(x: 0, y: 0, width: 940, height: 420)
    for values in [[1], [5, 3, 2, 1, 1], [1000, 1, 1, 1], (1...200).reversed().map(Double.init)] as [[Double]] {
      let cells = Treemap.layout(values, in: space)
      #expect(cells.count == values.count)
      let unit = space.width * space.height / values.reduce(0, +)
      for (value, cell) in zip(values, cells) {
        #expect(abs(cell.width * cell.height - value * unit) < 0.01 * value * unit)
        #expect(cell.x >= -0.001 && cell.x + cell.width <= space.width + 0.001)
        #expect(cell.y >= -0.001 && cell.y + cell.height <= space.height + 0.001)
      }
      for (i, a) in cells.enumerated() {
        for b in cells[(i + 1)...] {
          let width = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
          let height = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
          #expect(width < 0.01 || height < 0.01)
        }
      }
    }
    #expect(Treemap.layout([], in: space).isEmpty)
  }

  @Test("verify: --against finds the first byte that differs, and a length that does")
  func against() throws {
    let folder = try TemporaryFolder.withCapture()
    #expect(try Tracezip.run("in", in: folder).status == 0)
    func verify() throws -> Tracezip.Result {
      try Tracezip.run("verify", "--against", "in", "in.trz", in: folder)
    }
    let same = try verify()
    #expect(same.status == 0 && same.messages.isEmpty)
    var changed = Captures.small
    changed[4711] ^= 1
    try folder.write(changed, to: "in")
    let differs = try verify()
    #expect(differs.status == 1 && differs.messages.contains("byte 4,711"), "\(differs.messages)")
    try folder.write(Captures.small + [0], to: "in")
    #expect(try verify().messages.contains("the original goes on"))
    try folder.write(Captures.small.dropLast(), to: "in")
    #expect(try verify().messages.contains("the original ends"))
    #expect(try verify().status == 1)
  }

  @Test("verify: every kind of damage is told with its place, also as JSON, and other archives are still checked")
  func verifies() throws {
    let folder = try TemporaryFolder()
    let archive = try Captures.archive(of: Captures.noise, "--segment-size", "128K", "--block-size", "64K")
    var changed = archive
    changed[archive.count / 2] ^= 0x10
    try folder.write(changed, to: "changed.trz")
    try folder.write(archive, to: "good.trz")
    let run = try Tracezip.run("verify", "--json", "changed.trz", "good.trz", in: folder)
    #expect(run.status == 3)
    let lines = run.text.split(separator: "\n")
    try #require(lines.count == 2)
    let first = try #require(try JSONSerialization.jsonObject(with: Data(lines[0].utf8)) as? [String: Any])
    #expect(first["sound"] as? Bool == false)
    let problem = try #require((first["problems"] as? [[String: Any]])?.first)
    #expect(problem["offset"] is Int && problem["segment"] is Int && problem["message"] is String)
    #expect(lines[1].contains("\"sound\":true"))
    let summary = try Tracezip.run("verify", "-v", "changed.trz", "good.trz", "good.trz", in: folder).messages
    #expect(summary.contains("\n2 of 3 archives sound, "), "\(summary)")
    for quick in [["--quick"], []] {
      #expect(try Tracezip.run(["verify", "changed.trz"] + quick, in: folder).status == 3)
      #expect(try Tracezip.run(["verify", "good.trz"] + quick, in: folder).status == 0)
    }
  }

  @Test("list: spans, time and services of an archive, or of each of its segments")
  func lists() throws {
    let folder = try archived()
    let list = try object(Tracezip.run("list", "--json", "a.trz", in: folder))
    #expect(list["spans"] as? Int == 1800)
    #expect((list["services"] as? [String])?.isEmpty == false)
    let first = try #require(list["firstStartTimeUnixNano"] as? UInt64)
    #expect(first <= (try #require(list["lastStartTimeUnixNano"] as? UInt64)))
    let line = try Tracezip.run("-l", "a.trz", in: folder)
    #expect(line.text.contains("1,800") && line.text.contains("a.trz") && line.text.contains("Z"))
    let many = try Captures.archive(of: Captures.capture(batches: 30), "--segment-size", "128K", "--block-size", "64K")
    try folder.write(many, to: "many.trz")
    let segments = try Tracezip.run("list", "--segments", "many.trz", in: folder)
    let lines = segments.text.split(separator: "\n").dropFirst()
    #expect(lines.count > 1 && lines.enumerated().allSatisfy { $1.contains("many.trz \($0)") }, "\(segments.text)")
    let spans = lines.compactMap { Int($0.split(separator: " ").first?.filter(\.isNumber) ?? "") }
    #expect(spans.reduce(0, +) == 1800)
    #expect(try Tracezip.run("-l", input: many).text.contains("1,800"), "from a pipe as well")
    try folder.write(try Captures.archive(of: Captures.small), to: "small.trz")
    let small = try object(Tracezip.run("list", "--json", "small.trz", in: folder))
    #expect(small["spans"] as? Int == 240 && (small["services"] as? [String])?.isEmpty == false, "without an index too")
  }

  @Test("compressed inputs: what is inside comes back under its own name; --no-unwrap keeps the container's bytes")
  func unwraps() throws {
    let folder = try TemporaryFolder.withCapture()
    let made = try folder.shell("gzip -k in; for t in zstd lz4; do command -v $t >/dev/null && $t -q -k in; done; ls")
    for suffix in ["gz", "zst", "lz4"] where made.text.contains("in.\(suffix)\n") {
      let name = "in.\(suffix)"
      let run = try Tracezip.run("-f", name, in: folder)
      #expect(run.status == 0 && run.messages.contains("in comes back") || run.messages.contains("restoring gives in"))
      #expect(try Tracezip.run("-dc", "in.trz", in: folder).output == Captures.small)
      let whole = try Tracezip.run("-c", "--no-unwrap", name, in: folder)
      #expect(try Tracezip.run("-d", input: whole.output).output == (try folder.read(name)))
      let piped = try Tracezip.run("-c", input: try folder.read(name), in: folder)
      #expect(try Tracezip.run("-d", input: piped.output).output == Captures.small)
    }
    // Not clean: its own bytes are kept, and that is said.
    try folder.write(try folder.read("in.gz") + [1, 2, 3], to: "odd.gz")
    let odd = try Tracezip.run("odd.gz", in: folder)
    #expect(odd.status == 0 && odd.messages.contains("archived as it is"))
    #expect(try Tracezip.run("-dc", "odd.gz.trz", in: folder).output == (try folder.read("odd.gz")))
    let stream = try Tracezip.run("-o", "x.trz", input: try folder.read("odd.gz"), in: folder)
    #expect(stream.status == 1 && stream.messages.contains("--no-unwrap") && !folder.exists("x.trz"))
  }
}
