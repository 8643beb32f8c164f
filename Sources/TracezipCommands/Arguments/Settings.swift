import Glibc
import Tracezip

/// Settings from all layers: command line before environment before config file before defaults.
struct Settings {
  var config = TracezipConfig()
  var unwraps = true

  init(_ resources: ResourceOptions, coding: CodingOptions? = nil) throws(CommandError) {
    config.threads = 0
    if let file = try ConfigFile.find(resources.config) { try file.apply(to: &self) }
    try applyEnvironment()
    if let threads = resources.threads { config.threads = threads }
    if let memory = resources.memory { config.memoryLimit = memory.bytes }
    if let coding { apply(coding) }
    do {
      try config.validate()
    } catch {
      throw CommandError(error, input: "", output: "")
    }
  }

  private mutating func applyEnvironment() throws(CommandError) {
    func number(_ name: String) throws(CommandError) -> Int? {
      guard let text = Terminal.environment(name), !text.isEmpty else { return nil }
      guard let number = Int(text) else {
        throw CommandError(name, "is not a number: \(text)", advice: "unset it, or give a number", status: .usage)
      }
      return number
    }
    if let level = try number("TRACEZIP_LEVEL") {
      config.level = level
      config.effort = .default
    }
    if let threads = try number("TRACEZIP_THREADS") { config.threads = threads }
  }

  private mutating func apply(_ coding: CodingOptions) {
    if let level = coding.level {
      config.level = level
      config.effort = .default
    }
    if coding.fast { config.effort = .fast }
    if coding.best { config.effort = .best }
    if let codec = coding.codec { config.codec = codec }
    for stage in coding.without { stage.leaveOut(of: &config) }
    if let format = coding.inputFormat { config.framing = format.framing }
    if let size = coding.blockSize { config.blockSize = size.bytes }
    if let size = coding.segmentSize { config.segmentSize = size.bytes }
    if let span = coding.flushInterval { config.flushInterval = span.seconds }
    if coding.noUnwrap { unwraps = false }
  }
}

extension Settings {
  /// What compressing holds at once, about: each worker a segment's input, its columns, and the streams made of them.
  var memoryEstimate: Int {
    let workers = config.threads == 0 ? Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))) : config.threads
    return max(1, workers) * (config.segmentSize + 4 * config.blockSize + config.largestStringTable)
  }
}
