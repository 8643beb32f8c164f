import Configuration
import Glibc
import Tracezip

/// Settings from all layers: command line before environment before config file before defaults.
struct Settings {
  var config = TracezipConfig()
  var unwraps = true

  /// The defaults.
  init() {
    config.threads = 0
  }

  init(_ options: RunOptions, coding: CodingOptions? = nil) throws(CommandError) {
    self.init()
    var layers = [
      Layer("command line", options.values.merging(coding?.values ?? [:]) { $1 }),
      Layer("environment", try Self.environment()),
    ]
    if let file = try ConfigFile.find(options.config) { layers.append(Layer(file.path, file.values)) }
    layers.removeAll { $0.values.isEmpty }
    if layers.count == 1 {
      // Nothing to choose between: the reader of layers would only take time to be set up.
      for (key, text) in layers[0].values { _ = Setting.all[key]?.set(&self, text) }
    } else if !layers.isEmpty {
      // Told by that variable, the library would write a file of its own.
      unsafe _ = unsetenv("CONFIG_ACCESS_LOG_FILE")
      let reader = ConfigReader(providers: layers.map(\.provider))
      for key in Set(layers.flatMap(\.values.keys)) {
        // What a layer holds has been checked: its setting can take it.
        if let text = reader.string(forKey: ConfigKey([key])) { _ = Setting.all[key]?.set(&self, text) }
      }
    }
    do {
      try config.validate()
    } catch {
      throw CommandError(error, input: "", output: "")
    }
  }

  private static func environment() throws(CommandError) -> [String: String] {
    var values: [String: String] = [:]
    for (name, key) in [("TRACEZIP_LEVEL", "level"), ("TRACEZIP_THREADS", "threads")] {
      guard let text = Terminal.environment(name), !text.isEmpty else { continue }
      guard Setting.all[key]!.accepts(text) else {
        throw CommandError(name, "is not a number: \(text)", advice: "unset it, or give a number", status: .usage)
      }
      values[key] = text
    }
    return values
  }

  /// Where settings come from: their texts by key.
  private struct Layer {
    let name: String
    let values: [String: String]

    init(_ name: String, _ values: [String: String]) {
      self.name = name
      var values = values
      // Who says a level means it, whatever effort a lower layer asks for.
      if values["level"] != nil, values["effort"] == nil { values["effort"] = TracezipConfig.Effort.default.rawValue }
      self.values = values
    }

    var provider: InMemoryProvider {
      InMemoryProvider(
        name: name,
        values: [AbsoluteConfigKey: ConfigValue](
          uniqueKeysWithValues: values.map { (AbsoluteConfigKey([$0]), ConfigValue(.string($1), isSecret: false)) }))
    }
  }
}

extension Settings {
  /// What compressing holds at once, about: of each segment at work its blocks, and a model that grows with its strings;
  /// what comes from a pipe waits for a segment's thread as it is. One or two threads work on one segment, two with
  /// several blocks under way between them.
  func memoryEstimate(ofPipe isPipe: Bool) -> Int {
    let workers = isPipe ? config.workersOfPipe : config.workers
    let segments = workers <= 2 ? 1 : workers
    let waiting = isPipe && segments > 1 ? config.segmentSize : 0
    let blocks = workers == 2 ? 10 : 4
    return segments * (blocks * config.blockSize + 4 * config.largestStringTable + waiting)
  }
}
