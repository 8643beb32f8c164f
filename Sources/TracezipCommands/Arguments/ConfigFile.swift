import Glibc
import Tracezip

/// A file of settings: one `key = value` a line, `#` begins a comment.
///
/// Every switch of `TracezipConfig` has a key. A key that is not known is an error, so that a slip of the pen does not
/// silently do nothing.
///
/// Q: Why not swift-configuration? Its files are JSON or YAML, without comments or with a parser of its own; a line that
/// cannot be understood is to be told with its number; and every package linked in is paid for when the program starts,
/// for what are two lookups here.
struct ConfigFile {
  private let path: String
  private let lines: [(number: Int, key: String, value: String)]

  /// The file named by `--config`, else `$XDG_CONFIG_HOME/tracezip/config` (by default `~/.config`), if it exists.
  static func find(_ named: String?) throws(CommandError) -> ConfigFile? {
    if let named { return try ConfigFile(named) }
    let base: String
    if let folder = Terminal.environment("XDG_CONFIG_HOME"), folder.hasPrefix("/") {
      base = folder
    } else if let home = Terminal.environment("HOME"), !home.isEmpty {
      base = PathName.join(home, ".config")
    } else {
      return nil
    }
    let path = PathName.join(base, "tracezip/config")
    return FileStatus.following(path) == nil ? nil : try ConfigFile(path)
  }

  init(_ path: String) throws(CommandError) {
    self.path = path
    let bytes: [UInt8]
    do {
      bytes = try Descriptor.open(path, O_RDONLY).readAll()
    } catch {
      throw CommandError(path, error)
    }
    var lines: [(number: Int, key: String, value: String)] = []
    for (index, line) in String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
      .enumerated()
    {
      let text = line.prefix { $0 != "#" }.trimmed
      if text.isEmpty { continue }
      guard let equals = text.firstIndex(of: "=") else {
        throw CommandError(path, "line \(index + 1): not of the form key = value: \(text)", status: .usage)
      }
      lines.append(
        (index + 1, String(text[..<equals].trimmed), String(text[text.index(after: equals)...].trimmed)))
    }
    self.lines = lines
  }

  func apply(to settings: inout Settings) throws(CommandError) {
    for line in lines {
      guard let set = Self.keys[line.key] else {
        throw CommandError(
          path, "line \(line.number): unknown setting \(line.key)",
          advice: "settings are " + Self.keys.keys.sorted().joined(separator: ", "), status: .usage)
      }
      if !set(&settings, line.value) {
        throw CommandError(path, "line \(line.number): \(line.key) cannot be \(line.value)", status: .usage)
      }
    }
  }

  /// Sets one value from its text; false if that is no such value.
  typealias Setter = @Sendable (inout Settings, String) -> Bool

  static let keys: [String: Setter] = [
    "enabled": flag(\.isEnabled),
    "minimum-batch-size": bytes(\.minimumBatchSize),
    "largest-string-table": bytes(\.largestStringTable),
    "delta": flag(\.delta),
    "deduplication": flag(\.deduplication),
    "string-table": flag(\.stringTable),
    "derived": flag(\.derived),
    "id-prediction": flag(\.idPrediction),
    "codec": { settings, text in
      guard let codec = TracezipConfig.Codec(rawValue: text) else { return false }
      settings.config.codec = codec
      return true
    },
    "level": number(\.level),
    "effort": { settings, text in
      guard let effort = TracezipConfig.Effort(rawValue: text) else { return false }
      settings.config.effort = effort
      return true
    },
    "input-format": { settings, text in
      guard let format = InputFormat(rawValue: text) else { return false }
      settings.config.framing = format.framing
      return true
    },
    "segment-size": bytes(\.segmentSize),
    "block-size": bytes(\.blockSize),
    "threads": number(\.threads),
    "memory-limit": { settings, text in
      guard let size = ByteSize(argument: text) else { return false }
      settings.config.memoryLimit = size.bytes
      return true
    },
    "trace-filter-bits": number(\.traceFilterBits),
    "largest-index-share": { settings, text in
      guard let share = Double(text) else { return false }
      settings.config.largestIndexShare = share
      return true
    },
    "flush-interval": { settings, text in
      guard let span = TimeSpan(argument: text) else { return false }
      settings.config.flushInterval = span.seconds
      return true
    },
    "unwrap": { settings, text in
      guard let value = truth(text) else { return false }
      settings.unwraps = value
      return true
    },
  ]

  private static func truth(_ text: String) -> Bool? {
    switch text {
    case "true", "yes", "on", "1": true
    case "false", "no", "off", "0": false
    default: nil
    }
  }

  private static func flag(_ path: WritableKeyPath<TracezipConfig, Bool> & Sendable) -> Setter {
    { settings, text in
      guard let value = truth(text) else { return false }
      settings.config[keyPath: path] = value
      return true
    }
  }

  private static func number(_ path: WritableKeyPath<TracezipConfig, Int> & Sendable) -> Setter {
    { settings, text in
      guard let value = Int(text) else { return false }
      settings.config[keyPath: path] = value
      return true
    }
  }

  private static func bytes(_ path: WritableKeyPath<TracezipConfig, Int> & Sendable) -> Setter {
    { settings, text in
      guard let size = ByteSize(argument: text) else { return false }
      settings.config[keyPath: path] = size.bytes
      return true
    }
  }
}

extension Substring {
  fileprivate var trimmed: Substring {
    var text = self
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return text
  }
}
