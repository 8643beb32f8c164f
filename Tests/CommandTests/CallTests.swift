import ArgumentParser
import Foundation
import TestSupport
import Testing
import Workload

@testable import TracezipCommands

@Suite("CLI.md: calls")
struct CallTests {
  @Test("exit status: 0 ok, 1 error, 2 warning only, 3 archive damaged, 64 usage")
  func exitStatus() throws {
    let folder = try TemporaryFolder.withCapture()
    #expect(try Tracezip.run("in", in: folder).status == 0)
    #expect(try Tracezip.run("nothing", in: folder).status == 1)
    #expect(try Tracezip.run("-t", "in", in: folder).status == 3)
    try folder.write(try Captures.archive(of: Array("no traces in here\n".utf8)), to: "none.trz")
    #expect(try Tracezip.run("cat", "--to", "otlp-json", "none.trz", in: folder).status == 2)
    // Of several the gravest counts.
    #expect(try Tracezip.run("cat", "--to", "otlp-json", "none.trz", "nothing", in: folder).status == 1)
    #expect(try Tracezip.run("cat", "--to", "otlp-json", "none.trz", "in", in: folder).status == 3)
    for arguments in [
      ["--nonsense"], ["compress", "--level"], ["-0", "in"], ["-20", "in"], ["--codec", "gzip", "in"],
    ] {
      let run = try Tracezip.run(arguments, in: folder)
      #expect(run.status == 64, "\(arguments)")
      #expect(run.messages.hasPrefix("tracezip: ") && run.messages.split(separator: "\n").count == 2, "\(run.messages)")
    }
  }

  @Test("version --json tells the format that archives are written in")
  func formatVersion() throws {
    let archive = try Captures.archive(of: Captures.small)
    #expect(Int(archive[4] & 0x3F) == Formats.written && Formats.read.contains(Formats.written))
    #expect(try Tracezip.run("version", "--json").text.contains("\"writes\":\(Formats.written)"))
  }

  @Test("levels: -1 to -19, --level N, --fast, --best; -19 is not -1 -9")
  func levels() throws {
    #expect(ArgumentRewriter.rewrite(name: "tracezip", ["-19", "f"]) == ["compress", "--level=19", "f"])
    #expect(ArgumentRewriter.rewrite(name: "tracezip", ["-c19f"]) == ["compress", "-c", "--level=19", "-f"])
    #expect(ArgumentRewriter.rewrite(name: "tracezip", ["compress", "-3T4"]) == ["compress", "--level=3", "-T", "4"])
    for level in ["-1", "-9", "-19", "--level=12", "--fast", "--best"] {
      let packed = try Tracezip.run("-c", level, input: Captures.small)
      #expect(packed.status == 0, "\(level): \(packed.messages)")
      #expect(try Tracezip.run("-d", input: packed.output).output == Captures.small, "\(level)")
    }
    #expect(try Tracezip.run("--fast", "--best", input: []).status == 64)
  }

  @Test("calls that the argument parser is spared mean what it would read", arguments: [1, 2, 3] as [UInt64])
  func plainCalls(seed: UInt64) throws {
    let words = [
      "-c", "--stdout", "-f", "--force", "-k", "--keep", "--rm", "-q", "--quiet", "-v", "--verbose", "-T", "--threads",
      "0", "1", "2", "-o", "--output", "--level=3", "--level=19", "--level=20", "--level", "--fast", "--best",
      "--verify", "--recover", "a", "b.trz", "-", "--", "", "-x", "--output=c", "--without", "delta", "--threads=4",
      "ü",
    ]
    var random = SeededRandom(seed: seed)
    var plain = 0
    for _ in 0..<3000 {
      let command = random.below(2) == 0 ? "compress" : "decompress"
      let arguments = (0..<random.below(6)).map { _ in words[random.below(words.count)] }
      guard let read = PlainCall.command([command] + arguments) else { continue }
      plain += 1
      let parsed: any ParsableCommand =
        command == "compress" ? try Compress.parse(arguments) : try Decompress.parse(arguments)
      #expect(Self.values(read) == Self.values(parsed), "seed \(seed): \(command) \(arguments)")
    }
    #expect(plain > 300, "seed \(seed)")
    // What nearly all calls are, is.
    for call in ["compress a", "compress -c -T 1 a", "compress --level=9 -o b a -f", "decompress -c a", "decompress"] {
      #expect(PlainCall.command(call.split(separator: " ").map(String.init)) != nil, "\(call)")
    }
  }

