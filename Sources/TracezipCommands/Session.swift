import ArgumentParser
import Glibc
import Tracezip

/// One run of a command over some files: messages, and the worst that happened.
final class Session {
  let console = Console()
  private let wantsProgress: Bool?
  private(set) var status = ExitStatus.success

  init(_ options: RunOptions) {
    console.verbosity = options.verbosity
    wantsProgress = options.progress
  }

  func meter(_ name: String) -> ProgressMeter { ProgressMeter(console, wanted: wantsProgress, name: name) }

  /// Tells of an error and goes on.
  func report(_ error: CommandError) {
    console.error(error)
    status = max(status, error.status)
  }

  func warn(_ path: String?, _ text: String) {
    console.warning(path, text)
    status = max(status, .warning)
  }

  /// Does one file's work; an error is told, and the next file can have its turn.
  /// - Returns: whether it went well.
  @discardableResult
  func attempt(_ work: () throws(CommandError) -> Void) -> Bool {
    do {
      try work()
      return true
    } catch {
      report(error)
      return false
    }
  }

  /// Ends the run with the status of the worst that happened.
  func finish() throws {
    if status != .success { throw ExitCode(status.rawValue) }
  }
}

/// Runs library work, with its errors told in our voice.
func telling<R>(input: String, output: String, _ work: () throws(TracezipError) -> R) throws(CommandError) -> R {
  do {
    return try work()
  } catch {
    if case .io("write", EPIPE) = error.kind { Signals.dieOfBrokenPipe() }
    throw CommandError(error, input: input, output: output)
  }
}
