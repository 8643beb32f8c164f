import TestSupport
import Testing
import Tracezip

@testable import TracezipCommands

@Suite("CLI.md: settings")
struct SettingsTests {
  @Test("environment: TRACEZIP_LEVEL and TRACEZIP_THREADS; a wrong one is told, not passed over")
  func environment() throws {
    let folder = try TemporaryFolder.withCapture()
    for (name, value) in [("TRACEZIP_LEVEL", "high"), ("TRACEZIP_LEVEL", "20"), ("TRACEZIP_THREADS", "-1")] {
      let run = try Tracezip.run("-c", "in", environment: [name: value], in: folder)
      #expect(run.status == 64 && run.output.isEmpty, "\(name)=\(value): \(run.messages)")
    }
    #expect(try Tracezip.run("-c", "in", environment: ["TRACEZIP_LEVEL": "19"], in: folder).status == 0)
  }

  @Test("environment: nothing else is heard")
  func otherVariables() throws {
    let folder = try TemporaryFolder.withCapture()
    let usual = try Tracezip.run("-c", "in", in: folder).output
    let others = [
      "TRACEZIP_CODEC": "none", "TRACEZIP_EFFORT": "best", "TRACEZIP_DELTA": "off", "LEVEL": "19", "level": "19",
      "TRACEZIP_CONFIG": "missing", "CONFIG_ACCESS_LOG_FILE": folder.file("log"),
    ]
    #expect(try Tracezip.run("-c", "in", environment: others, in: folder).output == usual)
    #expect(folder.contents == ["in"])
  }

  @Test("environment: the command line goes before the environment, that before the config file, that before defaults")
  func precedence() throws {
    let folder = try TemporaryFolder.withCapture()
    try folder.write(Array("level = 99\n".utf8), to: "bad")
    func status(_ arguments: [String], _ environment: [String: String]) throws -> Int32 {
      try Tracezip.run(["-c", "in"] + arguments, environment: environment, in: folder).status
    }
    // A level out of range that reaches the end is an error: what wins shows by who is heard.
    #expect(try status(["--config", "bad"], [:]) == 64)
    #expect(try status(["--config", "bad"], ["TRACEZIP_LEVEL": "5"]) == 0)
    #expect(try status(["--config", "bad"], ["TRACEZIP_LEVEL": "98"]) == 64)
    #expect(try status(["--config", "bad", "-5"], ["TRACEZIP_LEVEL": "98"]) == 0)
    #expect(try status([], [:]) == 0)
    // Every other option that has a key in the file, too: what wins shows in the bytes.
    try folder.write(Array("codec = none\neffort = best\ndelta = off\nblock-size = 4K\n".utf8), to: "plain")
    func packed(_ arguments: [String]) throws -> [UInt8] {
      try Tracezip.run(["-c", "in"] + arguments, in: folder).output
    }
    let plain = try packed(["--config", "plain"])
    #expect(try packed(["--codec=none", "--best", "--without=delta", "--block-size=4K"]) == plain)
    let over = ["--codec=auto", "--block-size=4M", "-3"]
    #expect(try packed(["--config", "plain"] + over) == packed(["--without=delta"]))
  }

  @Test("config file: $XDG_CONFIG_HOME/tracezip/config, else ~/.config, is read without being named")
  func found() throws {
    let folder = try TemporaryFolder.withCapture()
    #expect(try folder.shell("mkdir -p x/tracezip .config/tracezip; echo level=99 > x/tracezip/config").status == 0)
    #expect(try Tracezip.run("-c", "in", in: folder).status == 0)
    let named = try Tracezip.run("-c", "in", environment: ["XDG_CONFIG_HOME": folder.file("x")], in: folder)
    #expect(named.status == 64)
    #expect(try folder.shell("mv x/tracezip/config .config/tracezip/; tracezip -c in > /dev/null").status == 64)
  }