  /// The values of a command, by name: what the parser keeps beside them is its own.
  private static func values(_ command: Any, _ path: String = "") -> [String] {
    Mirror(reflecting: command).children.flatMap { name, value -> [String] in
      let place = path + "." + (name ?? "")
      if let group = value as? any GroupOfOptions { return values(group.all, place) }
      if let option = value as? any ReadValue { return ["\(place) = \(option.value)"] }
      return ["\(place) = \(value)"]
    }
  }

  @Test("rewriting leaves file names and the values of options alone")
  func rewriting() {
    func rewrite(_ arguments: String...) -> [String] { ArgumentRewriter.rewrite(name: "/usr/bin/tracezip", arguments) }
    #expect(rewrite() == ["compress"])
    #expect(rewrite("-dcf", "a") == ["decompress", "-c", "-f", "a"])
    #expect(rewrite("a", "-d") == ["decompress", "a"])
    #expect(rewrite("--", "-d", "-19") == ["compress", "--", "-d", "-19"])
    #expect(rewrite("-o", "-d", "a") == ["compress", "-o", "-d", "a"])
    #expect(rewrite("--output", "-t", "a") == ["compress", "--output", "-t", "a"])
    #expect(rewrite("-oout", "a") == ["compress", "-o", "out", "a"])
    #expect(rewrite("-T0", "-M=1G") == ["compress", "-T", "0", "-M", "1G"])
    #expect(rewrite("-tk", "a") == ["verify", "a"])
    #expect(rewrite("-l") == ["list"])
    #expect(rewrite("--decompress", "-") == ["decompress", "-"])
    #expect(rewrite("verify", "-k") == ["verify", "-k"])
    #expect(rewrite("stats", "--json", "a") == ["stats", "--json", "a"])
  }

