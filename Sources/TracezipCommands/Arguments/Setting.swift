import Tracezip

/// One setting: how its text is read and what it sets. Every switch of `TracezipConfig` has one, by whose name the
/// config file, the environment and the command line all speak of it.
struct Setting: Sendable {
  /// Sets the value from its text; false if that is no such value.
  let set: @Sendable (inout Settings, String) -> Bool

  func accepts(_ text: String) -> Bool {
    var settings = Settings()
    return set(&settings, text)
  }

  static let all: [String: Setting] = [
    "enabled": truth(\.config.isEnabled),
    "minimum-batch-size": size(\.config.minimumBatchSize),
    "largest-string-table": size(\.config.largestStringTable),
    "delta": truth(\.config.delta),
    "deduplication": truth(\.config.deduplication),
    "string-table": truth(\.config.stringTable),
    "derived": truth(\.config.derived),
    "id-prediction": truth(\.config.idPrediction),
    "codec": value(\.config.codec) { TracezipConfig.Codec(rawValue: $0) },
    "level": value(\.config.level) { Int($0) },
    "effort": value(\.config.effort) { TracezipConfig.Effort(rawValue: $0) },
    "input-format": value(\.config.framing) { InputFormat(rawValue: $0).map(\.framing) },
    "segment-size": size(\.config.segmentSize),
    "block-size": size(\.config.blockSize),
    "threads": value(\.config.threads) { Int($0) },
    "memory-limit": value(\.config.memoryLimit) { ByteSize(argument: $0).map(\.bytes) },
    "trace-filter-bits": value(\.config.traceFilterBits) { Int($0) },
    "largest-index-share": value(\.config.largestIndexShare) { Double($0) },
    "flush-interval": value(\.config.flushInterval) { TimeSpan(argument: $0).map(\.seconds) },
    "unwrap": truth(\.unwraps),
  ]

  private static func value<Value>(
    _ path: WritableKeyPath<Settings, Value> & Sendable, _ read: @escaping @Sendable (String) -> Value?
  ) -> Setting {
    Setting { settings, text in
      guard let value = read(text) else { return false }
      settings[keyPath: path] = value
      return true
    }
  }

  private static func size(_ path: WritableKeyPath<Settings, Int> & Sendable) -> Setting {
    value(path) { ByteSize(argument: $0).map(\.bytes) }
  }

  private static func truth(_ path: WritableKeyPath<Settings, Bool> & Sendable) -> Setting {
    value(path) {
      switch $0 {
      case "true", "yes", "on", "1": true
      case "false", "no", "off", "0": false
      default: nil
      }
    }
  }
}
