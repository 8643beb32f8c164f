import Bytes

/// What the encoder knows of a process whose ids, or some of them, come from no known generator.
struct ProcessSearch {
  let language: IdLanguage
  /// The group that most of its ids belong to, 0 for none.
  var home = 0
  /// Ids of known generators met while it had no home.
  var strays = 0
  /// Ids not explained, the last of them.
  var history: [IdDraw] = []
  /// Ids not explained since the last find, less a share of those explained.
  var pending = 0
  /// Ids explained so far.
  var explained = 0
  /// Ids not explained in this block.
  var missing = 0
  /// How many must be pending for the next search.
  var nextTry: Int
  /// How many there were when each family was last tried.
  private var tried = [Int](repeating: 0, count: IdFamily.allCases.count)
  /// Families to try, cheapest first; browsers' are searched for apart.
  let ladder: [IdFamily]

  static var kept: Int { 8192 }

  init(_ language: IdLanguage, _ effort: IdEffort) {
    self.language = language
    ladder = Self.ladder(language, effort)
    nextTry = ladder.map { $0.leastDraws }.min() ?? .max
  }

  private static func ladder(_ language: IdLanguage, _ effort: IdEffort) -> [IdFamily] {
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

  /// Whether `family` should be tried on `count` ids, which is noted.
  mutating func tries(_ family: IdFamily, _ count: Int) -> Bool {
    let last = tried[Int(family.rawValue)]
    guard count >= family.leastDraws, count >= Self.next(last, family) else { return false }
    tried[Int(family.rawValue)] = count
    return true
  }

  /// How many ids must be there for another try after one with `last`: the hopeless are tried ever more rarely.
  private static func next(_ last: Int, _ family: IdFamily) -> Int {
    last > 16 * family.leastDraws ? 4 * last : last + last * 3 / 4
  }

  /// Sets when to search again.
  mutating func plan() {
    nextTry = .max
    for family in ladder {
      let last = tried[Int(family.rawValue)]
      nextTry = min(nextTry, max(family.leastDraws, Self.next(last, family)))
    }
  }

  /// A find: what comes next is looked at afresh.
  mutating func found() {
    for f in tried.indices { tried[f] = 0 }
    pending = 0
  }

  /// Keeps `draws` for later searches.
  mutating func keep(_ draw: IdDraw) {
    guard !ladder.isEmpty else { return }
    if history.count >= Self.kept * 3 / 2 { history.removeFirst(history.count - Self.kept) }
    history.append(draw)
  }
}

extension IdFamily {
  /// Draws a search looks at.
  var window: Int {
    switch self {
    case .node, .dotnet, .cpp: 2000
    default: 6000
    }
  }

  /// Whether each page load has a generator of its own.
  var isPage: Bool { self == .webDigits || self == .webBytes }

  /// Work that finding one takes as a rule.
  var usualCost: Int {
    switch self {
    case .goBytes, .goWords: 6_000_000
    case .python, .ruby: 18_500_000
    case .dotnet: 15_000_000
    default: 100_000
    }
  }

  /// Fewer are not worth a search.
  var leastDraws: Int {
    switch self {
    case .goBytes, .goWords: 650
    case .python, .ruby: 320
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
    case .dotnet, .cpp: 1 << 12
    default: effort == .best ? 1 << 21 : 1 << 15
    }
  }
}
