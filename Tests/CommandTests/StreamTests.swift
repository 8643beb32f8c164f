import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#endif

@Suite("CLI.md: streams")
struct StreamTests {
  @Test("stdin/stdout: no file or - is standard input, and standard output gets the result")
  func standardStreams() throws {
    let folder = try TemporaryFolder.withCapture()
    for arguments in [[], ["-"], ["compress"], ["compress", "-"], ["-c", "-"], ["-o", "-"]] {
      let packed = try Tracezip.run(arguments, input: Captures.small, in: folder)
      #expect(packed.status == 0, "\(arguments): \(packed.messages)")
      for back in [["-d"], ["-d", "-"], ["decompress"], ["decompress", "-c"]] {
        let restored = try Tracezip.run(back, input: packed.output, in: folder)
        #expect(restored.status == 0 && restored.output == Captures.small, "\(arguments) then \(back)")
      }
    }
    #expect(folder.contents == ["in"])
  }

  @Test("stdin/stdout: a redirection alone does not choose standard output, or --rm would lose the input (lz4#1193)")
  func redirectionChoosesNothing() throws {
    let folder = try TemporaryFolder.withCapture()
    #expect(try folder.shell("tracezip in > out").status == 0)
    #expect(try folder.read("out").isEmpty)
    #expect(folder.contents == ["in", "in.trz", "out"])
    #expect(try folder.shell("tracezip -c --rm in > out").status == 0)
    #expect(try folder.read("in") == Captures.small)
  }

  @Test("stdin/stdout: -c and -o - write to standard output and leave nothing else")
  func toStandardOutput() throws {
    let folder = try TemporaryFolder.withCapture()
    let packed = try Tracezip.run("-c", "in", in: folder)
    #expect(try Tracezip.run("compress", "-o", "-", "in", in: folder).output == packed.output)
    #expect(try Tracezip.run("-o", "/dev/stdout", "in", in: folder).output == packed.output)
    #expect(try Tracezip.run("-dc", input: packed.output, in: folder).output == Captures.small)
    #expect(folder.contents == ["in"])
  }

  @Test("terminal: no archive is written to or read from a terminal without -f")
  func terminal() throws {
    let folder = try TemporaryFolder.withCapture()
    for arguments in [["-c", "in"], ["compress", "-c", "in"], [], ["-d"], ["-l"], ["stats"], ["-t"]] {
      let run = try Tracezip.runOnTerminal(arguments, in: folder)
      #expect(run.status == 1, "\(arguments): \(run.text)")
      #expect(run.text.contains("terminal"))
    }
    let forced = try Tracezip.runOnTerminal(["-cf", "in"], in: folder)
    #expect(forced.status == 0 && forced.output.starts(with: Array("TRZ".utf8)))
  }

  @Test("messages: standard output carries data only, everything else goes to standard error")
  func messages() throws {
    let folder = try TemporaryFolder.withCapture()
    let packed = try Tracezip.run("-vvv", "--progress", "in", in: folder)
    #expect(packed.status == 0 && packed.output.isEmpty && packed.messages.contains("in: "))
    let wrong = try Tracezip.run("-d", "in", in: folder)
    #expect(wrong.status == 3 && wrong.output.isEmpty && wrong.messages.hasPrefix("tracezip: in: "))
    let usage = try Tracezip.run("--no-such-thing", in: folder)
    #expect(usage.status == 64 && usage.output.isEmpty && usage.messages.hasPrefix("tracezip: "))
    #expect(try Tracezip.run("in", "-f", in: folder).messages == "", "in pipes nothing is said without a reason")
    #expect(try Tracezip.run("-q", "in", in: folder).status == 1)
  }

  @Test("plain data to -dcf: it passes through unchanged, as with zcat -f")
  func passesThrough() throws {
    let folder = try TemporaryFolder.withCapture()
    let archive = try Captures.archive(of: Captures.other)
    try folder.write(archive, to: "a.trz")
    #expect(try Tracezip.run("-dcf", "in", "a.trz", in: folder).output == Captures.small + Captures.other)
    for data in [[], [7], Array("TRZ".utf8), Captures.noise] {
      let run = try Tracezip.run("-dcf", input: data, in: folder)
      #expect(run.status == 0 && run.output == data)
    }
    #expect(try Tracezip.run("-dc", "in", in: folder).status == 3)
    #expect(try Tracezip.run("-df", "in", in: folder).status == 3, "without -c nothing passes through")
  }

