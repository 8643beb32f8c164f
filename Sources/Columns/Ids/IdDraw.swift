import Bytes

/// What a drawn id is.
@frozen
public enum IdKind: UInt8, BitwiseCopyable, Sendable {
  /// A span id.
  case span = 0
  /// A trace id new with a root span: drawn with that span's id.
  case trace = 1
  /// The id of a parent that has not come yet, so of another process mostly.
  case orphan = 2
  /// A trace id new with a span that is not a root, so of another process mostly.
  case strangeTrace = 3

  @inlinable public var isTrace: Bool { rawValue & 1 != 0 }
  @inlinable public var isStrange: Bool { rawValue & 2 != 0 }
}

/// The SDK's language (`telemetry.sdk.language`): a hint where to look first and how long.
public enum IdLanguage: UInt8, BitwiseCopyable, Sendable {
  case unknown, java, nodejs, webjs, go, python, ruby, dotnet, cpp
  /// A language whose SDKs draw from a generator that cannot be recovered.
  case hopeless

  /// From the value of `telemetry.sdk.language`.
  public init(sdk: String) {
    switch sdk {
    case "java", "android": self = .java
    case "nodejs": self = .nodejs
    case "webjs": self = .webjs
    case "go": self = .go
    case "python": self = .python
    case "ruby": self = .ruby
    case "dotnet": self = .dotnet
    case "cpp", "nginx": self = .cpp
    case "rust", "php", "swift", "erlang": self = .hopeless
    default: self = .unknown
    }
  }
}

/// A *draw*: an id that must be coded, and what is known of it. A draw of a span's id and one of its trace id are
/// neighbours, in either order. Ids are read as big-endian numbers.
public struct IdDraw: BitwiseCopyable, Sendable {
  /// The id's last eight bytes: the whole of a span id.
  public var low: UInt64
  /// A trace id's first eight bytes; 0 for a span id.
  public var high: UInt64
  /// Start of the span that holds the draw, nanoseconds, 0 where unknown.
  public var start: UInt64
  /// The row of that span, a number of the segment: a root's trace id and span id share it.
  public var span: UInt32
  /// The span's class (template or name).
  public var name: UInt32
  /// The process that drew the id, or met it if it is strange: a small dense number of the segment.
  public var process: UInt32
  /// The number in the segment of the span that this is the id of, and of that span's parent; `none` where unknown.
  public var node: UInt32
  public var parent: UInt32
  public var kind: IdKind

  /// Clues that only the encoder has: the span's end, and the trace it belongs to, a dense number.
  public var end: UInt64
  public var trace: UInt32

  public static var none: UInt32 { .max }
  /// Bytes of the id itself.
  public var size: Int { isTrace ? 16 : 8 }
  public var isTrace: Bool { kind.isTrace }
  /// The process, and whether the id is a stranger in it.
  var place: Int { Int(process) << 1 | (kind.isStrange ? 1 : 0) }

  public init(
    low: UInt64 = 0, high: UInt64 = 0, kind: IdKind, process: UInt32, span: UInt32, name: UInt32, start: UInt64,
    end: UInt64 = 0, trace: UInt32 = none, node: UInt32 = none, parent: UInt32 = none
  ) {
    self.low = low
    self.high = high
    self.kind = kind
    self.process = process
    self.span = span
    self.name = name
    self.start = start
    self.end = end
    self.trace = trace
    self.node = node
    self.parent = parent
  }

  /// A draw as recovery sees it.
  public init(
    low: UInt64, high: UInt64 = 0, isTrace: Bool = false, span: UInt32, name: UInt32 = 0, start: UInt64 = 0,
    end: UInt64 = 0, trace: UInt32 = none, parent: UInt32 = none
  ) {
    self.init(
      low: low, high: high, kind: isTrace ? .trace : .span, process: 0, span: span, name: name, start: start, end: end,
      trace: trace, node: span, parent: parent)
  }

  /// Whether `a` and `b` are a root's span id and trace id, the root having come or not.
  @inline(__always)
  static func arePair(_ a: IdDraw, _ b: IdDraw) -> Bool {
    // Kinds 0 and 1, or 2 and 3.
    a.span == b.span && a.kind.rawValue ^ b.kind.rawValue == 1 && a.process == b.process
  }
}

/// Ids of one process in the order they were most likely drawn: by start time, then file order, a root's two draws in
/// the order of the generator that is tried (`IdShape.traceIsFirst`). Draws may be missing, swapped or foreign.
public struct IdSample: Sendable {
  /// From index 0 on.
  public let draws: ArraySlice<IdDraw>
  public init(draws: [IdDraw]) { self.draws = draws[...] }
  /// The first of others.
  init(draws: ArraySlice<IdDraw>) { self.draws = draws }
}
