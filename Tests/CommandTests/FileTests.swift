import Foundation
import TestSupport
import Testing
import Tracezip

@testable import TracezipCommands

#if canImport(Glibc)
  import Glibc
#endif

@Suite("CLI.md: files")
struct FileTests {
  private func attributes(_ path: String) throws -> stat {
    var status = stat()
    try #require(unsafe lstat(path, &status) == 0)
    return status
  }

  @Test(
    "input kept: the source stays; --rm removes it only when the output is in place, not with -c, not many into one")
  func inputKept() throws {
    let folder = try TemporaryFolder.withCapture()
    #expect(try Tracezip.run("in", in: folder).status == 0)
    #expect(folder.contents == ["in", "in.trz"])
    #expect(try Tracezip.run("-f", "--rm", "in", in: folder).status == 0)
    #expect(folder.contents == ["in.trz"])
    #expect(try Tracezip.run("-d", "--rm", "in.trz", in: folder).status == 0)
    #expect(folder.contents == ["in"])
    #expect(try folder.read("in") == Captures.small)
    try folder.write(Captures.other, to: "b")
    #expect(try Tracezip.run("--rm", "-o", "x.trz", "in", "b", in: folder).status == 64)
    #expect(folder.contents == ["b", "in"])
    try folder.write([1, 2, 3], to: "in.trz")
    #expect(try Tracezip.run("--rm", "in", in: folder).status == 1)
    #expect(try folder.read("in") == Captures.small, "what could not be archived is not removed")
    #expect(try Tracezip.run("--rm", "--keep", "in", in: folder).status == 64)
  }