  @Test("concatenation: cat a.trz b.trz decompresses to a followed by b")
  func concatenation() throws {
    let both = try Captures.archive(of: Captures.small) + Captures.archive(of: Captures.other)
    let run = try Tracezip.run("-d", input: both)
    #expect(run.status == 0 && run.output == Captures.small + Captures.other)
    let folder = try TemporaryFolder.withCapture()
    try folder.write(Captures.other, to: "other")
    let one = try Tracezip.run("-c", "in", "other", in: folder)
    #expect(try Tracezip.run("-d", input: one.output).output == Captures.small + Captures.other)
    #expect(try Tracezip.run("-o", "one.trz", "in", "other", in: folder).status == 0)
    #expect(try folder.read("one.trz") == one.output)
  }

  @Test("trailing garbage, truncation: an error that says where, exit 3; --recover has what is intact")
  func damage() throws {
    let folder = try TemporaryFolder()
    let first = try Captures.archive(of: Captures.small)
    let cut = first + (try Captures.archive(of: Captures.other)).dropLast(40)
    for (name, archive) in [("garbage", first + Array("garbage!".utf8)), ("cut", cut)] {
      try folder.write(archive, to: name + ".trz")
      let run = try Tracezip.run("-d", "\(name).trz", in: folder)
      #expect(run.status == 3, "\(run.messages)")
      #expect(run.messages.contains("offset") && run.messages.contains("--recover"))
      #expect(!folder.exists(name))
      let recovered = try Tracezip.run("decompress", "--recover", "\(name).trz", in: folder)
      #expect(recovered.status == 3, "what is missing is not passed over in silence")
      #expect(try folder.read(name).starts(with: Captures.small))
      #expect(try Tracezip.run("-t", "\(name).trz", in: folder).status == 3)
    }
    #expect(folder.contents == ["cut", "cut.trz", "garbage", "garbage.trz"])
  }

  @Test("truncation at the front: --recover looks for what is intact also where nothing looks like an archive")
  func damagedFront() throws {
    let folder = try TemporaryFolder()
    let archive = try Captures.archive(of: Captures.capture(batches: 120))
    try folder.write(Array(archive.dropFirst(3)), to: "cut.trz")
    try folder.write(Captures.small, to: "plain.trz")
    #expect(try Tracezip.run("-d", "cut.trz", in: folder).status == 3)
    #expect(try Tracezip.run("decompress", "--recover", "cut.trz", in: folder).status == 3)
    #expect(try folder.read("cut") == Captures.capture(batches: 120))
    let written = try Tracezip.run("cat", "--recover", "cut.trz", in: folder)
    #expect(written.status == 3 && written.output == Captures.capture(batches: 120))
    #expect(try Tracezip.run("cat", "--recover", "-f", "plain.trz", in: folder).status == 3)
    let plain = try Tracezip.run("decompress", "--recover", "-cf", "plain.trz", in: folder)
    #expect(plain.status == 3 && plain.output.isEmpty && plain.messages.contains("not a tracezip archive"))
    #expect(try Tracezip.run("decompress", "--recover", "plain.trz", in: folder).status == 3)
    #expect(!folder.exists("plain"))
  }

