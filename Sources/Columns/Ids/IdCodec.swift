import Bytes

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

/// What became of a block's ids, for statistics; encoder and decoder tell the same.
public struct IdReport: Sendable {
  /// A generator of the segment.
  public struct Group: Sendable {
    /// The generator's number in the segment, from 1.
    public var number: Int
    /// "Java ThreadLocalRandom (JDK 17 on)"
    public var generator: String
    /// Processes whose ids it drew.
    public var processes: [UInt32] = []
    public var ids = 0
    public var predicted = 0
    public var bytesBefore = 0
    public var bytesAfter = 0
  }
  /// Generators with ids in the block.
  public var groups: [Group] = []
  /// Bytes of ids that were stored as they are because no generator is known.
  public var rawBytes = 0

  public init() {}

  mutating func note(_ number: Int, _ family: IdFamily, ids: Int, predicted: Int, before: Int, bytes: Int) {
    groups.append(
      Group(
        number: number, generator: family.name, ids: ids, predicted: predicted, bytesBefore: before,
        bytesAfter: bytes))
  }
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
  /// Generator outputs (each about a nanosecond) of a segment besides the 512 that each id earns.
  public var work = 1 << 26
  public init() {}
}

/// The ids of a segment, block by block, by the generators they were drawn from: a generator's state once, then for each
/// id only where in the generator's sequence it stands. Ids of no known generator are stored as they are. `IdState` has
/// the stream.
public struct IdEncoder: ~Copyable {
  private var state = IdState(limits: IdLimits())
  private(set) var planner: IdPlanner

  public init(effort: IdEffort) { planner = IdPlanner(effort: effort) }

  /// Adds the next process by what its resource says of its SDK, which helps to find its generator.
  public mutating func addProcess(_ language: IdLanguage) { planner.addProcess(language) }

  /// Whether a later block's ids are to be planned and encoded: not where nothing has come of it so far. Asked once a
  /// block.
  public mutating func looksAgain() -> Bool { planner.looksAgain() }

  /// Looks for the generators of `draws`.
  public mutating func plan(_ draws: borrowing Buffer<IdDraw>) { planner.plan(draws, state.lanes) }

  /// Takes what a block of another segment has told, before a block is planned.
  public mutating func take(_ hints: IdHints) { planner.hints = hints }

  /// What the block just planned, of `draws`, tells another segment.
  public func newHints(_ draws: borrowing Buffer<IdDraw>) -> IdHints { planner.newHints(draws) }

  /// Codes the ids of the draws that were planned.
  public mutating func encode(
    _ draws: inout Buffer<IdDraw>, _ report: inout IdReport, _ coder: inout RangeEncoder
  ) {
    state.code(&draws, &planner.plan, &report, &coder)
  }
}

/// The mirror of `IdEncoder`.
public struct IdDecoder: ~Copyable {
  private var state: IdState
  private var plan = IdPlan()

  public init(limits: IdLimits = IdLimits()) { state = IdState(limits: limits) }

  /// Fills in the ids of `draws`.
  public mutating func decode(
    _ draws: inout Buffer<IdDraw>, _ report: inout IdReport, _ coder: inout RangeDecoder
  ) throws(IdError) {
    plan.tags.read(draws)
    state.code(&draws, &plan, &report, &coder)
    if let error = state.error { throw error }
    if coder.failed { throw .corrupt("id stream is cut off") }
  }
}
