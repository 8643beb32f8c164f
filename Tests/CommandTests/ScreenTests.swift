import Foundation
import TestSupport
import Testing

@testable import TracezipCommands

#if canImport(Glibc)
  import Glibc
#endif

@Suite("CLI.md: screen")
struct ScreenTests {
  /// Feeds a pipe in pieces, so that the work takes a second.
  private func slowly(_ folder: TemporaryFolder, _ arguments: [String], environment: [String: String] = [:]) throws
    -> Tracezip.Result
  {
    try #require(unsafe mkfifo(folder.file("pipe"), 0o600) == 0)
    let path = folder.file("pipe")
    let piece = Captures.capture(batches: 8)
    let thread = SlowFeeder(path: path, piece: piece)
    defer { thread.join() }
    let size = ["--segment-size", "64K", "--block-size", "64K", "-T1"]
    return try Tracezip.runOnTerminal(
      arguments + size + ["-f", "-o", "out.trz", "pipe"], in: folder, environment: environment)
  }

  @Test("progress: on a terminal, with bytes, rate and ratio; none with --no-progress or -q")
  func progress() throws {
    let shown = try slowly(try TemporaryFolder(), [])
    #expect(shown.status == 0, "\(shown.text)")
    #expect(shown.text.contains("MB/s") || shown.text.contains("kB/s"), "\(shown.text)")
    for silent in ["--no-progress", "-q"] {
      let run = try slowly(try TemporaryFolder(), [silent])
      #expect(run.status == 0 && !run.text.contains("B/s"), "\(run.text)")
    }
  }

  @Test("progress: of a file of known size also spans, ratio, how much is done and how long the rest will take")
  func progressOfFile() throws {
    let folder = try TemporaryFolder()
    try folder.write(Captures.capture(batches: 250), to: "in")
    let small = ["--segment-size", "64K", "--block-size", "64K", "-T1"]
    let run = try Tracezip.runOnTerminal(["--best", "in"] + small, in: folder, columns: 160)
    #expect(run.status == 0)
    let line = /\d+%, [\d.]+ [kM]B of [\d.]+ [kM]B, [\d,]+ spans, [\d.]+ [kM]B\/s, [\d.]+x, [\d.:]+( s)? left/
    #expect(run.text.contains(line), "\(run.text)")
    let verified = try Tracezip.runOnTerminal(["verify", "in.trz"], in: folder)
    #expect(verified.status == 0 && verified.text.contains("sound"), "\(verified.text)")
  }

  @Test("progress: bench tells what it is at, on a terminal only")
  func progressOfBench() throws {
    let folder = try TemporaryFolder()
    let arguments = ["bench", "--batch-spans", "10", "--spans", "200", "--runs", "1"]
    let shown = try Tracezip.runOnTerminal(arguments, in: folder)
    #expect(shown.status == 0 && shown.text.contains("batches of 10 spans\r\u{1B}[K"), "\(shown.text)")
    #expect(!(try Tracezip.runOnTerminal(arguments + ["-q"], in: folder).text.contains("batches of")))
    #expect(try Tracezip.run(arguments, in: folder).messages.isEmpty)
  }

  @Test("progress: nothing in pipes")
  func noProgressInPipes() throws {
    let folder = try TemporaryFolder()
    let run = try folder.shell(
      "(head -c 2000000 /dev/urandom; sleep 0.6; head -c 2000000 /dev/urandom) | tracezip -o x.trz")
    #expect(run.status == 0 && run.messages.isEmpty)
  }

  @Test("NO_COLOR: no colour for those who mind it, and none in pipes")
  func color() throws {
    let folder = try TemporaryFolder.withCapture()
    #expect(try Tracezip.run("in", in: folder).status == 0)
    for command in ["list", "stats"] {
      #expect(try Tracezip.runOnTerminal([command, "in.trz"], in: folder).text.contains("\u{1B}["))
      let plain = try Tracezip.runOnTerminal([command, "in.trz"], in: folder, environment: ["NO_COLOR": "1"])
      #expect(plain.status == 0 && !plain.text.contains("\u{1B}"))
      #expect(!(try Tracezip.run(command, "in.trz", in: folder).text.contains("\u{1B}")))
    }
  }

  @Test("a table fits the terminal it is shown on")
  func width() throws {
    let folder = try TemporaryFolder.withCapture()
    #expect(try Tracezip.run("in", in: folder).status == 0)
    let run = try Tracezip.runOnTerminal(
      ["stats", "--columns", "in.trz"], in: folder, columns: 70, environment: ["NO_COLOR": "1"])
    let table = run.text.split(separator: "\r\n").drop { !$0.hasPrefix("column") }
    #expect(table.count > 3 && table.allSatisfy { $0.count <= 70 }, "\(run.text)")
  }

  @Test("a file name cannot steer the terminal")
  func sanitised() throws {
    let folder = try TemporaryFolder()
    let run = try Tracezip.run("no\u{1B}]0;title\u{7}\u{202E}such\nfile", in: folder)
    #expect(run.status == 1)
    #expect(run.messages.contains(#"no\x1b]0;title\x07\u{202e}such\nfile"#), "\(run.messages)")
    #expect(!run.messages.contains("\u{1B}"))
    #expect("plain äöü 漢字 🙂".sanitised == "plain äöü 漢字 🙂")
    #expect("a\u{9B}31m\u{200B}".sanitised == #"a\x9b31m\u{200b}"#)
  }

  @Test("names that are not UTF-8 reach the system as they were")
  func pathNames() {
    for bytes: [UInt8] in [
      Array("plain".utf8), [0x62, 0xFF, 0xFE], [0xC3], [0xE2, 0x82], [0xED, 0xA0, 0x80], Array("漢\u{10FF41}字".utf8),
      [0xF4, 0x8F, 0xBD, 0x81], [],
    ] {
      #expect(PathName.bytes(PathName.string(bytes)) == bytes)
    }
  }

  @Test("numbers, sizes and times read well")
  func numbers() {
    #expect(Text.grouped(1_234_567) == "1,234,567" && Text.grouped(-999) == "-999")
    #expect(Text.size(999) == "999 B" && Text.size(39_300_000) == "39.3 MB" && Text.size(999_999) == "1.00 MB")
    #expect(Text.fixed(3.14159, 2) == "3.14" && Text.fixed(-0.001, 1) == "0.0" && Text.fixed(.infinity, 2) == "-")
    #expect(Text.duration(0.85) == "850 ms" && Text.duration(245) == "4:05" && Text.duration(3723) == "1:02:03")
    #expect(Text.time(1_709_210_096_789_000_000) == "2024-02-29T12:34:56.789Z")
    #expect(Text.time(0) == "1970-01-01T00:00:00.000Z")
  }
}

/// Writes a piece into a named pipe every tenth of a second, for a second.
private final class SlowFeeder: @unchecked Sendable {
  private let done = DispatchSemaphore(value: 0)

  init(path: String, piece: [UInt8]) {
    Thread.detachNewThread { [done] in
      let descriptor = unsafe open(path, O_WRONLY)
      for _ in 0..<10 {
        var at = 0
        while at < piece.count {
          let n = unsafe piece.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress! + at, piece.count - at) }
          if n <= 0 { break }
          at += n
        }
        usleep(100_000)
      }
      _ = close(descriptor)
      done.signal()
    }
  }

  func join() { done.wait() }
}
