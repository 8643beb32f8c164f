import Bytes

/// What a block adds to the segment's skeletons: columns, steps, nodes and templates, as varints and text.
struct SkeletonMark: BitwiseCopyable {
  var columns = 0
  var steps = 0
  var nodes = RecordKind.allCases.count
  var templates = 0
}

extension Skeletons {
  var mark: SkeletonMark {
    SkeletonMark(columns: columns.count, steps: steps.count, nodes: nodes.count, templates: templates.count)
  }

  /// Appends everything since `mark` to `out`; nothing at all where nothing is new.
  func writeDelta(since mark: SkeletonMark, into out: inout Buffer<UInt8>) {
    let now = self.mark
    if now.columns == mark.columns, now.steps == mark.steps, now.nodes == mark.nodes, now.templates == mark.templates {
      return
    }
    out.append(varint: now.columns - mark.columns)
    out.append(varint: now.steps - mark.steps)
    out.append(varint: now.nodes - mark.nodes)
    out.append(varint: now.templates - mark.templates)
    for i in mark.columns..<now.columns {
      let c = columns[i]
      out.append(c.record.rawValue)
      out.append(varint: UInt64(c.field))
      out.append(c.value)
      out.append(varint: Int(c.nameCount))
      out.append(name(c))
    }
    for i in mark.steps..<now.steps {
      let s = steps[i]
      out.append(s.kind.rawValue | (s.width1 | s.width2 | s.width3 != 0 ? 0x80 : 0))
      out.append(s.record.rawValue | s.child.rawValue << 4)
      out.append(s.level)
      out.append(s.tagCount)
      if s.width1 | s.width2 | s.width3 != 0 {
        out.append(s.width1)
        out.append(s.width2)
        out.append(s.width3)
      }
      out.append(varint: UInt64(s.column))
      out.append(varint: Int(s.literalCount))
      out.append(literal(s))
    }
    for i in mark.nodes..<now.nodes {
      out.append(varint: i - Int(nodes[i].parent))
      out.append(varint: Int(nodes[i].step))
    }
    var last: Int = 0
    for i in mark.templates..<now.templates {
      out.append(varint: zigzag(Int64(Int(templates[i].node) - last)))
      last = Int(templates[i].node)
    }
  }

  /// Takes in a delta; false where it makes no sense.
  mutating func readDelta(_ bytes: ByteView) -> Bool {
    var at = 0
    func byte() -> UInt8? {
      guard at < bytes.count else { return nil }
      at += 1
      return bytes[at - 1]
    }
    func number() -> Int? {
      guard let v = bytes.varint(at: at), v.value < 1 << 40 else { return nil }
      at += v.width
      return Int(v.value)
    }
    func text() -> ByteView? {
      guard let n = number(), n <= bytes.count - at else { return nil }
      at += n
      return bytes[at - n..<at]
    }
    if bytes.isEmpty { return true }
    guard let newColumns = number(), let newSteps = number(), let newNodes = number(), let newTemplates = number(),
      newColumns <= bytes.count, newSteps <= bytes.count, newNodes <= bytes.count, newTemplates <= bytes.count
    else { return false }
    for _ in 0..<newColumns {
      guard let r = byte(), let record = RecordKind(rawValue: r), let field = number(), let value = byte(),
        let name = text()
      else { return false }
      columns.append(
        Column(
          record: record, field: UInt32(truncatingIfNeeded: field), value: value, nameAt: UInt32(names.count),
          nameCount: UInt32(name.count)))
      names.append(name)
    }
    for _ in 0..<newSteps {
      guard let k = byte(), let kind = StepKind(rawValue: k & 0x7F), let r = byte(),
        let record = RecordKind(rawValue: r & 15), let child = RecordKind(rawValue: r >> 4), let level = byte(),
        let tagCount = byte()
      else { return false }
      var step = Step(kind: kind, record: record)
      step.child = child
      step.level = level
      step.tagCount = tagCount
      if k & 0x80 != 0 {
        guard let a = byte(), let b = byte(), let c = byte(), max(a, b, c) <= 10 else { return false }
        step.width1 = a
        step.width2 = b
        step.width3 = c
      }
      guard let column = number(), kind.leaf == .none || column < columns.count, let literal = text() else {
        return false
      }
      step.column = UInt32(truncatingIfNeeded: column)
      // A column's values are strings or numbers, never both: what is coded for one may be read for the other.
      if kind.leaf != .none {
        columnLeaves.resize(to: columns.count, filling: 0)
        let leaf: UInt8 = kind.leaf == .string ? 1 : 2
        if columnLeaves[column] != 0, columnLeaves[column] != leaf { return false }
        columnLeaves[column] = leaf
      }
      // Events and links hold no records, or weaving would never end; and a tag lies inside its literal.
      if kind.leaf == .count, record != .spine, record != .span || child == .span || child == .spine { return false }
      if kind.leaf == .count, record == .spine, child != .span { return false }
      // The spine's leaves are one word each.
      if kind.leaf.words > 1, record == .spine { return false }
      switch kind {
      case .attributeString, .attributeVarint, .attributeOther, .jsonRun:
        if Int(tagCount) > literal.count { return false }
      default: break
      }
      _ = append(step, literal: literal)
    }
    for _ in 0..<newNodes {
      guard let back = number(), let step = number(), back > 0, back <= nodes.count, step < steps.count else {
        return false
      }
      // Steps of another kind of record could hold records within themselves.
      guard steps[step].record == nodes[nodes.count - back].record else { return false }
      _ = appendNode(parent: nodes.count - back, step: step)
    }
    var last: Int64 = 0
    for _ in 0..<newTemplates {
      guard let v = bytes.varint(at: at) else { return false }
      at += v.width
      last = last &+ unzigzag(v.value)
      guard last >= 0, last < Int64(nodes.count) else { return false }
      var root = Int(last)
      while nodes[root].parent >= 0 { root = Int(nodes[root].parent) }
      // Long paths are earned by the nodes that make them, but one path may not be claimed twice.
      guard nodes[Int(last)].template < 0, let record = RecordKind(rawValue: UInt8(root)) else { return false }
      _ = template(at: Int(last), record: record)
      guard templateSteps.count <= Self.mostTemplateSteps else { return false }
    }
    return at == bytes.count
  }
}