  @Test("config file: every setting of TracezipConfig has a key, and a slip of the pen is told with its line")
  func keys() throws {
    let folder = try TemporaryFolder.withCapture()
    let lines = [
      "# every setting", "enabled = yes", "minimum-batch-size = 1K", "largest-string-table = 32MiB", "delta = on",
      "deduplication = true", "string-table = 1", "derived = no", "id-prediction = off", "codec = zstd", "level = 7",
      "effort = best # slow", "input-format = auto", "segment-size = 8M", "block-size = 1M", "threads = 2",
      "memory-limit = 1G", "trace-filter-bits = 4", "largest-index-share = 0.02", "unwrap = false",
      "flush-interval = 2s",
    ]
    try folder.write(Array(lines.joined(separator: "\n").utf8), to: "all")
    let packed = try Tracezip.run("-c", "in", "--config", "all", in: folder)
    #expect(packed.status == 0, "\(packed.messages)")
    #expect(try Tracezip.run("-d", input: packed.output).output == Captures.small)
    #expect(Setting.all.count == lines.count - 1)
    // A setting whose key did nothing would leave its property as it is by default.
    let lists = lines.map {
      switch $0 {
      case "enabled = yes": "enabled = no"
      case "delta = on": "delta = off"
      case "deduplication = true": "deduplication = false"
      case "string-table = 1": "string-table = 0"
      case "input-format = auto": "input-format = json"
      default: $0
      }
    }
    try folder.write(Array(lists.joined(separator: "\n").utf8), to: "changed")
    let settings = try Settings(RunOptions.parse(["--config", folder.file("changed")]))
    #expect(!settings.unwraps)
    let properties = zip(Mirror(reflecting: settings.config).children, Mirror(reflecting: TracezipConfig()).children)
    for (changed, normal) in properties {
      #expect("\(changed.value)" != "\(normal.value)", "no key sets \(changed.label ?? "")")
    }
    for wrong in ["levle = 3", "level = high", "just words", "delta = perhaps", "block-size = 1X"] {
      try folder.write(Array("# comment\n\(wrong)\n".utf8), to: "wrong")
      let run = try Tracezip.run("-c", "in", "--config", "wrong", in: folder)
      #expect(run.status == 64 && run.messages.contains("wrong: line 2"), "\(wrong): \(run.messages)")
    }
    #expect(try Tracezip.run("-c", "in", "--config", "missing", in: folder).status == 1)
  }

  @Test("--without STAGE and --codec change the archive, never what comes back")
  func stages() throws {
    for stage in Stage.allCases {
      let packed = try Tracezip.run("-c", "--without", stage.rawValue, input: Captures.small)
      #expect(packed.status == 0, "\(packed.messages)")
      #expect(try Tracezip.run("-d", input: packed.output).output == Captures.small, "\(stage)")
    }
    let (long, short) = (
      try Tracezip.run("-c", "--without", "deduplication", input: Captures.small),
      try Tracezip.run("-c", "--without", "dedup", input: Captures.small)
    )
    #expect(short.status == 0 && short.output == long.output, "\(short.messages)")
    for codec in ["auto", "none", "lz4", "zstd"] {
      let packed = try Tracezip.run("-c", "--codec", codec, input: Captures.small)
      #expect(try Tracezip.run("-d", input: packed.output).output == Captures.small, "\(codec)")
    }
    for format in InputFormat.allCases {
      let packed = try Tracezip.run("-c", "--input-format", format.rawValue, input: Captures.small)
      #expect(try Tracezip.run("-d", input: packed.output).output == Captures.small, "\(format)")
    }
  }

  @Test("sizes and times are read as people write them")
  func sizes() {
    for (text, bytes) in [("4096", 4096), ("64K", 65536), ("64KiB", 65536), ("64kb", 64000), ("1.5M", 1_572_864)] {
      #expect(ByteSize(argument: text)?.bytes == bytes)
    }
    for (text, seconds) in [("2", 2), ("500ms", 0.5), ("1.5m", 90), ("1h", 3600), ("250us", 0.00025)] {
      #expect(TimeSpan(argument: text)?.seconds == seconds)
    }
    for text in ["", "s", "-1", "1 s", "1d", "inf"] { #expect(TimeSpan(argument: text) == nil) }
    for text in ["", "K", "-1", "1Q", "nan", "9999999T", "1 M"] { #expect(ByteSize(argument: text) == nil) }
  }
}
