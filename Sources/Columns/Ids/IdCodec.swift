import Bytes

/// What a drawn id is. Raw values are those of `IdContext.kind`.
public enum IdKind: UInt8, Sendable {
  /// A span id.
  case span = 0
  /// A trace id new with a root span: drawn with that span's id.
  case trace = 1
  /// The id of a parent that is not in the segment, so of another process mostly.
  case orphan = 2
  /// A trace id new with a span that is not a root, so of another process mostly.
  case strangeTrace = 3

  var isTrace: Bool { self == .trace || self == .strangeTrace }
  var isStrange: Bool { self == .orphan || self == .strangeTrace }
}

/// Everything a decoder knows when ids are decoded: parallel arrays over *draws*, ids that must be coded, in file order.
/// A draw of a span's id and one of its trace id are neighbours, in either order.
public struct IdContext: Sendable {
  /// The process that drew the id, a small dense number.
  public var process: [UInt32] = []
  /// Start of the span that holds the draw, nanoseconds, 0 where unknown.
  public var start: [UInt64] = []
  /// The span's class (template or name).
  public var name: [UInt32] = []
  public var kind: [IdKind] = []
  /// The span's row.
  public var span: [UInt32] = []
  /// The draw that is the parent span's id, -1 where unknown.
  public var parent: [Int32] = []

  public init() {}

  public var count: Int { kind.count }

  public mutating func append(
    process: UInt32, start: UInt64, name: UInt32, kind: IdKind, span: UInt32, parent: Int32
  ) {
    self.process.append(process)
    self.start.append(start)
    self.name.append(name)
    self.kind.append(kind)
    self.span.append(span)
    self.parent.append(parent)
  }

  /// The context with strangers, ids that another process drew, under processes of their own: `process + count` for
  /// those met in `process`. An unknown parent and the trace id met with it are a lost root's two ids, so that they
  /// follow from a generator like any other root's.
  func splittingStrangers() -> (context: IdContext, processes: Int) {
    let count = Int(process.max() ?? 0) + 1
    guard kind.contains(where: { $0.isStrange }) else { return (self, count) }
    var split = self
    for d in kind.indices where kind[d].isStrange { split.process[d] += UInt32(count) }
    return (split, count)
  }

  /// Whether the arrays are of one length and parents are draws.
  var isConsistent: Bool {
    let n = kind.count
    return process.count == n && start.count == n && name.count == n && span.count == n && parent.count == n
      && n <= Int(Int32.max) && (process.max() ?? 0) < 1 << 24
  }
}

/// What only the encoder knows; it helps to find generators and may be left empty.
public struct IdClues: Sendable {
  /// Per draw, the end of its span; or empty.
  public var end: [UInt64] = []
  /// Per draw, a dense number of its trace; or empty.
  public var trace: [UInt32] = []
  /// Per process, what its resource says of the SDK; or empty.
  public var language: [IdLanguage] = []

  public init() {}
}

/// The SDK's language (`telemetry.sdk.language`): a hint where to look first and how long.
public enum IdLanguage: UInt8, Sendable {
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

/// Ids by draw, read as big-endian numbers.
public struct IdValues: Sendable, Equatable {
  /// A span id, or the last eight bytes of a trace id.
  public var low: [UInt64] = []
  /// The first eight bytes of a trace id, else 0.
  public var high: [UInt64] = []
  public init() {}
  public init(low: [UInt64], high: [UInt64]) {
    self.low = low
    self.high = high
  }
}

/// How far the encoder looks for generators.
public enum IdEffort: Int, Sendable, Comparable {
  /// Java and Node only.
  case javaAndNode
  /// Go, Python, .NET too where their draws are easy to line up.
  case `default`
  /// Everything.
  case best

