import TestSupport
import Testing

@Suite("The test support runs what the package built")
struct SupportTests {
  @Test("a helper that finds another tracezip, or none, would test nothing")
  func binary() throws {
    let folder = try TemporaryFolder()
    let run = try Tracezip.shell("command -v tracezip; cat; echo oops >&2; exit 7", in: folder)
    #expect(run.text == Tracezip.path + "\n")
    #expect(run.messages == "oops\n")
    #expect(run.status == 7 && run.signal == nil)
    #expect(try Tracezip.shell("kill -TERM $$", in: folder).signal == 15)
    #expect(folder.contents == [])
  }

  @Test("a program that inherits ignored or blocked signals cannot show how it dies by them")
  func signals() throws {
    let folder = try TemporaryFolder()
    let masks = try Tracezip.shell("grep -E 'SigBlk|SigIgn' /proc/self/status", in: folder).text
    for line in masks.split(separator: "\n") {
      let bits = try #require(line.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) })
      // Numbers 32 and 33 are the C library's own.
      #expect(bits & 0x7FFF_FFFF == 0, "\(line)")
    }
    #expect(try Tracezip.shell("yes | head -1 >/dev/null; exit ${PIPESTATUS[0]}", in: folder).status == 141)
    let open = try Tracezip.shell("ls /proc/self/fd | wc -l", in: folder).text
    // Three standard streams and the folder that ls reads.
    #expect(open == "4\n")
  }

  @Test("a program that hangs must end the test, not stop the suite")
  func hanging() throws {
    let folder = try TemporaryFolder()
    let running = try Tracezip.startShell("exec sleep 60", in: folder)
    #expect(running.isRunning)
    #expect(running.finish(within: 0.2).signal == 9)
  }

  @Test("what is written while a program runs must reach it and come back, or streaming goes untested")
  func conversation() throws {
    let folder = try TemporaryFolder()
    let running = try Tracezip.startShell("while read line; do echo \"<$line>\"; done", in: folder)
    running.write(Array("one\n".utf8))
    #expect(running.waits { String(decoding: running.outputSoFar, as: UTF8.self) == "<one>\n" })
    running.write(Array("two\n".utf8))
    running.closeInput()
    #expect(running.finish().text == "<one>\n<two>\n")
  }

  @Test("megabytes through all three pipes at once must not lock up")
  func pipes() throws {
    let folder = try TemporaryFolder()
    try folder.write(Array(repeating: 65, count: 3_000_000), to: "in")
    let run = try Tracezip.shell("cat in >&2; cat in in", in: folder)
    #expect(run.output.count == 6_000_000 && run.messages.utf8.count == 3_000_000)
  }

  @Test("a terminal must be one, or refusals to write to it go untested")
  func terminal() throws {
    let folder = try TemporaryFolder()
    let run = try Tracezip.shellOnTerminal(
      "test -t 0 && test -t 1 && test -t 2 && stty size && read x && echo \"<$x>\"", typed: "yes\n", in: folder,
      columns: 132)
    #expect(run.status == 0)
    #expect(run.text.contains("25 132"))
    #expect(run.text.contains("<yes>"))
  }
}
