import Bytes
import OTLP

/// How the records of one block are written: for each template a few copies, each followed by a value.
///
/// Most leaves of a template have one value in all of a block's rows. Their bytes are woven once, here, together with
/// the literals around them, so that a record costs one copy for each leaf that varies.
struct WeavePlan: ~Copyable {
  /// A copy of `headCount` bytes of the arena at `headAt`, then what the step makes of the row's word `word`.
  struct Op: BitwiseCopyable {
    var kind: StepKind
    var child: RecordKind
    var width1: UInt8
    var width2: UInt8
    var width3: UInt8
    /// Whether it is one of the steps, with lengths in their shortest form, that `weaveShort` knows.
    var isShort = false
    /// Bytes between head and tail, left for a length.
    var gap: UInt8 = 0
    var headAt: UInt32 = 0
    var headCount: UInt32 = 0
    /// Bytes behind the head: an attribute's key literal, a run's tag, what stands between two records of a JSON run.
    var tailCount: UInt32 = 0
    var word: UInt32 = 0

    init(_ step: Step) {
      kind = step.kind
      child = step.child
      width1 = step.width1
      width2 = step.width2
      width3 = step.width3
    }
  }
  private(set) var arena = Buffer<UInt8>()
  private(set) var ops = Buffer<Op>()
  /// Of each template: range in `ops`, empty until it is planned.
  private var starts = Buffer<UInt32>()
  private var ends = Buffer<UInt32>()

  /// The bytes that the arena may hold: more than the first rows of all templates make.
  private var most = 0

  init() {}

  /// Forgets the block before.
  mutating func begin(templates: Int, limit: Int) {
    most = 4 * limit + (1 << 20)
    arena.removeAll()
    ops.removeAll()
    starts.removeAll()
    ends.removeAll()
    starts.append(repeating: 0, count: templates)
    ends.append(repeating: 0, count: templates)
  }

  @inline(__always)
  func isPlanned(_ template: Int) -> Bool { ends[template] != 0 }

  @inline(__always)
  func range(_ template: Int) -> (start: Int, end: Int) { (Int(starts[template]), Int(ends[template])) }

  @inline(__always)
  func head(_ op: Op) -> ByteView { arena[Int(op.headAt)..<Int(op.headAt) &+ Int(op.headCount)] }

  @inline(__always)
  func tail(_ op: Op) -> ByteView {
    let at = Int(op.headAt) &+ Int(op.headCount) &+ Int(op.gap)
    return arena[at..<at &+ Int(op.tailCount)]
  }

  /// Head and tail with what stands between and behind them: lengths yet to be filled in, and a tag.
  @inline(__always)
  func whole(_ op: Op, behind: Int) -> ByteView {
    let at = Int(op.headAt)
    return arena[at..<at &+ Int(op.headCount) &+ Int(op.gap) &+ Int(op.tailCount) &+ behind]
  }

  /// `op` with `literal` for its own, the first `head` bytes of it as its head.
  mutating func add(_ literal: ByteView, head: Int, _ op: Op) -> Op {
    var op = op
    op.headAt = UInt32(arena.count)
    op.headCount = UInt32(head)
    op.tailCount = UInt32(literal.count - head)
    arena.append(literal)
    return op
  }