  @Test("input kept: before --rm removes it, and with --verify, the archive is restored and compared with it")
  func verifiedBeforeRemoval() throws {
    let folder = try TemporaryFolder()
    let capture = Captures.capture(batches: 60)
    for name in ["in", "wrapped", "many"] { try folder.write(capture, to: name) }
    // Restoring needs more than is allowed: so it is tried before the source goes, and before the archive has its name.
    for options in [["--rm"], ["--verify"], ["--verify", "-o", "two.trz", "many"]] {
      let run = try Tracezip.run(["-M", "1M"] + options + ["in"], in: folder)
      #expect(run.status == 1 && run.messages.contains("-M"), "\(run.messages)")
      #expect(folder.contents == ["in", "many", "wrapped"])
    }
    #expect(try Tracezip.run("-M", "1M", "in", in: folder).status == 0)
    let archive = try folder.read("in.trz")
    #expect(try Tracezip.run("--verify", "-f", "in", in: folder).status == 0)
    #expect(try folder.read("in.trz") == archive)
    #expect(
      try folder.shell("gzip wrapped && tracezip --rm wrapped.gz && tracezip -dc wrapped.trz | cmp - in").status == 0)
    #expect(
      try folder.shell("tracezip --verify -o two.trz in many && cat in | tracezip --verify -o pipe.trz").status == 0)
    #expect(try Tracezip.run("-dc", "two.trz", "pipe.trz", in: folder).output == capture + capture + capture)
    // What cannot be read again is told before anything is written.
    for arguments in [["--verify", "-c", "in"], ["--rm", "-f", "-o", "/dev/null", "in"]] {
      let run = try Tracezip.run(arguments, in: folder)
      #expect(run.status == 1 && run.output.isEmpty && run.messages.contains("again"), "\(run.messages)")
    }
    #expect(folder.contents == ["in", "in.trz", "many", "pipe.trz", "two.trz", "wrapped.trz"])
  }

  @Test("input kept: a log that grows while it is archived is not removed")
  func grown() throws {
    let folder = try TemporaryFolder()
    let capture = (0..<40).flatMap { _ in Captures.noise }
    try folder.write(capture, to: "in")
    let running = try Tracezip.start(["--rm", "in"], in: folder)
    #expect(running.waits { folder.contents.count > 1 })
    let descriptor = unsafe open(folder.file("in"), O_WRONLY | O_APPEND)
    var more: UInt8 = 7
    #expect(unsafe write(descriptor, &more, 1) == 1)
    close(descriptor)
    let run = running.finish()
    #expect(run.status == 1 && run.messages.contains("in: was changed"), "\(run.messages)")
    #expect(try folder.read("in") == capture + [7])
  }

  @Test("input kept: a byte that comes back otherwise is seen, as are bytes too few and too many")
  func comparison() throws {
    let original: [UInt8] = Array("an original of some bytes".utf8)
    for (restored, offset) in [
      (original, nil), (original + [1], original.count), (original.dropLast(), original.count - 1),
      (original.map { $0 == 0x66 ? 0x67 : $0 }, original.firstIndex(of: 0x66)), ([], 0),
    ] as [([UInt8], Int?)] {
      let comparison = Comparison(with: .bytes(original))
      do {
        for piece in restored.split(separator: 0x20, omittingEmptySubsequences: false).enumerated() {
          let bytes = (piece.offset > 0 ? [0x20] : []) + piece.element
          try ByteSource.bytes(bytes).copy(to: comparison.sink)
        }
        try comparison.finish()
      } catch {}
      #expect(comparison.difference?.offset == offset && comparison.failure == nil)
    }
  }

  @Test("input kept: --rm leaves a damaged archive alone, also with --recover")
  func damagedArchiveKept() throws {
    let folder = try TemporaryFolder()
    try folder.write(try Captures.archive(of: Captures.small).dropLast(20), to: "a.trz")
    #expect(try Tracezip.run("-d", "--rm", "a.trz", in: folder).status == 3)
    #expect(folder.contents == ["a.trz"])
    #expect(try Tracezip.run("decompress", "--recover", "--rm", "a.trz", in: folder).status == 3)
    #expect(folder.exists("a.trz"))
  }

  @Test("existing output: refused without -f; asked about only if standard input is a terminal and not the data")
  func existingOutput() throws {
    let folder = try TemporaryFolder.withCapture()
    try folder.write([1, 2, 3], to: "in.trz")
    let refused = try Tracezip.run("in", input: Array("y\n".utf8), in: folder)
    #expect(refused.status == 1 && refused.messages.contains("exists"))
    #expect(try folder.read("in.trz") == [1, 2, 3])
    #expect(try Tracezip.run("-o", "in.trz", in: folder).status == 1)
    for (typed, replaces) in [("n\n", false), ("\n", false), ("y\n", true)] {
      try folder.write([1, 2, 3], to: "in.trz")
      let asked = try Tracezip.runOnTerminal(["in"], typed: typed, in: folder)
      #expect(asked.text.contains("replace it?") && asked.status == (replaces ? 0 : 1))
      #expect(try (folder.read("in.trz") != [1, 2, 3]) == replaces)
    }
    try folder.write([1, 2, 3], to: "in.trz")
    #expect(try Tracezip.run("-f", "in", in: folder).status == 0)
    #expect(try Tracezip.run("-dc", "in.trz", in: folder).output == Captures.small)
  }

  @Test("same file: one file as input and output is an error before anything is touched, by whatever name")
  func sameFile() throws {
    let folder = try TemporaryFolder.withCapture()
    try #require(unsafe link(folder.file("in"), folder.file("hard")) == 0)
    try #require(unsafe symlink("in", folder.file("soft")) == 0)
    for script in [
      "tracezip -f -o in in", "tracezip -f -o hard in", "tracezip -f -o soft in", "tracezip -f -o in < in",
      "tracezip -c in >> in", "tracezip -c hard >> in", "tracezip -dcf in >> in",
    ] {
      let run = try folder.shell(script)
      #expect(run.status == 1 && run.messages.contains("both input and output"), "\(script): \(run.messages)")
      #expect(try folder.read("in") == Captures.small, "\(script)")
    }
    #expect(folder.contents == ["hard", "in", "soft"])
  }

  @Test("suffix: -d recognises an archive by its first bytes; the suffix only names the output")
  func suffix() throws {
    let folder = try TemporaryFolder()
    try folder.write(try Captures.archive(of: Captures.small), to: "odd.name")
    #expect(try Tracezip.run("-d", "-o", "out", "odd.name", in: folder).status == 0)
    #expect(try folder.read("out") == Captures.small)
    #expect(try Tracezip.run("-dc", "odd.name", in: folder).output == Captures.small)
    let unnamed = try Tracezip.run("-d", "odd.name", in: folder)
    #expect(unnamed.status == 1 && unnamed.messages.contains(".trz"))
    try folder.write(Captures.small, to: "plain.trz")
    #expect(try Tracezip.run("-d", "plain.trz", in: folder).status == 3)
    #expect(folder.contents == ["odd.name", "out", "plain.trz"])
  }

  @Test("already an archive: not archived again unless -f")
  func alreadyArchived() throws {
    let folder = try TemporaryFolder.withCapture()
    #expect(try Tracezip.run("in", in: folder).status == 0)
    let again = try Tracezip.run("in.trz", in: folder)
    #expect(again.status == 1 && again.messages.contains("already"))
    #expect(try Tracezip.run("-c", input: try folder.read("in.trz")).status == 1)
    #expect(try Tracezip.run("-f", "in.trz", in: folder).status == 0)
    #expect(folder.contents == ["in", "in.trz", "in.trz.trz"])
  }

  @Test("several inputs: one bad file does not stop the rest, and the exit status tells of it")
  func severalInputs() throws {
    let folder = try TemporaryFolder.withCapture()
    try folder.write(Captures.other, to: "b")
    let run = try Tracezip.run("in", "missing", "b", in: folder)
    #expect(run.status == 1 && run.messages.contains("missing: cannot open: No such file"))
    #expect(folder.contents == ["b", "b.trz", "in", "in.trz"])
    try folder.write([9, 9], to: "bad.trz")
    let back = try Tracezip.run("-dc", "in.trz", "bad.trz", "missing.trz", "b.trz", in: folder)
    #expect(back.status == 3 && back.output == Captures.small + Captures.other)
  }

  @Test("mode, owner, mtime: the output has the source's; what comes from standard input follows the umask")
  func metadata() throws {
    let folder = try TemporaryFolder.withCapture()
    let path = folder.file("in")
    let times = [timespec(tv_sec: 1_600_000_000, tv_nsec: 5), timespec(tv_sec: 1_500_000_000, tv_nsec: 123_456_789)]
    #expect(unsafe utimensat(AT_FDCWD, path, times, 0) == 0)
    for mode: mode_t in [0o600, 0o640, 0o755, 0o444] {
      #expect(unsafe chmod(path, mode) == 0)
      if getuid() == 0 { #expect(unsafe chown(path, 1234, 2345) == 0) }
      let before = try attributes(path)
      #expect(try Tracezip.run("-f", "in", in: folder).status == 0)
      #expect(try Tracezip.run("-df", "-o", "back", "in.trz", in: folder).status == 0)
      for name in ["in.trz", "back"] {
        let after = try attributes(folder.file(name))
        #expect(after.st_mode & 0o7777 == mode)
        #expect(after.st_uid == before.st_uid && after.st_gid == before.st_gid)
        #expect(after.st_mtim.tv_sec == 1_500_000_000 && after.st_mtim.tv_nsec == 123_456_789)
      }
    }
    #expect(try folder.shell("umask 027; tracezip -o piped.trz < in && stat -c %a piped.trz").text == "640\n")
  }

  @Test("mode, owner, mtime: while it grows nobody else may read the output")
  func privateWhileWritten() throws {
    let folder = try TemporaryFolder()
    let running = try Tracezip.start(["-o", "out.trz"], in: folder)
    running.write(Captures.noise)
    #expect(running.waits { folder.contents.contains { $0.hasPrefix(".tracezip-") } })
    let temporary = try #require(folder.contents.first)
    #expect(folder.mode(temporary) == 0o600 && !folder.exists("out.trz"))
    running.feed([])
    #expect(running.finish().status == 0)
    #expect(folder.contents == ["out.trz"])
  }

  @Test("symlinks, directories, devices: refused without -f, directories only with -r, a device is never changed")
  func specialFiles() throws {
    let folder = try TemporaryFolder.withCapture()
    try #require(unsafe symlink("in", folder.file("soft")) == 0)
    try #require(unsafe mkfifo(folder.file("pipe"), 0o600) == 0)
    try #require(unsafe mkdir(folder.file("dir"), 0o755) == 0)
    for name in ["soft", "pipe", "dir", "/dev/null"] {
      let run = try Tracezip.run(name, in: folder)
      #expect(run.status == 1 && run.messages.contains(name), "\(run.messages)")
    }
    #expect(folder.contents == ["dir", "in", "pipe", "soft"])
    #expect(try Tracezip.run("-f", "soft", in: folder).status == 0)
    #expect(try Tracezip.run("-dc", "soft.trz", in: folder).output == Captures.small)

    let before = try attributes("/dev/null")
    #expect(try Tracezip.run("-f", "-o", "/dev/null", "in", in: folder).status == 0)
    let after = try attributes("/dev/null")
    #expect(after.st_mode == before.st_mode && after.st_uid == before.st_uid && after.st_ino == before.st_ino)
    #expect(try folder.shell("tracezip -c <(cat in) | tracezip -d | cmp - in").status == 0, "process substitution")
  }

  @Test("symlinks, directories, devices: -r works on what is inside, and a second run adds nothing")
  func recursive() throws {
    let folder = try TemporaryFolder.withCapture()
    #expect(
      try folder.shell("mkdir -p d/e && cp in d/a && cp in d/e/b && ln -s ../in d/link && tracezip -r d").status == 0)
    #expect(try folder.shell("cd d && find . -type f | sort").text == "./a\n./a.trz\n./e/b\n./e/b.trz\n")
    #expect(
      try folder.shell("tracezip -rf d && rm d/a d/e/b && tracezip -dr d && cmp d/a in && cmp d/e/b in").status == 0)
    #expect(try folder.shell("find . -name '*.trz.trz' -o -name '.tracezip*'").text == "")
  }

  @Test(
    "atomic: TERM, INT and HUP leave no file behind and end the program by that signal",
    arguments: [SIGTERM, SIGINT, SIGHUP])
  func signals(signal: Int32) throws {
    let archive = try Captures.archive(of: Captures.noise, "--block-size", "64K", "--segment-size", "64K")
    for (arguments, begin) in [(["-o", "out"], Captures.noise), (["-d", "-o", "out"], Array(archive.dropLast(1000)))] {
      let folder = try TemporaryFolder()
      let running = try Tracezip.start(arguments, in: folder)
      running.write(begin)
      #expect(running.waits { !folder.contents.isEmpty }, "\(running.messagesSoFar)")
      running.send(signal)
      let result = running.finish()
      #expect(result.signal == signal && result.messages.isEmpty, "\(arguments)")
      #expect(folder.contents.isEmpty, "\(arguments)")
    }
  }

  @Test("atomic: an inherited ignore is respected, so that nohup works")
  func inheritedIgnore() throws {
    let folder = try TemporaryFolder()
    try folder.write(Captures.noise, to: "in")
    let run = try folder.shell(
      """
      trap '' HUP; mkfifo p; tracezip -o out.trz < p & exec 3> p; cat in >&3; kill -HUP $!; sleep 0.2
      exec 3>&-; wait $!; echo $?; tracezip -dc out.trz | cmp - in
      """)
    #expect(run.text == "0\n" && run.status == 0)
  }

  @Test("atomic: what was there stays whole until the new file is, and a failure leaves it as it was")
  func oldOutputStays() throws {
    let folder = try TemporaryFolder()
    try folder.write([1, 2, 3], to: "out")
    let running = try Tracezip.start(["-f", "-o", "out"], in: folder)
    running.write(Captures.noise)
    #expect(running.waits { folder.contents.count == 2 })
    #expect(try folder.read("out") == [1, 2, 3])
    running.send(SIGTERM)
    _ = running.finish()
    #expect(folder.contents == ["out"])
    let damaged = try Captures.archive(of: Captures.small).dropLast(10)
    #expect(try Tracezip.run(["-df", "-o", "out"], input: Array(damaged), in: folder).status == 3)
    #expect(try folder.read("out") == [1, 2, 3])
    #expect(folder.contents == ["out"])
  }

  @Test("SIGPIPE, full disk: a limit on file size is an error with nothing half-written in place of the target")
  func fileSizeLimit() throws {
    let folder = try TemporaryFolder()
    try folder.write(Captures.noise, to: "in")
    try folder.write([1, 2, 3], to: "old.trz")
    for script in ["tracezip in", "tracezip -f -o old.trz in"] {
      let run = try folder.shell("ulimit -f 64; \(script)")
      #expect(run.status == 1 && run.messages.contains("File too large"), "\(script): \(run.messages)")
      #expect(folder.contents == ["in", "old.trz"])
    }
    #expect(try folder.read("old.trz") == [1, 2, 3])
    #expect(try folder.shell("tracezip in && rm in; ulimit -f 64; tracezip -d --rm in.trz").status == 1)
    #expect(folder.contents == ["in.trz", "old.trz"])
  }

  @Test(
    "SIGPIPE, full disk: a disk that runs full is an error with nothing half-written in place of the target",
    .enabled(if: Self.canMount, "mounting is not permitted here"))
  func fullDisk() throws {
    let folder = try TemporaryFolder()
    try folder.write(Captures.noise, to: "noise")
    try folder.write(
      try Captures.archive(of: (0..<40).flatMap { _ in Array("all the same\n".utf8) + Captures.small }), to: "a.trz")
    // The disk holds what stands before the writing and 200 kB more; both directions need more than that.
    let run = try folder.shell(
      """
      mkdir disk; unshare -rm sh -c '
        mount -t tmpfs -o size=256k tmpfs disk && cp a.trz disk/ && printf old > disk/old.trz && cd disk || exit 9
        tracezip -o new.trz ../noise; echo $?; tracezip -f -o old.trz ../noise; echo $?
        tracezip -d --rm a.trz; echo $?; tracezip -c ../noise > piped.trz; echo $?
        rm piped.trz; cmp a.trz ../a.trz; cat old.trz; echo; ls -A'
      """)
    #expect(run.text == "1\n1\n1\n1\nold\na.trz\nold.trz\n", "\(run.text)\(run.messages)")
    #expect(run.messages.split(separator: "\n").filter { $0.contains("No space left on device") }.count == 4)
  }

  private static let canMount: Bool = {
    guard let folder = try? TemporaryFolder() else { return false }
    return (try? folder.shell("unshare -rm mount -t tmpfs tmpfs .").status) == 0
  }()

  @Test("output place: -o FILE and --output-dir DIR")
  func outputPlace() throws {
    let folder = try TemporaryFolder.withCapture()
    #expect(try folder.shell("mkdir a b; cp in a/x; cp in b/x; tracezip -o new/name.trz in").status == 1)
    #expect(try Tracezip.run("-o", "name.trz", "in", in: folder).status == 0)
    #expect(try Tracezip.run("--output-dir", "made", "in", "a/x", in: folder).status == 0)
    #expect(folder.exists("made/in.trz") && folder.exists("made/x.trz") && !folder.exists("a/x.trz"))
    #expect(try Tracezip.run("-d", "--output-dir", "made", "made/in.trz", in: folder).status == 0)
    #expect(try folder.read("made/in") == Captures.small)
    let collision = try Tracezip.run("-f", "--output-dir", "flat", "a/x", "b/x", in: folder)
    #expect(collision.status == 1 && collision.messages.contains("written just now"), "one result replaced another")
    #expect(try Tracezip.run("-c", "-o", "y", "in", in: folder).status == 64)
  }

  @Test("file lists: --files-from and --files0-from, with any bytes in a name")
  func fileLists() throws {
    let folder = try TemporaryFolder.withCapture()
    let made = try folder.shell(
      #"""
      odd=$'b\xff\xfe\n \'$'; cp in "$odd"; cp in c; printf 'in\nc\n' > lines; printf 'in\0c\0%s\0' "$odd" > nuls
      tracezip --files-from lines && rm *.trz && tracezip --files0-from - < nuls && ls -1 *.trz | wc -l
      tracezip -dc "$odd.trz" | cmp - in && tracezip -l "$odd.trz"
      """#)
    #expect(made.status == 0, "\(made.messages)")
    #expect(made.text.hasPrefix("4\n") || made.text.hasPrefix("3\n"), "\(made.text)")
    #expect(made.text.contains(#"b\xff\xfe\n"#), "a name cannot steer the terminal")
    #expect(try folder.shell(": > none; tracezip --files-from none").status == 0, "an empty list is nothing to do")
    #expect(try Tracezip.run("--files-from", "missing", in: folder).status == 1)
  }
}
