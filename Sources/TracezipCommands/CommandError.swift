import Glibc
import Tracezip

/// Every error of the command line, in one voice: where, what happened, what to do.
struct CommandError: Error {
  /// The file it is about.
  var path: String?
  var what: String
  /// Advice, if there is some.
  var advice: String?
  var status: ExitStatus = .error

  init(_ path: String?, _ what: String, advice: String? = nil, status: ExitStatus = .error) {
    self.path = path
    self.what = what
    self.advice = advice
    self.status = status
  }

  /// A system call that failed on `path`.
  init(_ path: String?, _ error: SystemError) {
    self.init(path, "cannot \(error.operation): \(SystemError.words(error.errno))", advice: nil)
    if error.errno == ENOSPC || error.errno == EDQUOT || error.errno == EFBIG {
      advice = "nothing was put in place of the target; make room and try again"
    }
  }

  /// What the library found: `input` is what was read, `output` what was written.
  init(_ error: TracezipError, input: String, output: String) {
    switch error.kind {
    case .io(let operation, let number):
      self.init(operation == "write" ? output : input, SystemError(operation, number))
      if output == Names.standardOutput, operation == "write" { advice = nil }
    case .invalidConfig(let reason):
      self.init(nil, reason, status: .usage)
    case .notAnArchive where (error.location.offset ?? 0) == 0:
      self = .notAnArchive(input)
    case .unsupportedVersion:
      self.init(input, error.description, advice: "a newer tracezip can read it")
    case .limitExceeded:
      self.init(input, error.description, advice: "allow more with -M")
    default:
      self.init(input, error.description, status: error.isDamage ? .damaged : .error)
      if error.isDamage { advice = "tracezip decompress --recover restores what is intact" }
    }
  }
}

extension CommandError {
  static func notAnArchive(_ name: String, advice: String? = nil) -> CommandError {
    CommandError(name, "is not a tracezip archive", advice: advice, status: .damaged)
  }

  /// What `--recover` had to leave out.
  init(_ gap: TraceDecompressor.Gap, of name: String) {
    let missing = gap.missingBytes.map { ", \(Text.grouped($0)) bytes missing" } ?? ""
    self.init(
      name,
      "\(gap.error) (\(Text.grouped(gap.archiveBytes)) bytes of archive left out\(missing) "
        + "at \(gap.restoredOffset) of the result)", status: .damaged)
  }
}

/// How messages call the standard streams.
enum Names {
  static let standardInput = "(standard input)"
  static let standardOutput = "(standard output)"
}