  /// Plans `template`, whose rows are as `layout` says. False where what they share alone would be longer than `limit`, or
  /// makes no sense.
  mutating func plan(
    _ template: Int, _ skeletons: borrowing Skeletons, _ strings: borrowing StringTable,
    _ layout: borrowing RowLayout, limit: Int
  ) -> Bool {
    let t = skeletons.templates[template]
    let first = layout.first(template)
    starts[template] = UInt32(ops.count)
    var word = 0
    var headAt = arena.count
    let bound = arena.count + limit + 64
    for place in Int(t.stepsAt)..<Int(t.stepsAt) + Int(t.stepCount) {
      let step = skeletons.steps[Int(skeletons.templateSteps[place])]
      let literal = skeletons.literal(step)
      let words = step.kind.leaf.words
      var split = literal.count
      switch step.kind {
      case .attributeString, .attributeVarint, .attributeOther: split = Int(step.tagCount)
      case .jsonRun: split = literal.count - Int(step.tagCount)
      case .run: split = 0
      default: break
      }
      var op = Op(step)
      op.headAt = UInt32(headAt)
      op.tailCount = UInt32(literal.count - split)
      op.word = UInt32(word)
      let isCopied = step.kind.isPlain && (word..<word + words).allSatisfy { layout.isConstant(template, $0) }
      let here = arena.count
      arena.append(literal[0..<split])
      op.headCount = UInt32(arena.count - headAt)
      if isCopied {
        if words > 0 {
          let key = literal[split..<literal.count]
          guard op.weave(layout.constants, first, key, strings, &arena) else { return false }
        }
      } else {
        op.word = UInt32(layout.place(template, word))
        op.isShort = step.kind.isOftenShort && op.width1 | op.width2 | op.width3 == 0 && op.tailCount < 100
        let isAttribute = op.isShort && op.tailCount > 0
        if isAttribute {
          op.gap = 1
          arena.append(0)
        }
        arena.append(literal[split..<literal.count])
        if isAttribute {
          arena.append(0)
          arena.append(step.kind == .attributeString ? 0x0A : 0x18)
          if step.kind == .attributeString { arena.append(0) }
        }
        ops.append(op)
        headAt = arena.count
      }
      word += words
      if arena.count > min(bound, most) || arena.count - here > limit + 64 { return false }
    }
    if arena.count > headAt || ops.count == Int(starts[template]) {
      var end = Op(Step(kind: .literal, record: .span))
      end.headAt = UInt32(headAt)
      end.headCount = UInt32(arena.count - headAt)
      ops.append(end)
    }
    ends[template] = UInt32(ops.count)
    return true
  }
}

extension StepKind {
  /// Whether the step writes a value of the row and nothing else: no records inside, no copy of an earlier record.
  var isPlain: Bool {
    switch self {
    case .run, .jsonRun, .duplicate: false
    default: true
    }
  }
}

extension StepKind {
  /// Whether `weaveShort` knows the step.
  var isOftenShort: Bool {
    switch self {
    case .attributeString, .attributeVarint, .bytes, .varint, .fixed64, .id8, .id16: true
    case .jsonString, .jsonText, .jsonInteger, .jsonUnsigned, .jsonId8, .jsonId16: true
    default: false
    }
  }
}

extension WeavePlan {
  /// Writes the head and the row's value, with its tail, of an op that `isShort`; false, with nothing written, for an
  /// attribute of which a length takes more than a byte.
  @inline(__always)
  func weaveShort(
    _ op: Op, _ leaves: borrowing Buffer<UInt64>, _ leaf: Int, _ strings: borrowing StringTable,
    _ out: inout Buffer<UInt8>
  ) -> Bool {
    let value = leaves[leaf &+ Int(op.word)]
    switch op.kind {
    case .attributeString:
      let text = strings.view(Int(truncatingIfNeeded: value))
      // Everything behind the tag: tail, length, 0A, length, text.
      let count = Int(op.tailCount) &+ text.count &+ 3
      guard count < 128, op.gap == 1 else { return false }
      let whole = whole(op, behind: 3)
      var room = out.room(whole.count &+ text.count)
      room.put(whole)
      room.set(UInt8(truncatingIfNeeded: count), back: Int(op.tailCount) &+ 4)
      room.set(UInt8(truncatingIfNeeded: text.count &+ 2), back: 3)
      room.set(UInt8(truncatingIfNeeded: text.count), back: 1)
      room.put(text)
      out.close(room)
    case .attributeVarint:
      guard op.gap == 1 else { return false }
      let whole = whole(op, behind: 2)
      var room = out.room(whole.count &+ 10)
      room.put(whole)
      let inner = 1 &+ varintWidth(value)
      room.set(UInt8(truncatingIfNeeded: Int(op.tailCount) &+ 1 &+ inner), back: Int(op.tailCount) &+ 3)
      room.set(UInt8(truncatingIfNeeded: inner), back: 2)
      room.put(varint: value)
      out.close(room)
    case .bytes:
      let text = strings.view(Int(truncatingIfNeeded: value))
      var room = out.room(Int(op.headCount) &+ 10 &+ text.count)
      room.put(head(op))
      room.put(varint: UInt64(text.count))
      room.put(text)
      out.close(room)
    case .varint:
      var room = out.room(Int(op.headCount) &+ 10)
      room.put(head(op))
      room.put(varint: value)
      out.close(room)
    case .fixed64, .id8:
      var room = out.room(Int(op.headCount) &+ 8)
      room.put(head(op))
      room.put(integer: op.kind == .fixed64 ? value : value.byteSwapped)
      out.close(room)
    case .id16:
      var room = out.room(Int(op.headCount) &+ 16)
      room.put(head(op))
      room.put(integer: value.byteSwapped)
      room.put(integer: leaves[leaf &+ Int(op.word) &+ 1].byteSwapped)
      out.close(room)
    case .jsonString, .jsonText:
      let text = strings.view(Int(truncatingIfNeeded: value))
      var room = out.room(Int(op.headCount) &+ text.count)
      room.put(head(op))
      room.put(text)
      out.close(room)
    case .jsonInteger, .jsonUnsigned:
      var room = out.room(Int(op.headCount) &+ 29)
      room.put(head(op))
      let isNegative = op.kind == .jsonInteger && Int64(bitPattern: value) < 0
      if isNegative { room.put(0x2D) }
      room.put(decimal: isNegative ? 0 &- value : value)
      out.close(room)
    case .jsonId8:
      var room = out.room(Int(op.headCount) &+ 16)
      room.put(head(op))
      room.put(hex: value.byteSwapped, letters: .lower)
      out.close(room)
    case .jsonId16:
      var room = out.room(Int(op.headCount) &+ 32)
      room.put(head(op))
      room.put(hex: value.byteSwapped, letters: .lower)
      room.put(hex: leaves[leaf &+ Int(op.word) &+ 1].byteSwapped, letters: .lower)
      out.close(room)
    default: return false
    }
    return true
  }
}

