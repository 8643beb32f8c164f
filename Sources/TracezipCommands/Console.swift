import Glibc

/// Messages: all on standard error, every one of them safe for a terminal.
final class Console {
  /// 0: errors only (`-q`); 1: as usual; 2 and more: `-v`, `-vv`.
  var verbosity = 1
  /// Called before a line is written, to take the progress line away.
  var beforeLine: (() -> Void)?

  let isTerminal = Terminal.isTerminal(2)

  func error(_ error: CommandError) {
    let place = error.path.map { $0.sanitised + ": " } ?? ""
    line("tracezip: \(place)\(error.what.sanitised)")
    if let advice = error.advice, verbosity > 0 { line("  \(advice.sanitised)") }
  }

  func warning(_ path: String?, _ text: String) {
    guard verbosity > 0 else { return }
    line("tracezip: warning: " + (path.map { $0.sanitised + ": " } ?? "") + text.sanitised)
  }

  /// A word on what was done: where a person looks on, or where it was asked for.
  func note(_ text: String) {
    if verbosity > 1 || (verbosity == 1 && isTerminal) { line(text.sanitised) }
  }

  /// A word on what was done that matters in scripts too.
  func notice(_ path: String?, _ text: String) {
    if verbosity > 0 { line("tracezip: " + (path.map { $0.sanitised + ": " } ?? "") + text.sanitised) }
  }

  func detail(_ text: String, level: Int = 2) {
    if verbosity >= level { line(text.sanitised) }
  }

  private func line(_ text: String) {
    beforeLine?()
    Self.write(text + "\n")
  }

  static func write(_ text: String) {
    // Nobody is left to be told when standard error fails.
    _ = try? writeAll(2, Array(text.utf8))
  }
}

/// Writes all of `bytes`, however many calls that takes.
func writeAll(_ descriptor: Int32, _ bytes: [UInt8]) throws(SystemError) {
  var at = 0
  while at < bytes.count {
    let n = unsafe bytes.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress! + at, bytes.count - at) }
    if n >= 0 {
      at += n
    } else if errno != EINTR {
      throw SystemError("write")
    }
  }
}

/// Data for standard output. A full disk is an error; a reader who left ends the program without a word.
func writeToStandardOutput(_ text: String) throws(CommandError) {
  do {
    try writeAll(1, Array(text.utf8))
  } catch {
    if error.errno == EPIPE { Signals.dieOfBrokenPipe() }
    throw CommandError(Names.standardOutput, error)
  }
}
