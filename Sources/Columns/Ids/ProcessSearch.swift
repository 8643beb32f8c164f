import Bytes

/// What the encoder knows of a process.
struct ProcessSearch: BitwiseCopyable {
  let language: IdLanguage
  /// The group that most of its ids belong to, 0 for none.
  var home = 0
  /// Ids of known generators met while it had no home.
  var strays = 0
  /// Ids not explained since the last find, less a share of those explained.
  var pending = 0
  /// Ids explained so far.
  var explained = 0
  /// Ids not explained in this block, and where their list begins.
  var missing = 0
  var start = 0
  var list: Range<Int> { start..<start + missing }
  /// Whether they were put with the process' earlier ids.
  var isGathered = false
  /// Whether they were put into the block's scan.
  var isScanned = false
  /// How many must be pending for the next search.
  var nextTry: Int

  init(_ language: IdLanguage, _ effort: IdEffort) {
    self.language = language
    nextTry = Self.ladder(language, effort).map { $0.leastDraws(effort) }.min() ?? .max
  }

  /// Families to try, cheapest first; browsers' are searched for apart.
  static func ladder(_ language: IdLanguage, _ effort: IdEffort) -> [IdFamily] {
    func mayBe(_ one: IdLanguage) -> Bool { language == .unknown || language == one }
    var list: [IdFamily] = []
    if mayBe(.java) { list.append(.java17) }
    if mayBe(.nodejs) { list.append(.node) }
    if effort >= .default {
      if mayBe(.go) { list += [.goBytes, .goWords] }
      if mayBe(.python) { list.append(.python) }
      if language == .ruby || effort == .best && language == .unknown { list.append(.ruby) }
      if mayBe(.cpp) { list.append(.cpp) }
      if language == .dotnet { list.append(.dotnet) }
    }
    if effort == .best, language == .unknown { list.append(.dotnet) }
    return list
  }
}

/// What searches of a process have to do with.
final class ProcessHistory {
  var ids = ProcessIds()
  let ladder: [IdFamily]
  /// Most ids of earlier blocks that a search looks at.
  let kept: Int
  /// How many ids were pending when each family was last tried.
  private var tried = [Int](repeating: 0, count: IdFamily.allCases.count)

  init(_ language: IdLanguage, _ effort: IdEffort) {
    ladder = ProcessSearch.ladder(language, effort)
    kept = effort == .best ? 8192 : ladder.map { $0.window }.max() ?? 0
  }

  /// Whether `family` should be tried with `pending` ids, which is noted.
  func tries(_ family: IdFamily, _ pending: Int, _ effort: IdEffort) -> Bool {
    let last = tried[Int(family.rawValue)]
    guard pending >= family.leastDraws(effort), pending >= next(last, family, effort) else { return false }
    tried[Int(family.rawValue)] = pending
    return true
  }

  /// How many ids must be pending for another try after one with `last`: the hopeless are tried ever more rarely.
  private func next(_ last: Int, _ family: IdFamily, _ effort: IdEffort) -> Int {
    if last > 16 * family.leastDraws(effort) { return 4 * last }
    return effort == .best ? last + last * 3 / 4 : last * 5 / 2
  }

  /// How many ids must be pending for the next search.
  func nextTry(_ effort: IdEffort) -> Int {
    var least = Int.max
    for family in ladder {
      least = min(least, max(family.leastDraws(effort), next(tried[Int(family.rawValue)], family, effort)))
    }
    return least
  }

  /// A find: what comes next is looked at afresh.
  func found() {
    for f in tried.indices { tried[f] = 0 }
    ids.removeAll()
  }
}

/// Draws by number: those of a block, and behind them some of earlier blocks. A view as `BufferView` is.
struct NumberedDraws: BitwiseCopyable {
  private let block: BufferView<IdDraw>
  private let earlier: BufferView<IdDraw>

  /// Those of a block alone.
  @inline(__always)
  init(_ block: borrowing Buffer<IdDraw>) {
    self.block = block.elements
    earlier = block.elements[0..<0]
  }

  @inline(__always)
  fileprivate init(_ block: borrowing Buffer<IdDraw>, behind earlier: borrowing Buffer<IdDraw>) {
    self.block = block.elements
    self.earlier = earlier.elements
  }