extension WeavePlan.Op {
  /// Writes the row's value behind the head, which stands at the end of `out`. `tail` is the key literal of an
  /// attribute. False for steps that are not plain.
  @inline(__always)
  func weave(
    _ leaves: borrowing Buffer<UInt64>, _ leaf: Int, _ tail: ByteView, _ strings: borrowing StringTable,
    _ out: inout Buffer<UInt8>
  ) -> Bool {
    let value = leaves[leaf &+ Int(word)]
    switch kind {
    case .attributeString:
      let text = strings.view(Int(truncatingIfNeeded: value))
      let width3 = width3 == 0 ? varintWidth(UInt64(text.count)) : Int(width3)
      let inner = 1 &+ width3 &+ text.count
      let width2 = width2 == 0 ? varintWidth(UInt64(inner)) : Int(width2)
      out.append(varint: UInt64(tail.count &+ width2 &+ inner), width: Int(width1))
      out.appendSlack(tail)
      out.append(varint: UInt64(inner), width: Int(self.width2))
      out.append(0x0A)
      out.append(varint: UInt64(text.count), width: Int(self.width3))
      out.appendSlack(text)
    case .attributeVarint:
      let inner = 1 &+ (width3 == 0 ? varintWidth(value) : Int(width3))
      let width2 = width2 == 0 ? 1 : Int(width2)
      out.append(varint: UInt64(tail.count &+ width2 &+ inner), width: Int(width1))
      out.appendSlack(tail)
      out.append(varint: UInt64(inner), width: Int(self.width2))
      out.append(0x18)
      out.append(varint: value, width: Int(width3))
    case .attributeOther:
      let text = strings.view(Int(truncatingIfNeeded: value))
      let width2 = width2 == 0 ? varintWidth(UInt64(text.count)) : Int(width2)
      out.append(varint: UInt64(tail.count &+ width2 &+ text.count), width: Int(width1))
      out.appendSlack(tail)
      out.append(varint: UInt64(text.count), width: Int(self.width2))
      out.appendSlack(text)
    case .id8: out.append(integer: value.byteSwapped)
    case .id16:
      out.append(integer: value.byteSwapped)
      out.append(integer: leaves[leaf &+ Int(word) &+ 1].byteSwapped)
    case .fixed64: out.append(integer: value)
    case .fixed32: out.append(integer: UInt32(truncatingIfNeeded: value))
    case .varint: out.append(varint: value, width: Int(width1))
    case .bytes:
      let text = strings.view(Int(truncatingIfNeeded: value))
      out.append(varint: UInt64(text.count), width: Int(width1))
      out.appendSlack(text)
    case .rest: out.appendSlack(strings.view(Int(truncatingIfNeeded: value)))
    default: return weaveText(leaves, leaf &+ Int(word), strings, &out)
    }
    return true
  }
}
