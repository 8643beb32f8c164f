import Bytes
import Columns

extension BlockModel {
  /// One block, in either direction. Decoding fills `block`; encoding turns its leaves into symbols on the way.
  /// `limit` bounds spans, events and links.
  mutating func code<C: BitCoder & ~Copyable>(
    _ block: inout Block, _ skeletons: borrowing Skeletons, limit: Int, _ scratch: inout BlockScratch, _ c: inout C
  ) {
    grow(skeletons)
    leafLimit = limit + 1024
    prepareStructure()
    prepareTimes()
    let steps = c.codeNumber(UInt64(block.spine.count), &models, structure.spineNumber)
    guard steps <= UInt64(limit) + 16 else { return c.fail() }
    spentParts = SpentParts()
    var mark = c.spent
    codeSpine(Int(steps), &block, skeletons, scopes: &scratch.rows.scopes, limit: limit, &c)
    spentParts.spine += c.spent - mark
    mark = c.spent
    let n = scratch.rows.scopes.count
    codeSpans(n, &block.spans, skeletons, scopes: scratch.rows.scopes, &c)
    spentParts.structure += c.spent - mark
    mark = c.spent
    if c.failed { return }
    scratch.rows.traces.removeAll()
    scratch.rows.traces.append(structure.spanTrace, from: 0)
    if slotCosts.isOn { slotCosts.begin(slots: slotInfos.count) }
    layout.begin(templates: infos.count)
    layOut(&block.spans, &c)
    if c.failed { return }
    codeSlots(&block.spans, scratch.rows, &c)
    mark = c.spent
    if c.failed { return }
    scratch.spanRows.removeAll()
    scratch.spanRows.append(rowAt, from: 0)
    codeTimes(&block.spans, scopes: scratch.rows.scopes, &c)
    spentParts.times += c.spent - mark
    mark = c.spent
    if c.failed { return }

    // Events.
    owners(block.spans, scratch.spanRows, limit: limit, .event, &scratch.owners, &c)
    if c.failed { return }
    codeChildren(
      .event, owners: scratch.owners, spanTemplates: block.spans.templates, &block.events, skeletons, &c)
    spentParts.structure += c.spent - mark
    mark = c.spent
    if c.failed { return }
    scratch.childRows(scratch.owners.count)
    layOut(&block.events, &c)
    if c.failed { return }
    codeSlots(&block.events, scratch.children, &c)
    mark = c.spent
    if c.failed { return }
    codeEventTimes(owners: scratch.owners, &block.events, spanRows: scratch.spanRows, block.spans, &c)
    spentParts.eventTimes += c.spent - mark
    mark = c.spent
    if c.failed { return }

    // Links.
    owners(block.spans, scratch.spanRows, limit: limit, .link, &scratch.owners, &c)
    if c.failed { return }
    codeChildren(.link, owners: scratch.owners, spanTemplates: block.spans.templates, &block.links, skeletons, &c)
    spentParts.links += c.spent - mark
    if c.failed { return }
    scratch.childRows(scratch.owners.count)
    layOut(&block.links, &c)
    if c.failed { return }
    codeSlots(&block.links, scratch.children, &c)
    mark = c.spent
    if c.failed { return }
    codeLinks(owners: scratch.owners, block.links, &c)
    spentParts.links += c.spent - mark
  }

  /// Closes the block.
  mutating func finish(_ block: borrowing Block) { structure.firstRow += block.spans.templates.count }

  /// The span that each event (or link) belongs to, from the spans' counts.
  private func owners<C: BitCoder & ~Copyable>(
    _ spans: borrowing Records, _ spanRows: borrowing Buffer<UInt32>, limit: Int, _ kind: RecordKind,
    _ owners: inout Buffer<UInt32>, _ c: inout C
  ) {
    owners.removeAll()
    for i in 0..<spans.templates.count {
      let template = Int(spans.templates[i])
      let info = infos[template]
      // Runs may be broken up by other fields: every count of the kind, in order.
      var word = kind == .event ? info.events : info.links
      if word < 0 { continue }
      while word < info.words {
        if isRun(info, word, kind) {
          let count = spans.leaves[Int(spanRows[i]) + layout.place(template, Int(word))]
          guard count <= UInt64(limit - owners.count) else { return c.fail() }
          owners.append(repeating: UInt32(i), count: Int(count))
        }
        word += 1
      }
    }
  }