  @Test("SIGPIPE, full disk: a reader that leaves ends the program silently, as 141")
  func brokenPipe() throws {
    let folder = try TemporaryFolder()
    try folder.write(Captures.noise + Captures.noise, to: "noise")
    let script = "tracezip -c noise | head -c 10 >/dev/null; echo ${PIPESTATUS[0]}"
    let run = try folder.shell(script)
    #expect(run.text == "141\n" && run.messages.isEmpty)
    let ignored = try folder.shell("trap '' PIPE; \(script)")
    #expect(ignored.text == "141\n" && ignored.messages.isEmpty)
    #expect(
      try folder.shell("tracezip noise; tracezip -dc noise.trz | head -c 10 >/dev/null; echo ${PIPESTATUS[0]}").text
        == "141\n")
  }

  @Test("--flush-interval: what came through a pipe can be restored soon after, though the pipe is still open")
  func flushInterval() throws {
    let frames = Frames.lengthPrefixed(Captures.small).map(framed)
    let running = try Tracezip.start(["-c", "--flush-interval", "100ms"])
    var sent: [UInt8] = []
    for frame in frames.prefix(3) {
      // In two pieces: the beginning of a message waits for its rest.
      running.write(Array(frame.prefix(100)))
      usleep(150_000)
      running.write(Array(frame.dropFirst(100)))
      sent += frame
      let isThere = running.waits(5) {
        (try? Tracezip.run("decompress", "--recover", input: running.outputSoFar).output) == sent
      }
      #expect(isThere, "\(running.outputSoFar.count) bytes came for \(sent.count)")
      #expect(running.isRunning)
    }
    for frame in frames.dropFirst(3) {
      running.write(frame)
      sent += frame
    }
    running.closeInput()
    let result = running.finish()
    #expect(result.status == 0 && result.messages.isEmpty, "\(result.messages)")
    #expect(try Tracezip.run("-d", input: result.output).output == sent)
    let folder = try TemporaryFolder.withCapture()
    let whole = try Tracezip.run("-c", "in", in: folder).output
    #expect(try Tracezip.run("-c", "--flush-interval", "1ms", "in", in: folder).output == whole, "files do not wait")
    for wrong in ["0", "-1s", "soon", "2d"] {
      #expect(try Tracezip.run("-c", "--flush-interval=\(wrong)", "in", in: folder).status == 64, "\(wrong)")
    }
  }

  @Test("a slow pipe: what has come is restored, and full blocks are written, before more comes", arguments: [1, 2, 4])
  func slowPipe(threads: Int) throws {
    let block = 64 << 10
    let capture = Captures.capture(batches: 16)
    let parts = [capture.prefix(capture.count / 2), capture.suffix(capture.count - capture.count / 2)]
    let options = ["-T\(threads)", "--block-size", "\(block)"]
    let compressing = try Tracezip.start(["-c"] + options)
    let restoring = try Tracezip.start(["-dc"] + options.prefix(1))
    var (archived, restored) = (0, 0)
    for part in parts {
      compressing.write(Array(part))
      let end = part.endIndex
      // Of what was sent only the block that is not full may be missing, and what is restored is all of the archive so far.
      let isThere = compressing.waits(10) {
        let archive = compressing.outputSoFar
        restoring.write(Array(archive[archived...]))
        archived = archive.count
        restored = restoring.outputSoFar.count
        return restored + 2 * block > end
      }
      #expect(isThere, "\(restored) bytes restored of \(end), \(archived) bytes archived")
      let whole = try Tracezip.run("decompress", "--recover", input: Array(compressing.outputSoFar[..<archived])).output
      #expect(restoring.waits(10) { restoring.outputSoFar == whole }, "the last blocks wait for more")
      #expect(whole == Array(capture[..<whole.count]) && compressing.isRunning && restoring.isRunning)
    }
    compressing.closeInput()
    let archive = compressing.finish().output
    restoring.write(Array(archive[archived...]))
    restoring.closeInput()
    let result = restoring.finish()
    #expect(result.status == 0 && result.output == capture, "\(result.messages)")
  }

  @Test("a slow pipe: the smallest blocks do not wait for more either", arguments: [1, 2, 4])
  func slowPipeOfEmptyMessages(threads: Int) throws {
    let compressing = try Tracezip.start(["-c", "-T\(threads)", "--flush-interval", "50ms"])
    let restoring = try Tracezip.start(["-dc", "-T\(threads)"])
    var archived = 0
    var sent: [UInt8] = []
    // The first tells the framing.
    for message in [Frames.lengthPrefixed(Captures.small)[0], [], []] {
      compressing.write(framed(message))
      sent += framed(message)
      let isThere = restoring.waits(10) {
        let archive = compressing.outputSoFar
        restoring.write(Array(archive[archived...]))
        archived = archive.count
        return restoring.outputSoFar == sent
      }
      #expect(isThere && restoring.isRunning, "\(restoring.outputSoFar.count) bytes of \(sent.count)")
    }
    compressing.closeInput()
    restoring.write(Array(compressing.finish().output[archived...]))
    restoring.closeInput()
    #expect(restoring.finish().status == 0)
  }

  /// A message behind its length.
  private func framed(_ message: [UInt8]) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: message.count >> $0) } + message
  }

  @Test("SIGPIPE, full disk: ENOSPC on standard output is an error")
  func fullStandardOutput() throws {
    let folder = try TemporaryFolder.withCapture()
    #expect(try Tracezip.run("in", in: folder).status == 0)
    for command in ["-c in", "-dc in.trz", "-l in.trz", "stats in.trz", "--help", "--version", "version"] {
      let run = try folder.shell("tracezip \(command) > /dev/full")
      #expect(run.status == 1 && run.messages.contains("No space left"), "\(command): \(run.messages)")
    }
    #expect(try folder.shell("tracezip -c in >&-").status == 1, "nor is a closed output a success")
  }
}
