import Foundation
import TestSupport
import Workload

/// What the tests archive. Seed 41, so that every run is the same.
enum Captures {
  /// A few hundred spans, length-prefixed protobuf: 130 kB or so.
  static let small = capture(batches: 4)
  /// Enough to be in the middle of something when a signal comes.
  static let other = capture(batches: 2, seed: 42)
  /// Nothing can make it smaller: 1 MB.
  static let noise: [UInt8] = {
    var random = SeededRandom(seed: 41)
    return (0..<(1 << 17)).flatMap { _ in
      let word = random.next()
      return (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) }
    }
  }()

  static func capture(batches: Int, seed: UInt64 = 41) -> [UInt8] {
    var options = WorkloadOptions(seed: seed)
    options.batchSpans = 60
    return makeCapture(options, format: .lengthPrefixed, batches: batches)
  }

  /// The archive of `bytes`, by the program itself.
  static func archive(of bytes: [UInt8], _ arguments: String...) throws -> [UInt8] {
    try Tracezip.run(["compress"] + arguments, input: bytes).output
  }
}

/// Whether a program that a test looks through the eyes of is installed. `.ci/run` installs them all; elsewhere such a
/// test is skipped, and says so.
func isInstalled(_ names: String...) -> Bool {
  let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
  return names.contains { name in
    folders.contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") }
  }
}

/// Whether python3 has PyPI's opentelemetry-proto.
let hasOpenTelemetryProto: Bool = {
  guard isInstalled("python3"), let folder = try? TemporaryFolder() else { return false }
  return (try? folder.shell("python3 -c 'import opentelemetry.proto.trace.v1.trace_pb2'").status) == 0
}()

extension TemporaryFolder {
  /// A folder that holds `in`, the small capture.
  static func withCapture() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try folder.write(Captures.small, to: "in")
    return folder
  }

  func shell(_ script: String, environment: [String: String] = [:]) throws -> Tracezip.Result {
    try Tracezip.shell(script, in: self, environment: environment)
  }
}

extension Tracezip {
  /// Runs the program on a terminal of its own to its end, with `typed` typed at once.
  static func runOnTerminal(
    _ arguments: [String], typed: String = "", in folder: TemporaryFolder, columns: UInt16 = 80,
    environment: [String: String] = [:]
  ) throws -> Result {
    let running = try startOnTerminal(arguments, in: folder, columns: columns, environment: environment)
    if !typed.isEmpty { running.write(Array(typed.utf8)) }
    return running.finish()
  }
}
