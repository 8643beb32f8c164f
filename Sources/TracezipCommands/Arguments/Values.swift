import ArgumentParser
import Tracezip

/// A number of bytes: `4096`, `64K`, `1.5GiB`. K, M, G and T are powers of 1024, KB, MB, GB and TB of 1000.
struct ByteSize: ExpressibleByArgument, Equatable {
  let bytes: Int
  /// As it was given.
  let text: String

  init(bytes: Int) {
    self.bytes = bytes
    text = String(bytes)
  }

  init?(argument: String) {
    text = argument
    let digits = argument.prefix { $0.isNumber || $0 == "." }
    guard let number = Double(digits), number.isFinite, number >= 0 else { return nil }
    let unit: Double
    switch argument.dropFirst(digits.count).lowercased() {
    case "", "b": unit = 1
    case "k", "kib": unit = 0x1p10
    case "m", "mib": unit = 0x1p20
    case "g", "gib": unit = 0x1p30
    case "t", "tib": unit = 0x1p40
    case "kb": unit = 1e3
    case "mb": unit = 1e6
    case "gb": unit = 1e9
    case "tb": unit = 1e12
    default: return nil
    }
    guard number * unit < 0x1p62 else { return nil }
    bytes = Int(number * unit)
  }
}

/// A stretch of time: `500ms`, `2s`, `1.5m`, `1h`; a bare number is seconds.
struct TimeSpan: ExpressibleByArgument, Equatable {
  let seconds: Double
  /// As it was given.
  let text: String

  init?(argument: String) {
    text = argument
    let digits = argument.prefix { $0.isNumber || $0 == "." }
    guard let number = Double(digits), number.isFinite else { return nil }
    switch argument.dropFirst(digits.count) {
    case "us": seconds = number / 1e6
    case "ms": seconds = number / 1e3
    case "", "s": seconds = number
    case "m", "min": seconds = number * 60
    case "h": seconds = number * 3600
    default: return nil
    }
  }
}

/// One of a few names, which say all there is to say of them.
public protocol Choice: ExpressibleByArgument, CaseIterable, RawRepresentable where RawValue == String {}

extension Choice {
  public static var allValueStrings: [String] { allCases.map { $0.rawValue } }
  // The parser's own way to find none takes 0.1 ms a type at every start.
  public static var allValueDescriptions: [String: String] { [:] }
}

/// A stage of coding that can be left out.
enum Stage: String, Choice {
  case delta
  case deduplication
  case stringTable = "string-table"
  case derived
  case idPrediction = "id-prediction"
  case traceFilter = "trace-filter"

  /// By its name; `dedup` is short for one.
  init?(argument: String) { self.init(rawValue: argument == "dedup" ? "deduplication" : argument) }

  /// The setting that it is left out by, and that setting's value.
  var key: String { self == .traceFilter ? "trace-filter-bits" : rawValue }
  var off: String { self == .traceFilter ? "0" : "no" }
}

/// How the input is framed, by the names people use.
enum InputFormat: String, Choice {
  case auto
  case protobuf
  case lengthPrefixed = "length-prefixed"
  case varintDelimited = "varint-delimited"
  case newlineJoined = "newline-joined"
  case json
  case unknown

  /// nil recognises it.
  var framing: BlockFraming? {
    switch self {
    case .auto: nil
    case .protobuf: .bare
    case .lengthPrefixed: .lengthPrefixed
    case .varintDelimited: .varintDelimited
    case .newlineJoined: .newlineJoined
    case .json: .json
    case .unknown: .unknown
    }
  }

  init(_ framing: BlockFraming) {
    switch framing {
    case .unknown: self = .unknown
    case .bare: self = .protobuf
    case .lengthPrefixed: self = .lengthPrefixed
    case .varintDelimited: self = .varintDelimited
    case .newlineJoined: self = .newlineJoined
    case .json: self = .json
    }
  }
}

extension TracezipConfig.Codec: Choice {}
