import Bytes

/// What the coder knows of a template beyond its steps: which words of a row have models of their own (word offsets, -1
/// where there is none) and where its plain slots begin.
struct TemplateInfo: BitwiseCopyable {
  var words: Int32 = 0
  /// Index of word 0's entry in the model's slots.
  var slots: Int32 = 0
  var trace: Int32 = -1
  var id: Int32 = -1
  var parent: Int32 = -1
  var start: Int32 = -1
  var end: Int32 = -1
  var name: Int32 = -1
  var events: Int32 = -1
  var links: Int32 = -1

  /// Whether `word` is coded by one of the special models.
  @inline(__always)
  func isSpecial(_ word: Int32) -> Bool {
    word == id || word == parent || word == start || word == end || (trace >= 0 && (word == trace || word == trace + 1))
  }
}

/// One word of one template's rows.
struct SlotInfo: BitwiseCopyable {
  var column: UInt32
  var isString: Bool
  /// The bits of a double.
  var isDouble = false
  /// 1 a count of events, 2 of links.
  var child: UInt8 = 0
  /// Whether models and weaving look at it in every row, though all are the same: names, counts, duplicates, and ids of two
  /// words, since one may vary. Of other words that do not vary only the first row of a block is filled in.
  var isRead = false
}

extension Skeletons {
  /// Finds the template's special words; appends one `SlotInfo` a word to `slots`.
  func describe(_ template: Int, _ slots: inout Buffer<SlotInfo>) -> TemplateInfo {
    let t = templates[template]
    var info = TemplateInfo()
    info.words = Int32(t.words)
    info.slots = Int32(slots.count)
    var word: Int32 = 0
    for place in 0..<Int(t.stepCount) {
      let step = steps[Int(templateSteps[Int(t.stepsAt) + place])]
      let leaf = step.kind.leaf
      if leaf == .none { continue }
      let field = columns[Int(step.column)].field
      switch (leaf, t.record, field) {
      case (.id16, .span, 1), (.id16, .link, 1): if info.trace < 0 { info.trace = word }
      case (.id8, .span, 2), (.id8, .link, 2): if info.id < 0 { info.id = word }
      case (.string, .span, 5), (.string, .event, 2): if info.name < 0 { info.name = word }
      case (.id8, .span, 4): if info.parent < 0 { info.parent = word }
      case (.word, .span, 7), (.word, .event, 1):
        if info.start < 0, columns[Int(step.column)].nameCount == 0 { info.start = word }
      case (.word, .span, 8): if info.end < 0 { info.end = word }
      case (.count, .span, _):
        if step.child == .event, info.events < 0 { info.events = word }
        if step.child == .link, info.links < 0 { info.links = word }
      default: break
      }
      for _ in 0..<leaf.words {
        let child: UInt8 = leaf != .count ? 0 : step.child == .event ? 1 : 2
        let isDouble = leaf == .word && columns[Int(step.column)].value == 4
        slots.append(
          SlotInfo(
            column: step.column, isString: leaf == .string, isDouble: isDouble, child: child,
            isRead: info.name == word || !step.kind.isPlain || leaf.words > 1))
      }
      word += Int32(leaf.words)
    }
    // Ends are told from starts, which may stand behind them (JSON writers that sort keys).
    if info.start < 0 { info.end = -1 }
    return info
  }
}
