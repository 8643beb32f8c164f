import Bytes

/// Templates and leaves -> bytes: the mirror of shredding. The block comes from a decoder that has checked every
/// template, string and count in it; `limit` bounds what may be written.
struct Weaver: ~Copyable {
  private var spineLeaf = 0
  private var span = 0
  private var spanLeaf = 0
  private var event = 0
  private var eventLeaf = 0
  private var link = 0
  private var linkLeaf = 0
  /// Where each span so far stands in the output, for duplicates.
  private var spanAt = Buffer<UInt64>()
  /// Open messages: where the length's varint (or frame prefix) starts and how wide it is; -1 where none is open.
  private var openAt = (-1, -1, -1)
  private var openWidth = (0, 0, 0)
  private var plan = WeavePlan()

  init() {}

  private mutating func begin(templates: Int, limit: Int) {
    spineLeaf = 0
    span = 0
    spanLeaf = 0
    event = 0
    eventLeaf = 0
    link = 0
    linkLeaf = 0
    spanAt.removeAll()
    openAt = (-1, -1, -1)
    plan.begin(templates: templates, limit: limit)
  }

  /// Weaves `block` onto the end of `out`. False where the block does not fit together or more than `limit` bytes
  /// would come of it.
  mutating func weave(
    _ block: borrowing Block, _ skeletons: borrowing Skeletons, _ strings: borrowing StringTable,
    _ layout: borrowing RowLayout, framing: BlockFraming, limit: Int, into out: inout Buffer<UInt8>
  ) -> Bool {
    begin(templates: skeletons.templates.count, limit: limit)
    // A record may stand with a gap for its length that is longer than it for a moment: a little more than the limit.
    let bound = out.count + limit + 64
    // And room is asked for before it is known how much of it a value takes: all in one go, not twice as much at the end.
    out.reserve(limit + 256)
    for i in 0..<block.spine.count {
      let step = skeletons.steps[Int(block.spine[i])]
      guard close(above: step.level == Step.outside ? 0 : step.level, &out) else { return false }
      if step.kind == .frame || step.level == Step.outside {
        guard closeFrame(&out) else { return false }
      }
      switch step.kind {
      case .frame:
        openAt.0 = out.count
        if framing == .lengthPrefixed {
          openWidth.0 = -4
          out.append(zeros: 4)
        } else {
          openWidth.0 = Int(step.width1)
          out.append(zeros: Int(step.width1))
        }
      case .open:
        out.appendSlack(skeletons.literal(step))
        if step.level == 0 {
          openAt.1 = out.count
          openWidth.1 = Int(step.width1)
        } else {
          openAt.2 = out.count
          openWidth.2 = Int(step.width1)
        }
        out.append(zeros: Int(step.width1))
      case .openExplicit:
        out.appendSlack(skeletons.literal(step))
        out.append(varint: nextSpine(block), width: Int(step.width1))
      case .literal:
        out.appendSlack(skeletons.literal(step))
      case .verbatim:
        out.append(strings.view(Int(truncatingIfNeeded: nextSpine(block))))
      case .bytes:
        let text = strings.view(Int(truncatingIfNeeded: nextSpine(block)))
        out.appendSlack(skeletons.literal(step))
        out.append(varint: UInt64(text.count), width: Int(step.width1))
        out.append(text)
      case .run:
        let literal = skeletons.literal(step)
        var left = nextSpine(block)
        var gap = step.width1 == 0 ? 2 : Int(step.width1)
        while left > 0 {
          out.appendSlack(literal)
          let from = out.count
          out.append(zeros: gap)
          if !record(.span, block, skeletons, strings, layout, bound, &out) { return false }
          let count = out.count &- from &- gap
          gap = patch(from, Int(step.width1), gap, &out)
          note(out.count &- count, count)
          left &-= 1
        }
      default:
        let literal = skeletons.literal(step)
        var op = WeavePlan.Op(step)
        if step.kind == .jsonRun {
          op = plan.add(literal, head: literal.count - Int(step.tagCount), op)
          out.append(plan.head(op))
          if !textRun(nextSpine(block), op, block, skeletons, strings, layout, bound, &out) { return false }
        } else {
          out.appendSlack(literal)
          if step.kind == .jsonEnd { break }
          if !op.weaveText(block.spineLeaves, spineLeaf, strings, &out) { return false }
          spineLeaf &+= step.kind.leaf.words
        }
      }
      if out.count > bound { return false }
    }
    return close(above: 0, &out) && closeFrame(&out)
  }