  @Test("rewriting knows every option that takes a value, or its value would be taken for options")
  func optionsWithValues() throws {
    let dump = try Tracezip.run("--experimental-dump-help")
    let tool = try #require(try JSONSerialization.jsonObject(with: Data(dump.output)) as? [String: Any])
    var short: Set<Character> = []
    var long: Set<String> = ["--generate-completion-script"]
    var commands: Set<String> = []
    func visit(_ command: [String: Any]) {
      for argument in command["arguments"] as? [[String: Any]] ?? [] where argument["kind"] as? String == "option" {
        for name in argument["names"] as? [[String: Any]] ?? [] {
          let text = name["name"] as? String ?? ""
          if name["kind"] as? String == "long" { long.insert("--" + text) } else { short.insert(Character(text)) }
        }
      }
      for child in command["subcommands"] as? [[String: Any]] ?? [] {
        commands.insert(child["commandName"] as? String ?? "")
        visit(child)
      }
    }
    visit(try #require(tool["command"] as? [String: Any]))
    #expect(short == Set(ArgumentRewriter.shortWithValue))
    #expect(long == Set(ArgumentRewriter.longWithValue))
    #expect(commands == Set(ArgumentRewriter.commands))
  }

  @Test("threads: -T N and -T0; the archive's bytes do not depend on it")
  func threads() throws {
    let capture = Captures.capture(batches: 40)
    let size = ["--segment-size", "256K", "--block-size", "128K"]
    let one = try Tracezip.run(["-c", "-T1"] + size, input: capture)
    #expect(one.status == 0)
    for count in ["-T0", "-T2", "-T7", "--threads=3"] {
      #expect(try Tracezip.run(["-c", count] + size, input: capture).output == one.output, "\(count)")
      #expect(try Tracezip.run("-d", count, input: one.output).output == capture)
    }
  }

  @Test("threads: -l, -t and -d take -T and -M too, or an alias that sets them fails where gzip's and xz's would not")
  func threadsEverywhere() throws {
    let archive = try Tracezip.run("-c", input: Captures.capture(batches: 2)).output
    for mode in ["-l", "-t", "-d"] {
      #expect(try Tracezip.run(mode, "-T2", "-M", "1G", input: archive).status == 0, "\(mode)")
      #expect(try Tracezip.run(mode, "-T", "many", input: archive).status == 64, "\(mode)")
    }
  }

  @Test("memory: -M is a hard bound on decoding, in words that say what is needed; -vv tells what compressing needs")
  func memory() throws {
    let folder = try TemporaryFolder()
    try folder.write(Captures.capture(batches: 120), to: "in")
    #expect(!(try Tracezip.run("-fv", "in", in: folder).messages.contains("memory")))
    let told = try Tracezip.run("-fvv", "-T1", "in", in: folder).messages
    #expect(told.contains("compressing needs about") && told.contains("of memory"), "\(told)")
    #expect(try Tracezip.run("-dc", "-M", "2G", "in.trz", in: folder).status == 0)
    let bounded = try Tracezip.run("-dc", "-M", "1M", "in.trz", in: folder)
    #expect(bounded.status == 1 && bounded.messages.contains("-M"), "\(bounded.messages)")
    #expect(try Tracezip.run("-dc", "-M", "1K", "in.trz", in: folder).status == 64)
    #expect(try Tracezip.run("-dc", "-M", "lots", "in.trz", in: folder).status == 64)
  }

  @Test("names by call: untracezip decompresses, trzcat does so to standard output")
  func names() throws {
    let folder = try TemporaryFolder.withCapture()
    #expect(try Tracezip.run("--rm", "in", in: folder).status == 0)
    #expect(try Tracezip.run("in.trz", in: folder, name: "trzcat").output == Captures.small)
    #expect(try Tracezip.run("in.trz", in: folder, name: "untracezip").status == 0)
    #expect(try folder.read("in") == Captures.small)
  }

  @Test("the bare command: -d, -t, -l work on it, and tar -I tracezip packs and unpacks")
  func bareCommand() throws {
    let folder = try TemporaryFolder.withCapture()
    #expect(try Tracezip.run("in", in: folder).status == 0)
    #expect(try Tracezip.run("-t", "in.trz", in: folder).status == 0)
    #expect(try Tracezip.run("-l", "in.trz", in: folder).text.contains("in.trz"))
    let tar = try folder.shell(
      "mkdir t && cp in t/a && tar -I tracezip -cf t.tar.trz t && rm -r t && tar -I tracezip -xf t.tar.trz && cmp t/a in"
    )
    #expect(tar.status == 0, "\(tar.messages)")
  }

  /// What schema 1 has had. Names may be added, here as well; none may go.
  private static let members = [
    "list": """
    archiveBytes firstStartTimeUnixNano lastStartTimeUnixNano messages ratio segments services spans traces
    """,
    "stats": """
    archiveBytes archives attributes blocks codecs columns commonBytes deduplicatedRecords firstStartTimeUnixNano \
    framing idGenerators kinds lastStartTimeUnixNano messages microseconds overheadBytes plainBytes ratio segments \
    serviceShares services spanNameCount spanNames spans templateShares templates traces
    """,
    "verify": "archiveBytes archives blocks problems restored segments sound",
    "version": "format version",
  ]

  @Test("scripts: list, stats and verify take --json with a schema version, and the schema only grows")
  func json() throws {
    let folder = try TemporaryFolder.withCapture()
    #expect(try Tracezip.run("in", in: folder).status == 0)
    for command in ["list", "stats", "verify", "version"] {
      let run = try Tracezip.run([command, "--json"] + (command == "version" ? [] : ["in.trz"]), in: folder)
      #expect(run.status == 0, "\(run.messages)")
      let value = try JSONSerialization.jsonObject(with: Data(run.output)) as? [String: Any]
      #expect(value?["schemaVersion"] as? Int == 1 && value?["command"] as? String == command)
      for name in Self.members[command]!.split(separator: " ") {
        #expect(value?[String(name)] != nil, "\(command): \(name)")
      }
      if command != "version" {
        #expect(value?["name"] as? String == "in.trz" && value?["originalBytes"] as? Int == Captures.small.count)
      }
    }
  }
}

private protocol GroupOfOptions { var all: Any { get } }
private protocol ReadValue { var value: String { get } }
extension OptionGroup: GroupOfOptions { var all: Any { wrappedValue } }
extension Option: ReadValue { var value: String { String(describing: wrappedValue) } }
extension Flag: ReadValue { var value: String { String(describing: wrappedValue) } }
extension Argument: ReadValue { var value: String { String(describing: wrappedValue) } }
