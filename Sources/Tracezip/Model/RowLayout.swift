import Bytes

/// Where the words of a block's rows stand, template by template, and what the words are that do not vary.
///
/// A decoder gives a word no room that is the same in all rows of its template, unless models or weaving look at it row by
/// row (`SlotInfo.isRead`): rows take less memory, and less is filled in. An encoder's rows come from the shredder, with
/// all their words.
struct RowLayout: ~Copyable {
  private struct Word: BitwiseCopyable {
    private let bits: Int32

    init(place: Int, isConstant: Bool) { bits = Int32(truncatingIfNeeded: place) << 1 | (isConstant ? 1 : 0) }

    /// In the row, -1 where it has no room.
    var place: Int { @inline(__always) get { Int(bits >> 1) } }
    var isConstant: Bool { @inline(__always) get { bits & 1 != 0 } }
  }
  /// Where a template's words begin in `words` and in `constants`, and how many its rows have.
  private var templates = Buffer<(first: UInt32, width: Int32)>()
  private var words = Buffer<Word>()
  /// What words are in all rows; of those that vary nothing.
  private(set) var constants = Buffer<UInt64>()

  init() {}

  /// Forgets the block before.
  mutating func begin(templates count: Int) {
    templates.removeAll()
    templates.append(repeating: (0, 0), count: count)
    words.removeAll()
    constants.removeAll()
  }

  /// Begins with a template, whose words are added then.
  mutating func begin(_ template: Int) { templates[template] = (UInt32(words.count), 0) }

  /// Adds the next word of `template`.
  mutating func addWord(_ template: Int, isConstant: Bool, hasRoom: Bool) {
    words.append(Word(place: hasRoom ? width(template) : -1, isConstant: isConstant))
    constants.append(0)
    if hasRoom { templates[template].width += 1 }
  }

  /// Where the words of `template` begin in `constants`.
  @inline(__always)
  func first(_ template: Int) -> Int { Int(templates[template].first) }

  /// How many words rows of `template` have.
  @inline(__always)
  func width(_ template: Int) -> Int { Int(templates[template].width) }

  /// Where `word` of `template` stands in a row, -1 where it has no room.
  @inline(__always)
  func place(_ template: Int, _ word: Int) -> Int { words[first(template) &+ word].place }

  @inline(__always)
  func isConstant(_ template: Int, _ word: Int) -> Bool { words[first(template) &+ word].isConstant }

  mutating func note(constant value: UInt64, _ template: Int, _ word: Int) {
    constants[first(template) &+ word] = value
  }
}

extension TemplateInfo {
  /// The same with places in rows for words.
  func placed(_ template: Int, by layout: borrowing RowLayout) -> TemplateInfo {
    var info = self
    info.words = Int32(layout.width(template))
    func place(_ word: inout Int32) { if word >= 0 { word = Int32(layout.place(template, Int(word))) } }
    place(&info.trace)
    place(&info.id)
    place(&info.parent)
    place(&info.start)
    place(&info.end)
    place(&info.name)
    place(&info.events)
    place(&info.links)
    return info
  }
}