  /// Remembers the span that has just been woven.
  @inline(__always)
  private mutating func note(_ at: Int, _ count: Int) {
    spanAt.append(UInt64(at) << 24 | UInt64(min(count, 0xFF_FFFF)))
  }

  /// How long each span was.
  var spanSizes: [Int] { (0..<spanAt.count).map { Int(spanAt[$0] & 0xFF_FFFF) } }

  private mutating func nextSpine(_ block: borrowing Block) -> UInt64 {
    spineLeaf &+= 1
    return block.spineLeaves[spineLeaf &- 1]
  }

  /// Fills in the lengths of the open messages inside `level`.
  private mutating func close(above level: UInt8, _ out: inout Buffer<UInt8>) -> Bool {
    if level < 2, openAt.2 >= 0 {
      if !out.fill(varintAt: openAt.2, width: openWidth.2) { return false }
      openAt.2 = -1
    }
    if level < 1, openAt.1 >= 0 {
      if !out.fill(varintAt: openAt.1, width: openWidth.1) { return false }
      openAt.1 = -1
    }
    return true
  }

  private mutating func closeFrame(_ out: inout Buffer<UInt8>) -> Bool {
    guard openAt.0 >= 0 else { return true }
    let at = openAt.0
    openAt.0 = -1
    if openWidth.0 == -4 {
      let count = out.count - at - 4
      for k in 0..<4 { out[at + k] = UInt8(truncatingIfNeeded: count >> (24 - 8 * k)) }
      return true
    }
    return out.fill(varintAt: at, width: openWidth.0)
  }

  /// Writes the length of what stands behind the `gap` bytes kept free at `from`, in `width` bytes or, for 0, in its
  /// shortest form, which may move what stands there. How many bytes it took: the next is mostly as long.
  @inline(__always)
  private func patch(_ from: Int, _ width: Int, _ gap: Int, _ out: inout Buffer<UInt8>) -> Int {
    if width != 0 {
      _ = out.fill(varintAt: from, width: width)
      return width
    }
    let count = out.count &- from &- gap
    if gap == 1, count < 128 {
      out[from] = UInt8(truncatingIfNeeded: count)
      return 1
    }
    if gap == 2, count >= 128, count < 16384 {
      out[from] = UInt8(truncatingIfNeeded: count) | 0x80
      out[from &+ 1] = UInt8(truncatingIfNeeded: count >> 7)
      return 2
    }
    let needed = varintWidth(UInt64(count))
    out.shift(from: from + gap, by: needed - gap)
    _ = out.fill(varintAt: from, width: needed)
    return needed
  }

  /// Weaves the next record of `kind`.
  private mutating func record(
    _ kind: RecordKind, _ block: borrowing Block, _ skeletons: borrowing Skeletons, _ strings: borrowing StringTable,
    _ layout: borrowing RowLayout, _ bound: Int, _ out: inout Buffer<UInt8>
  ) -> Bool {
    switch kind {
    case .event:
      guard event < block.events.templates.count else { return false }
      let template = Int(block.events.templates[event])
      event &+= 1
      let leaf = eventLeaf
      eventLeaf &+= layout.width(template)
      return walk(template, leaf, block.events, block, skeletons, strings, layout, bound, &out)
    case .link:
      guard link < block.links.templates.count else { return false }
      let template = Int(block.links.templates[link])
      link &+= 1
      let leaf = linkLeaf
      linkLeaf &+= layout.width(template)
      return walk(template, leaf, block.links, block, skeletons, strings, layout, bound, &out)
    case .span, .spine:
      guard span < block.spans.templates.count else { return false }
      let template = Int(block.spans.templates[span])
      span &+= 1
      let leaf = spanLeaf
      spanLeaf &+= layout.width(template)
      return walk(template, leaf, block.spans, block, skeletons, strings, layout, bound, &out)
    }
  }

