import Foundation
import TestSupport
import Testing

@testable import TracezipCommands

@Suite("CLI.md: integration")
struct ManualTests {
  private static let folder = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("man")

  @Test("integration: manual pages tell what the program does, not what it did once")
  func manuals() throws {
    let run = try Tracezip.run("--experimental-dump-help")
    let dump = try JSONDecoder().decode(ManualPages.Dump.self, from: Data(run.output))
    let pages = ManualPages.pages(dump, settings: Setting.all.keys.sorted(), version: programVersion)
    #expect(pages.count == 9)
    for (name, text) in pages {
      let file = Self.folder.appendingPathComponent(name)
      if ProcessInfo.processInfo.environment["TRACEZIP_UPDATE_MANUALS"] == "1" {
        try Data(text.utf8).write(to: file)
      }
      let kept = String(decoding: try Data(contentsOf: file), as: UTF8.self)
      #expect(kept == text, "\(name): TRACEZIP_UPDATE_MANUALS=1 swift test --filter Manual writes it anew")
    }
  }

  @Test(
    "integration: manual pages are whole: man finds nothing to complain about",
    .enabled(if: isInstalled("groff"), "groff is not installed"))
  func wellFormed() throws {
    let folder = try TemporaryFolder()
    let pages = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path).filter {
      $0.last?.isNumber == true
    }
    #expect(pages.count == 10)
    for name in pages {
      let file = Self.folder.appendingPathComponent(name).path
      let run = try folder.shell("groff -man -Tutf8 -ww -z '\(file)' 2>&1 >/dev/null")
      #expect(run.status == 0 && run.text.isEmpty && run.messages.isEmpty, "\(run.text)\(run.messages)")
    }
  }

  @Test("integration: completions for bash, zsh and fish name every command and load, and bash completes with them")
  func completions() throws {
    let folder = try TemporaryFolder()
    for shell in ["bash", "zsh", "fish"] {
      let script = try Tracezip.run("--generate-completion-script", shell)
      #expect(script.status == 0)
      for command in ["compress", "decompress", "cat", "verify", "stats", "list", "bench", "version"] {
        #expect(script.text.contains(command), "\(shell)")
      }
      try folder.write(script.output, to: shell == "zsh" ? "_tracezip" : "script.\(shell)")
    }
    let completed = try folder.shell(
      """
      source script.bash || exit 1
      complete -p tracezip | grep -o -- '-F [^ ]*' > function; read _ function < function
      COMP_WORDS=(tracezip dec) COMP_CWORD=1 COMP_LINE='tracezip dec' COMP_POINT=12 COMP_TYPE=9 COMP_KEY=9
      $function tracezip dec tracezip; echo "${COMPREPLY[@]}"
      """)
    #expect(completed.status == 0 && completed.text == "decompress\n", "\(completed.text)\(completed.messages)")
    if isInstalled("zsh") {
      let zsh = try folder.shell(
        "zsh -fc 'fpath=($PWD $fpath); autoload -Uz compinit && compinit -u -d dump && whence -w _tracezip && zsh -n _tracezip'"
      )
      #expect(
        zsh.status == 0 && zsh.text == "_tracezip: function\n" && zsh.messages.isEmpty, "\(zsh.text)\(zsh.messages)")
    }
    if isInstalled("fish") {
      let fish = try folder.shell("fish --no-config -c 'source script.fish; complete -C \"tracezip decom\"'")
      #expect(fish.text.hasPrefix("decompress\t") && fish.messages.isEmpty, "\(fish.text)\(fish.messages)")
    }
  }

  @Test(
    "integration: file(1) and the desktop know an archive by its first bytes",
    .enabled(if: isInstalled("file"), "file(1) is not installed"))
  func magic() throws {
    let folder = try TemporaryFolder()
    try folder.write(try Captures.archive(of: Captures.small), to: "a")
    let rules = Self.folder.appendingPathComponent("tracezip.magic").path
    let run = try folder.shell("file -m '\(rules)' a && file --mime-type -m '\(rules)' a")
    #expect(run.text.contains("tracezip archive") && run.text.contains("application/"), "\(run.text)\(run.messages)")
  }

  @Test(
    "integration: the shared MIME database takes our type, and finds archives by it",
    .enabled(if: isInstalled("update-mime-database"), "shared-mime-info is not installed"))
  func mimeType() throws {
    let folder = try TemporaryFolder()
    let rules = Self.folder.appendingPathComponent("tracezip-mime.xml").path
    let run = try folder.shell(
      "mkdir -p mime/packages && cp '\(rules)' mime/packages/ && update-mime-database mime && cat mime/globs mime/magic"
    )
    #expect(run.status == 0, "\(run.messages)")
    #expect(run.text.contains("tracezip:*.trz") && run.output.contains([0x54, 0x52, 0x5A, 0xB1]))
  }

  @Test(
    "integration: the program starts in at most three times zstd's time, or loops over files crawl",
    .enabled(if: isInstalled("zstd"), "zstd is not installed"))
  func start() throws {
    let folder = try TemporaryFolder()
    let script = """
      once() { local s=$EPOCHREALTIME; for i in 1 2 3 4 5 6 7 8 9 10; do "$@" --version >/dev/null; done
        local e=$EPOCHREALTIME; echo $(( ${e/./} - ${s/./} )); }
      best() { local least=999999999 t; for n in 1 2 3 4 5 6 7 8; do t=$(once "$@"); (( t < least )) && least=$t; done
        echo $least; }
      echo $(best zstd) $(best tracezip)
      """
    let run = try folder.shell(script)
    let times = run.text.split(separator: " ").compactMap { Double($0.filter(\.isNumber)) }
    try #require(times.count == 2)
    #expect(times[1] <= 3 * times[0], "tracezip \(times[1]) µs, zstd \(times[0]) µs for ten")
  }
}