  public static func < (a: IdEffort, b: IdEffort) -> Bool { a.rawValue < b.rawValue }
}

/// Generators met in earlier segments, tried first in the next. Only the encoder uses them.
public struct IdHints: Sendable {
  /// The process number only tells generators apart.
  var sequences: [(family: IdFamily, process: Int, generator: any IdSequence)] = []
  public init() {}
}

/// What was found, for statistics.
public struct IdReport: Sendable {
  public struct Group: Sendable {
    /// "Java ThreadLocalRandom, JDK 17+"
    public var generator: String
    public var processes: [UInt32]
    public var ids = 0
    public var predicted = 0
    public var bytesBefore = 0
    public var bytesAfter = 0
  }
  /// One entry for each generator found; processes without one are not listed.
  public var groups: [Group] = []
  public var bytesBefore = 0
  public var bytesAfter = 0
}

/// Why ids cannot be decoded.
public enum IdError: Error, Equatable {
  /// The stream ends early or says what cannot be.
  case corrupt(String)
  /// The stream asks for more work than `IdLimits` allows.
  case limitExceeded(limit: Int)
}

/// What a hostile stream may cost.
public struct IdLimits: Sendable {
  /// Generator outputs (each about a nanosecond and, for some, eight bytes) besides those the number of ids earns.
  public var work = 1 << 26
  public init() {}

  func budget(draws: Int) -> Int { work + 512 * draws }
}

/// Span and trace ids by the generators they were drawn from: a generator's state once, then for each id only where in
/// the generator's sequence it stands. Ids of no known generator are stored as they are. See man/tracezip.5 for the
/// stream.
public enum IdCodec {
  /// The ids as bytes, or nil where that would not be smaller than the ids themselves.
  public static func encode(
    _ values: IdValues, _ context: IdContext, clues: IdClues = IdClues(), effort: IdEffort, hints: inout IdHints
  ) -> (bytes: [UInt8], report: IdReport)? {
    guard context.isConsistent, values.low.count == context.count, values.high.count == context.count,
      context.count > 0
    else { return nil }
    let (context, processes) = context.splittingStrangers()
    let planner = IdPlanner(
      values: values, context: context, processes: processes, clues: clues, effort: effort)
    let plan = planner.plan(&hints)
    guard plan.isWorthwhile else { return nil }
    var coder = RangeEncoder()
    var stream = IdStream(context: context, values: values, plan: plan)
    stream.codeHeader(&coder)
    for g in stream.groups.indices {
      let before = coder.coded.count + coder.raw.count
      stream.codeGroup(g, &coder)
      stream.noteBytes(group: g, coder.coded.count + coder.raw.count - before)
    }
    coder.finish()
    stream.noteTotal()
    var bytes = Buffer<UInt8>(capacity: coder.coded.count + coder.raw.count + 10)
    bytes.append(varint: coder.coded.count)
    bytes.append(coder.coded.view)
    bytes.append(coder.raw.view)
    var report = stream.report
    for g in report.groups.indices { report.groups[g].processes.removeAll { $0 >= processes } }
    report.bytesAfter = bytes.count
    guard bytes.count < report.bytesBefore else { return nil }
    return (bytes.array, report)
  }

  /// The ids of `context`'s draws.
  public static func decode(
    _ bytes: ByteView, _ context: IdContext, limits: IdLimits = IdLimits()
  ) throws(IdError) -> IdValues {
    guard context.isConsistent else { throw .corrupt("id context of unequal lengths") }
    guard let size = bytes.varint(at: 0), size.value <= UInt64(bytes.count - size.width) else {
      throw .corrupt("id stream is cut off")
    }
    let split = size.width + Int(size.value)
    var coder = RangeDecoder(coded: bytes[size.width..<split], raw: bytes[split..<bytes.count])
    var stream = IdStream(context: context.splittingStrangers().context, limits: limits)
    stream.codeHeader(&coder)
    for g in stream.groups.indices { stream.codeGroup(g, &coder) }
    if let error = stream.error { throw error }
    if coder.failed { throw .corrupt("id stream is cut off") }
    return stream.values
  }
}