  /// Weaves a record of `template` whose row is at `leaf` of `rows`.
  private mutating func walk(
    _ template: Int, _ leaf: Int, _ rows: borrowing Records, _ block: borrowing Block,
    _ skeletons: borrowing Skeletons, _ strings: borrowing StringTable, _ layout: borrowing RowLayout,
    _ bound: Int, _ out: inout Buffer<UInt8>
  ) -> Bool {
    guard
      let range = plan.range(template)
        ?? plan.plan(template, skeletons, strings, layout, limit: max(0, bound &- out.count))
    else { return false }
    var at = range.start
    var room = out.room(upTo: bound)
    while at < range.end {
      if plan.weave(plan.shortOps[at], rows.leaves, leaf, strings, &room) {
        at &+= 1
        continue
      }
      out.close(room)
      let op = plan.ops[at]
      at &+= 1
      out.appendSlack(plan.head(op))
      switch op.kind {
      case .literal, .jsonEnd: break
      case .duplicate:
        let back = rows.leaves[leaf &+ Int(op.word)]
        guard back > 0, back <= UInt64(spanAt.count) else { return false }
        let earlier = spanAt[spanAt.count &- Int(back)]
        let from = Int(earlier >> 24)
        let count = Int(earlier & (0xFF_FFFF))
        guard count <= bound &- out.count else { return false }
        out.reserve(count)
        out.append(out[from..<from + count])
      case .run:
        var left = rows.leaves[leaf &+ Int(op.word)]
        var gap = Int(op.lengthWidth)
        while left > 0 {
          out.appendSlack(plan.tail(op))
          let from = out.count
          out.append(zeros: gap)
          if !record(op.child, block, skeletons, strings, layout, bound, &out) { return false }
          gap = patch(from, Int(op.width1), gap, &out)
          left &-= 1
        }
        plan.expect(lengthWidth: gap, at: at &- 1)
      case .jsonRun:
        if !textRun(rows.leaves[leaf &+ Int(op.word)], op, block, skeletons, strings, layout, bound, &out) {
          return false
        }
      default:
        if !op.weave(rows.leaves, leaf, plan.tail(op), strings, &out) { return false }
      }
      if out.count > bound { return false }
      room = out.room(upTo: bound)
    }
    out.close(room)
    return true
  }

  /// Records of JSON with what stands between them.
  @inline(never)
  private mutating func textRun(
    _ count: UInt64, _ op: WeavePlan.Op, _ block: borrowing Block, _ skeletons: borrowing Skeletons,
    _ strings: borrowing StringTable, _ layout: borrowing RowLayout, _ bound: Int, _ out: inout Buffer<UInt8>
  ) -> Bool {
    var left = count
    while left > 0 {
      let start = out.count
      if !record(op.child, block, skeletons, strings, layout, bound, &out) { return false }
      if op.child == .span { note(start, out.count &- start) }
      left &-= 1
      if left > 0 { out.appendSlack(plan.tail(op)) }
    }
    return true
  }
}

extension Buffer where Element == UInt8 {
  /// A varint in exactly `width` bytes, or in its shortest form for 0.
  @inline(__always)
  mutating func append(varint value: UInt64, width: Int) {
    if width == 0 { return append(varint: value) }
    var v = value
    for k in 0..<width {
      append(UInt8(truncatingIfNeeded: v) & 0x7F | (k + 1 < width ? 0x80 : 0))
      v >>= 7
    }
  }

  /// Writes the count of the bytes after a gap of `width` bytes at `at` into that gap; false where it does not fit.
  mutating func fill(varintAt at: Int, width: Int) -> Bool {
    var v = UInt64(count - at - width)
    for k in 0..<width {
      self[at + k] = UInt8(truncatingIfNeeded: v) & 0x7F | (k + 1 < width ? 0x80 : 0)
      v >>= 7
    }
    return v == 0
  }
}
