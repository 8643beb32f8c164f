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

/// Ids of a process, or the last of them, that no known generator explains, by time, over blocks.
struct ProcessIds: ~Copyable {
  var draws = Buffer<IdDraw>()
  /// Of each its number among the segment's draws.
  private var numbers = Buffer<Int>()
  /// The number of the block's first draw, and where the first of the block's draws may stand.
  private var base = 0
  private var firstNew = 0
  // Scratch.
  private var tail = Buffer<IdDraw>()
  private var tailNumbers = Buffer<Int>()

  var count: Int { draws.count }

  /// The number in the block of id `i`; nil for those of earlier blocks.
  func number(_ i: Int) -> Int? { numbers[i] >= base ? numbers[i] - base : nil }

  /// Adds those of `draws[list[range]]` that are not explained, by time; `base` is the number of the block's first draw.
  mutating func add(
    _ draws: borrowing Buffer<IdDraw>, _ list: borrowing Buffer<UInt32>, _ range: Range<Int>,
    _ entries: borrowing Buffer<IdPlan.Entry>, base: Int
  ) {
    guard !range.isEmpty else { return }
    self.base = base
    // Those that are later than the first that comes wait for their turn.
    let first = draws[Int(list[range.lowerBound])].start
    var at = count
    while at > 0, self.draws[at &- 1].start > first { at &-= 1 }
    firstNew = min(firstNew, at)
    tail.removeAll()
    tailNumbers.removeAll()
    for i in at..<count {
      tail.append(self.draws[i])
      tailNumbers.append(numbers[i])
    }
    self.draws.truncate(to: at)
    numbers.truncate(to: at)
    var next = 0
    for i in range where entries[Int(list[i])].lane < 0 {
      let draw = draws[Int(list[i])]
      while next < tail.count, tail[next].start <= draw.start {
        self.draws.append(tail[next])
        numbers.append(tailNumbers[next])
        next &+= 1
      }
      self.draws.append(draw)
      numbers.append(base &+ Int(list[i]))
    }
    for i in next..<tail.count {
      self.draws.append(tail[i])
      numbers.append(tailNumbers[i])
    }
  }

  /// Drops what the block's plan explains, and all but the last `limit` where there are many more.
  mutating func tidy(_ entries: borrowing Buffer<IdPlan.Entry>, limit: Int) {
    let skip = count > limit * 5 / 4 ? count - limit : 0
    // Those of earlier blocks stay where they are.
    var kept = skip == 0 ? min(firstNew, count) : 0
    for i in skip + kept..<count where number(i).map({ entries[$0].lane < 0 }) ?? true {
      draws[kept] = draws[i]
      numbers[kept] = numbers[i]
      kept &+= 1
    }
    draws.truncate(to: kept)
    numbers.truncate(to: kept)
    firstNew = kept
  }

  mutating func removeAll() {
    draws.removeAll()
    numbers.removeAll()
    firstNew = 0
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
