import Bytes
import OTLP

/// Which step of a JSON spine followed which, and where it led: mostly the next one is known, and is compared with the
/// bytes before anything is parsed.
struct JSONGuesses: ~Copyable {
  struct Guess: BitwiseCopyable {
    /// The step that came after this one last.
    var follower: Int32 = -1
    /// The string that the step's leaf was last.
    var lastString: UInt32 = .max
    /// The containers open before the step and after it.
    var before = JSONStack()
    var after = JSONStack()
  }
  var steps = Buffer<Guess>()
  var first: Int32 = -1

  mutating func grow(to count: Int) { steps.resize(to: max(count, steps.count), filling: Guess()) }
}

/// Everything around the spans, JSON: lines or documents, as one flat list of steps.
///
/// The literal of a step is all text since the leaf before, line ends and all. Lines that are no OTLP, and what follows
/// a fault on a line, are verbatim leaves.
struct JSONSpine: ~Copyable {
  private let all: ByteView
  private var records: JSONShredder
  private var walker = JSONWalker()
  /// Where the literal of the next step starts.
  private var from = 0
  private var previous = -1
  /// How many bytes behind the line they began on broken values may still be looked for: a bound on reading the same
  /// bytes over and over.
  private var patience: Int

  init(_ bytes: ByteView) {
    all = bytes
    records = JSONShredder(bytes)
    patience = bytes.count * 16
  }

  private static let literalLimit = 4096

  mutating func shred(_ entry: ChunkEntry, _ state: inout ShredState, _ block: inout Block) {
    walker = JSONWalker(stack: entry.json)
    while from < all.count {
      if guess(&state, &block) { continue }
      let stack = walker.stack
      let event = walker.next(in: records.bytes)
      patience -= walker.probed
      walker.probed = 0
      switch event {
      // Nothing more is learned: the rest is one leaf.
      case .leaf where state.skeletons.isFull: return verbatim(all.count, &state, &block)
      case .leaf(let kind, let range, let field, let value, let name):
        var step = Step(kind: kind, record: .spine)
        step.column = state.skeletons.column(.spine, field: field, value: value, name: all[name])
        prepare(range.lowerBound, &state, &block)
        let id = state.skeletons.intern(step, literal: all[from..<range.lowerBound])
        let text = state.string(all[range])
        add(id, range.upperBound, stack, &state, &block)
        block.spineLeaves.append(text)
        state.jsonGuesses.steps[id].lastString = UInt32(truncatingIfNeeded: text)
      case .span(let start, let open):
        if !run(start, open, stack, &state, &block) { fault(start, &state, &block) }
      case .foreign(let start):
        flush(start, &state, &block)
        fault(start, &state, &block)
      case .closed: continue
      case .malformed(let place):
        fault(place, &state, &block)
      case .end:
        let limit = records.bytes.count
        guard limit < all.count else { return flush(limit, &state, &block) }
        // Only the line was looked at.
        if !walker.stack.isEmpty { verbatim(limit, &state, &block) }
        look(to: lineEnd(limit))
      }
    }
  }

  /// Tries the step that came next the last time.
  private mutating func guess(_ state: inout ShredState, _ block: inout Block) -> Bool {
    let id = Int(previous < 0 ? state.jsonGuesses.first : state.jsonGuesses.steps[previous].follower)
    guard id >= 0, state.jsonGuesses.steps[id].before == walker.stack else { return false }
    let step = state.skeletons.steps[id]
    var string = state.jsonGuesses.steps[id].lastString
    let next = records.take(step, from, &string, &state, &block)
    guard next >= 0 else { return false }
    state.jsonGuesses.steps[id].lastString = string
    block.spine.append(UInt32(id))
    block.spineLeaves.append(records.row.removeLast())
    from = next
    previous = id
    // A string's closing quote is its follower's.
    walker.move(to: step.kind == .jsonString ? next &+ 1 : next, stack: state.jsonGuesses.steps[id].after)
    return true
  }

  private mutating func run(
    _ start: Int, _ open: Int, _ stack: JSONStack, _ state: inout ShredState, _ block: inout Block
  ) -> Bool {
    guard let end = records.bytes.skippingJSONValue(from: start) else { return false }
    prepare(start, &state, &block)
    let template = Step(kind: .jsonRun, record: .spine, child: .span)
    guard let id = records.runStep(template, 2, from, open, start, end, &state) else { return false }
    var string = UInt32.max
    let next = records.take(state.skeletons.steps[id], from, &string, &state, &block)
    guard next >= 0 else { return false }
    block.spineLeaves.append(records.row.removeLast())
    walker.move(to: next, stack: walker.stack)
    add(id, next, stack, &state, &block)
    return true
  }

  /// Notes the step `id`, whose leaf ends at `end`, and that it followed the one before.
  private mutating func add(
    _ id: Int, _ end: Int, _ before: JSONStack, _ state: inout ShredState, _ block: inout Block
  ) {
    state.jsonGuesses.grow(to: state.skeletons.steps.count)
    block.spine.append(UInt32(id))
    // A step without a literal would fit anywhere.
    if state.skeletons.steps[id].literalCount > 0, state.skeletons.steps[id].kind.leaf != .none {
      state.jsonGuesses.steps[id].before = before
      state.jsonGuesses.steps[id].after = walker.stack
      if previous < 0 {
        state.jsonGuesses.first = Int32(id)
      } else {
        state.jsonGuesses.steps[previous].follower = Int32(id)
      }
    }
    previous = id
    from = end
  }

  /// Keeps the literal of the step whose leaf starts at `start` from growing without bound.
  private mutating func prepare(_ start: Int, _ state: inout ShredState, _ block: inout Block) {
    if start - from > JSONSpine.literalLimit { keep(start, &state, &block) }
  }

  /// Text up to `end` as a literal.
  private mutating func flush(_ end: Int, _ state: inout ShredState, _ block: inout Block) {
    guard from < end else { return }
    if end - from > JSONSpine.literalLimit { return keep(end, &state, &block) }
    let id = state.skeletons.intern(Step(kind: .literal, record: .spine), literal: all[from..<end])
    add(id, end, walker.stack, &state, &block)
  }

  /// Text up to `end` as a leaf.
  private mutating func keep(_ end: Int, _ state: inout ShredState, _ block: inout Block) {
    guard from < end else { return }
    var step = Step(kind: .verbatim, record: .spine)
    step.column = state.skeletons.column(.spine, field: 0, value: 8, name: .empty)
    let id = state.skeletons.intern(step, literal: .empty)
    block.spineLeaves.append(state.string(all[from..<end]))
    add(id, end, walker.stack, &state, &block)
  }

  /// Keeps the rest of the line on which `place` is and goes on behind it, outside of all containers.
  private mutating func fault(_ place: Int, _ state: inout ShredState, _ block: inout Block) {
    patience -= (records.bytes.skippingJSONValue(from: place) ?? records.bytes.count) - place
    verbatim(lineEnd(place), &state, &block)
    if patience < 0 { look(to: lineEnd(from)) }
  }

  private mutating func verbatim(_ end: Int, _ state: inout ShredState, _ block: inout Block) {
    walker = JSONWalker(at: end)
    keep(end, &state, &block)
  }

  /// The end of the line on which `place` is, its newline included.
  private func lineEnd(_ place: Int) -> Int { all.firstIndex(of: 0x0A, from: place).map { $0 + 1 } ?? all.count }

  /// Reads no further than `limit`.
  private mutating func look(to limit: Int) {
    records.bytes = all[0..<limit]
    records.separators = [Range<Int>](repeating: 0..<0, count: RecordKind.allCases.count)
  }
}