  @inline(__always)
  private func isRun(_ info: TemplateInfo, _ word: Int32, _ kind: RecordKind) -> Bool {
    slotInfos[Int(info.slots + word)].child == (kind == .event ? 1 : 2)
  }

  /// The rows of `records`, by template: which of their words vary, and where they stand. A decoder makes room for them.
  private mutating func layOut<C: BitCoder & ~Copyable>(_ records: inout Records, _ c: inout C) {
    let n = records.templates.count
    // Counting sort by template.
    starts.removeAll()
    starts.append(repeating: 0, count: infos.count + 1)
    for i in 0..<n { starts[Int(records.templates[i]) + 1] += 1 }
    for t in 0..<infos.count { starts[t + 1] += starts[t] }
    order.resize(to: n, filling: 0)
    for i in 0..<n {
      let t = Int(records.templates[i])
      order[Int(starts[t])] = UInt32(truncatingIfNeeded: i)
      starts[t] &+= 1
    }
    if !C.decodes { placeRows(records.templates) }
    var first = 0
    for t in 0..<infos.count {
      let end = Int(starts[t])
      if end == first { continue }
      let info = infos[t]
      if !C.decodes {
        rows(of: records, first..<end).differences(words: Int(info.words), into: &differences)
      }
      layout.begin(t)
      for word in 0..<Int(info.words) {
        let slot = Int(info.slots) + word
        let before = c.spent
        let varies = info.isSpecial(Int32(word)) || codeVaries(!C.decodes && differences[word] != 0, slot: slot, &c)
        note(slot, c.spent - before, 0)
        layout.addWord(
          t, isConstant: !varies, hasRoom: !C.decodes || varies || slotInfos[slot].isRead || slotCosts.isOn)
      }
      if C.decodes { placed[t] = info.placed(t, by: layout) }
      first = end
    }
    if !C.decodes || c.failed { return }
    let words = placeRows(records.templates)
    if words > leafLimit { return c.fail() }
    records.leaves.append(zeros: words)
  }

  /// Puts where each row begins into `rowAt` and, by template, `sortedRows`; how many words they have.
  @discardableResult
  private mutating func placeRows(_ templates: borrowing Buffer<UInt32>) -> Int {
    let n = templates.count
    rowAt.resize(to: n, filling: 0)
    sortedRows.resize(to: n, filling: 0)
    var row = 0
    for i in 0..<n {
      rowAt[i] = UInt32(truncatingIfNeeded: row)
      row += Int(placed[Int(templates[i])].words)
    }
    for k in 0..<n { sortedRows[k] = rowAt[Int(order[k])] }
    return row
  }

  private func rows(of records: borrowing Records, _ range: Range<Int>) -> TemplateRows {
    TemplateRows(
      leaves: records.leaves.elements, starts: sortedRows.elements[range], records: order.elements[range])
  }

  /// Bytes that a slot took, and how it was coded.
  private mutating func note(_ slot: Int, _ bytes: Int, _ code: UInt8) {
    spent[Int(slotInfos[slot].column)] += UInt64(bytes)
    if slotCosts.isOn { slotCosts.note(slot, bytes, code) }
  }

  /// All plain slots of `records`, whose rows have been laid out, template by template.
  private mutating func codeSlots<C: BitCoder & ~Copyable>(
    _ records: inout Records, _ env: borrowing RowContexts, _ c: inout C
  ) {
    var first = 0
    for t in 0..<infos.count {
      let end = Int(starts[t])
      if end == first { continue }
      let info = infos[t]
      let these = rows(of: records, first..<end)
      for word in 0..<Int(info.words) where !info.isSpecial(Int32(word)) {
        let before = c.spent
        codeSlot(template: t, word: word, these, env, &c)
        if c.failed { return }
        note(Int(info.slots) + word, c.spent - before, slotCode)
      }
      codeScales(t, these, &c)
      first = end
    }
  }
}

/// Working arrays of a block, kept from one to the next.
struct BlockScratch: ~Copyable {
  var rows = RowContexts()
  var children = RowContexts()
  var owners = Buffer<UInt32>()
  var spanRows = Buffer<UInt32>()

  init() {}

  /// The traces and scopes of the children, from their owners.
  mutating func childRows(_ n: Int) {
    children.traces.removeAll()
    children.scopes.removeAll()
    for i in 0..<n {
      children.traces.append(rows.traces[Int(owners[i])])
      children.scopes.append(rows.scopes[Int(owners[i])])
    }
  }
}
