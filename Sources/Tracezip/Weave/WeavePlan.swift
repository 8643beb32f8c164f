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
    /// Bytes between head and tail, left for a length.
    var gap: UInt8 = 0
    /// Bytes to be kept free for the length of a run's next record.
    var lengthWidth: UInt8 = 0
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
  /// What most ops come to: a copy of `count` bytes of the arena at `at`, then the row's value in its shortest form.
  struct ShortOp: BitwiseCopyable {
    enum Kind: UInt8, BitwiseCopyable {
      /// None of these: what the op says is done step by step.
      case none
      case literal, fixed64, id8, id16, varint, bytes, attributeString, attributeVarint
      case text, integer, unsigned, hex8, hex16
    }
    var at: UInt32
    var count: UInt32
    var word: UInt32
    /// Bytes of an attribute's key literal, which stands in the copy between the lengths to be filled in.
    var tail: UInt8 = 0
    var kind = Kind.none
  }
  private(set) var arena = Buffer<UInt8>()
  private(set) var ops = Buffer<Op>()
  /// As many as `ops`.
  private(set) var shortOps = Buffer<ShortOp>()
  /// Of each template its range in `ops`, which ends at 0 until it is planned.
  private var ranges = Buffer<(start: UInt32, end: UInt32)>()

  /// The bytes that the arena may hold: more than the first rows of all templates make.
  private var most = 0

  init() {}

  /// Forgets the block before.
  mutating func begin(templates: Int, limit: Int) {
    most = 4 * limit + (1 << 20)
    arena.removeAll()
    ops.removeAll()
    shortOps.removeAll()
    ranges.removeAll()
    ranges.append(repeating: (0, 0), count: templates)
  }

  /// The ops of `template`; nil where it has not been planned.
  @inline(__always)
  func range(_ template: Int) -> (start: Int, end: Int)? {
    let range = ranges[template]
    return range.end == 0 ? nil : (Int(range.start), Int(range.end))
  }

  @inline(__always)
  func head(_ op: Op) -> ByteView { arena[Int(op.headAt)..<Int(op.headAt) &+ Int(op.headCount)] }

  @inline(__always)
  func tail(_ op: Op) -> ByteView {
    let at = Int(op.headAt) &+ Int(op.headCount) &+ Int(op.gap)
    return arena[at..<at &+ Int(op.tailCount)]
  }

  /// Sets `lengthWidth` of the op `at`.
  @inline(__always)
  mutating func expect(lengthWidth: Int, at: Int) { ops[at].lengthWidth = UInt8(truncatingIfNeeded: lengthWidth) }

  /// `op` with `literal` for its own, the first `head` bytes of it as its head.
  mutating func add(_ literal: ByteView, head: Int, _ op: Op) -> Op {
    var op = op
    op.headAt = UInt32(arena.count)
    op.headCount = UInt32(head)
    op.tailCount = UInt32(literal.count - head)
    arena.append(literal)
    return op
  }

  /// Plans `template`, whose rows are as `layout` says: the range of its ops. Nil where what they share alone would be
  /// longer than `limit`, or makes no sense.
  mutating func plan(
    _ template: Int, _ skeletons: borrowing Skeletons, _ strings: borrowing StringTable,
    _ layout: borrowing RowLayout, limit: Int
  ) -> (start: Int, end: Int)? {
    let t = skeletons.templates[template]
    let first = layout.first(template)
    let start = ops.count
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
          guard op.weave(layout.constants, first, key, strings, &arena) else { return nil }
        }
      } else {
        op.word = UInt32(layout.place(template, word))
        var short = ShortOp(at: op.headAt, count: op.headCount, word: op.word)
        if op.width1 | op.width2 | op.width3 == 0, op.tailCount < 100 { short.kind = step.kind.whenShort }
        let isAttribute = short.kind == .attributeString || short.kind == .attributeVarint
        if isAttribute {
          op.gap = 1
          arena.append(0)
        }
        arena.append(literal[split..<literal.count])
        if isAttribute {
          arena.append(0)
          arena.append(short.kind == .attributeString ? 0x0A : 0x18)
          if short.kind == .attributeString { arena.append(0) }
          short.tail = UInt8(op.tailCount)
          short.count = UInt32(arena.count - headAt)
        }
        if step.kind == .run { op.lengthWidth = op.width1 == 0 ? 1 : op.width1 }
        ops.append(op)
        shortOps.append(short)
        headAt = arena.count
      }
      word += words
      if arena.count > min(bound, most) || arena.count - here > limit + 64 { return nil }
    }
    if arena.count > headAt || ops.count == start {
      var end = Op(Step(kind: .literal, record: .span))
      end.headAt = UInt32(headAt)
      end.headCount = UInt32(arena.count - headAt)
      ops.append(end)
      shortOps.append(ShortOp(at: end.headAt, count: end.headCount, word: 0, kind: .literal))
    }
    ranges[template] = (UInt32(start), UInt32(ops.count))
    return (start, ops.count)
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
  /// What the step is where lengths are in their shortest form.
  var whenShort: WeavePlan.ShortOp.Kind {
    switch self {
    case .fixed64: .fixed64
    case .id8: .id8
    case .id16: .id16
    case .varint: .varint
    case .bytes: .bytes
    case .attributeString: .attributeString
    case .attributeVarint: .attributeVarint
    case .jsonString, .jsonText: .text
    case .jsonInteger: .integer
    case .jsonUnsigned: .unsigned
    case .jsonId8: .hex8
    case .jsonId16: .hex16
    default: .none
    }
  }
}