  var count: Int { block.count + earlier.count }

  subscript(number: UInt32) -> IdDraw {
    @inline(__always) get {
      let n = Int(number)
      return n < block.count ? block.unchecked(n) : earlier[n &- block.count]
    }
  }
}

/// Ids of a process, or the last of them, that no known generator explains, by time, over blocks.
struct ProcessIds: ~Copyable {
  /// Those of earlier blocks.
  private var earlier = Buffer<IdDraw>()
  /// With those of the block at hand, once they are gathered: numbers of `all`.
  private(set) var order = Buffer<UInt32>()

  var count: Int { order.count }

  /// The draws of the block, and behind them those of earlier blocks.
  func all(_ draws: borrowing Buffer<IdDraw>) -> NumberedDraws { NumberedDraws(draws, behind: earlier) }

  /// Puts those of `draws[list[range]]` that are not explained among those of earlier blocks.
  mutating func gather(
    _ draws: borrowing Buffer<IdDraw>, _ list: borrowing Buffer<UInt32>, _ range: Range<Int>,
    _ entries: borrowing Buffer<IdPlan.Entry>
  ) {
    order.removeAll()
    order.reserve(earlier.count + range.count)
    var next = 0
    for i in range where entries[Int(list[i])].lane < 0 {
      if next < earlier.count {
        let start = draws[Int(list[i])].start
        while next < earlier.count, earlier[next].start <= start {
          order.append(UInt32(truncatingIfNeeded: draws.count &+ next))
          next &+= 1
        }
      }
      order.append(list[i])
    }
    for i in next..<earlier.count { order.append(UInt32(truncatingIfNeeded: draws.count &+ i)) }
  }

  /// Keeps for the next block what was gathered, apart from what the block's plan explains and, where there are many more,
  /// all but the last `limit`.
  mutating func keep(_ draws: borrowing Buffer<IdDraw>, _ entries: borrowing Buffer<IdPlan.Entry>, limit: Int) {
    let skip = count > limit * 5 / 4 ? count - limit : 0
    // Those of earlier blocks stay where they are, or move up, unless others have come between.
    var first = 0
    while first < earlier.count, Int(order[first]) == draws.count &+ first { first &+= 1 }
    if first == earlier.count {
      earlier.removeFirst(min(skip, first))
      first = max(first, skip)
      earlier.reserve(count - first)
      for i in first..<count where entries[Int(order[i])].lane < 0 { earlier.append(draws[Int(order[i])]) }
    } else {
      var kept = Buffer<IdDraw>(capacity: count - skip)
      let all = all(draws)
      for i in skip..<count where Int(order[i]) >= draws.count || entries[Int(order[i])].lane < 0 {
        kept.append(all[order[i]])
      }
      swap(&earlier, &kept)
    }
    order.removeAll()
  }

  mutating func removeAll() {
    earlier.removeAll()
    order.removeAll()
  }
}

extension IdFamily {
  /// Draws a search looks at.
  var window: Int {
    switch self {
    case .node, .dotnet, .cpp: 2000
    default: Self.widest
    }
  }

  /// The widest window.
  static var widest: Int { 6000 }

  /// Whether each page load has a generator of its own.
  var isPage: Bool { self == .webDigits || self == .webBytes }

  /// Work that finding one takes as a rule.
  var usualCost: Int {
    switch self {
    case .goBytes, .goWords: 6_000_000
    case .python, .ruby: 2_500_000
    case .dotnet: 15_000_000
    default: 100_000
    }
  }

  /// Fewer are not worth a search.
  func leastDraws(_ effort: IdEffort) -> Int {
    switch self {
    case .goBytes, .goWords: 650
    case .python, .ruby: effort == .best ? 320 : 600
    case .dotnet: 12
    case .cpp: 200
    default: 3
    }
  }

  /// Bytes a generator must save beyond its state's.
  var leastGain: Int { isPage ? 4 : 16 }

  /// Units without an id after which a generator is taken to be at its end.
  func quiet(_ effort: IdEffort) -> Int {
    switch self {
    // One for each thread: many are run past the ids, and each soon meets its next.
    case .dotnet, .cpp: effort == .best ? 1 << 12 : 1 << 10
    default: effort == .best ? 1 << 21 : 1 << 12
    }
  }
}