extension WeavePlan {
  /// Writes what `op` copies and the row's value; false, with nothing written, where it is no short one, where a length
  /// of an attribute takes more than a byte, and where `out` may be too small.
  @inline(__always)
  func weave(
    _ op: ShortOp, _ leaves: borrowing Buffer<UInt64>, _ leaf: Int, _ strings: borrowing StringTable,
    _ out: inout ByteRoom
  ) -> Bool {
    let count = Int(op.count)
    let word = leaf &+ Int(op.word)
    let copy = arena[Int(op.at)..<Int(op.at) &+ count]
    switch op.kind {
    case .none: return false
    case .literal:
      guard out.has(count) else { return false }
      out.putInMoves(copy)
    case .fixed64, .id8:
      guard out.has(count &+ 8) else { return false }
      let value = leaves[word]
      out.putInMoves(copy)
      out.put(integer: op.kind == .fixed64 ? value : value.byteSwapped)
    case .id16:
      guard out.has(count &+ 16) else { return false }
      let value = leaves[word]
      out.putInMoves(copy)
      out.put(integer: value.byteSwapped)
      out.put(integer: leaves[word &+ 1].byteSwapped)
    case .varint:
      guard out.has(count &+ 10) else { return false }
      let value = leaves[word]
      out.putInMoves(copy)
      out.put(varint: value)
    case .bytes:
      let text = strings.view(Int(truncatingIfNeeded: leaves[word]))
      guard out.has(count &+ 10 &+ text.count) else { return false }
      out.putInMoves(copy)
      out.put(varint: UInt64(text.count))
      out.putInMoves(text)
    case .attributeString:
      let text = strings.view(Int(truncatingIfNeeded: leaves[word]))
      let tail = Int(op.tail)
      // Everything behind the tag: tail, length, 0A, length, text.
      let inner = text.count &+ 2
      guard tail &+ inner < 127, out.has(count &+ text.count) else { return false }
      out.putInMoves(copy)
      out.set(UInt8(truncatingIfNeeded: tail &+ inner &+ 1), back: tail &+ 4)
      out.set(UInt8(truncatingIfNeeded: inner), back: 3)
      out.set(UInt8(truncatingIfNeeded: text.count), back: 1)
      out.putInMoves(text)
    case .attributeVarint:
      guard out.has(count &+ 10) else { return false }
      let value = leaves[word]
      let tail = Int(op.tail)
      let inner = 1 &+ varintWidth(value)
      out.putInMoves(copy)
      out.set(UInt8(truncatingIfNeeded: tail &+ 1 &+ inner), back: tail &+ 3)
      out.set(UInt8(truncatingIfNeeded: inner), back: 2)
      out.put(varint: value)
    case .text:
      let text = strings.view(Int(truncatingIfNeeded: leaves[word]))
      guard out.has(count &+ text.count) else { return false }
      out.putInMoves(copy)
      out.putInMoves(text)
    case .integer, .unsigned:
      guard out.has(count &+ 29) else { return false }
      let value = leaves[word]
      out.putInMoves(copy)
      let isNegative = op.kind == .integer && Int64(bitPattern: value) < 0
      if isNegative { out.put(0x2D) }
      out.put(decimal: isNegative ? 0 &- value : value)
    case .hex8:
      guard out.has(count &+ 16) else { return false }
      let value = leaves[word]
      out.putInMoves(copy)
      out.put(hex: value.byteSwapped, letters: .lower)
    case .hex16:
      guard out.has(count &+ 32) else { return false }
      let value = leaves[word]
      out.putInMoves(copy)
      out.put(hex: value.byteSwapped, letters: .lower)
      out.put(hex: leaves[word &+ 1].byteSwapped, letters: .lower)
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
