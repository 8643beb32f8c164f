import Bytes

/// Everything around the spans, protobuf: frames, ResourceSpans, ScopeSpans and their plain fields, as one flat list of
/// steps. Lengths that end inside the chunk follow from what they enclose; the others are leaves.
struct ProtobufSpine: ~Copyable {
  private let bytes: ByteView
  private let framing: BlockFraming
  private var records: ProtobufShredder

  init(_ bytes: ByteView, framing: BlockFraming) {
    self.bytes = bytes
    self.framing = framing
    records = ProtobufShredder(bytes)
  }

  mutating func shred(_ entry: ChunkEntry, _ state: inout ShredState, _ block: inout Block) {
    var at = 0
    if entry != .border {
      if entry.resourceSpans > 0 {
        if entry.scopeSpans > 0 { at = fields(2, at, entry.scopeSpans, &state, &block) }
        at = fields(1, at, entry.resourceSpans, &state, &block)
      }
      if entry.message > 0 { at = fields(0, at, entry.message, &state, &block) }
    }
    while at < bytes.count {
      switch framing {
      case .lengthPrefixed:
        guard at + 4 <= bytes.count else { return verbatim(Step.outside, at, bytes.count, &state, &block) }
        let count = Int(UInt32(bigEndian: bytes.load(UInt32.self, at: at)))
        let start = at + 4
        if count > bytes.count - start {
          verbatim(Step.outside, at, start, &state, &block)
        } else {
          step(Step(kind: .frame, record: .spine), .empty, nil, &state, &block)
        }
        at = fields(0, start, start + count, &state, &block)
      case .varintDelimited:
        guard let v = bytes.varint(at: at), v.value < 1 << 40 else {
          return verbatim(Step.outside, at, bytes.count, &state, &block)
        }
        let start = at + v.width
        if Int(v.value) > bytes.count - start {
          verbatim(Step.outside, at, start, &state, &block)
        } else {
          var frame = Step(kind: .frame, record: .spine)
          frame.width1 = UInt8(v.width)
          step(frame, .empty, nil, &state, &block)
        }
        at = fields(0, start, start + Int(v.value), &state, &block)
      case .newlineJoined:
        if bytes[at] == 0x0A, opensMessage(at + 1) {
          step(Step(kind: .literal, record: .spine), bytes[at..<at + 1], nil, &state, &block)
          at += 1
        }
        at = fields(0, at, bytes.count, &state, &block)
      case .bare:
        at = fields(0, at, bytes.count, &state, &block)
      case .unknown, .json:
        return verbatim(Step.outside, at, bytes.count, &state, &block)
      }
    }
  }

  /// Whether a ResourceSpans that ends in the chunk starts at `at`, as far as its first tag and length tell.
  private func opensMessage(_ at: Int) -> Bool {
    guard at < bytes.count, bytes[at] == 0x0A, let v = bytes.varint(at: at + 1) else { return false }
    let start = at + 1 + v.width
    guard v.value > 1, v.value <= UInt64(bytes.count - start) else { return false }
    return bytes[start] == 0x0A || bytes[start] == 0x12
  }

  /// The fields of a message at `level` (0 TracesData, 1 ResourceSpans, 2 ScopeSpans) up to `end`, which may lie past
  /// the chunk; returns where it stopped.
  private mutating func fields(
    _ level: UInt8, _ start: Int, _ end: Int, _ state: inout ShredState, _ block: inout Block
  ) -> Int {
    var at = start
    let stop = min(end, bytes.count)
    while at < stop {
      guard let tag = bytes.varint(at: at), at + tag.width <= stop, tag.value >> 3 > 0, tag.value >> 3 < 1 << 29 else {
        verbatim(level, at, stop, &state, &block)
        return stop
      }
      let field = UInt32(tag.value >> 3)
      let from = at + tag.width
      if framing == .newlineJoined, level == 0, at > start, bytes[at] == 0x0A, opensMessage(at + 1) { return at }
      switch tag.value & 7 {
      case 2:
        // A length may reach past the chunk, not past what encloses it.
        guard let v = bytes.varint(at: from), from + v.width <= stop, v.value <= UInt64(end - from - v.width) else {
          verbatim(level, at, stop, &state, &block)
          return stop
        }
        let width: UInt8 = v.width == varintWidth(v.value) ? 0 : UInt8(v.width)
        let content = from + v.width
        let inner = content + Int(v.value)
        if level < 2, field == UInt32(level) + 1 || (level == 1 && field == 1000), v.value > 0,
          !(level == 1 && field == 1)
        {
          at = open(level, at, from, content, inner, &state, &block)
        } else if level == 2, field == 2 {
          guard inner <= stop else {
            verbatim(level, at, stop, &state, &block)
            return stop
          }
          var run = Step(kind: .run, record: .spine, level: 2)
          run.child = .span
          run.width1 = width
          run.column = state.skeletons.column(.spine, field: 2, value: 2, name: .empty)
          var count: UInt64 = 0
          let literal = bytes[at..<from]
          while at < stop, bytes.has(literal, at: at), let v = bytes.varint(at: at + literal.count) {
            let content = at + literal.count + v.width
            guard v.value <= UInt64(max(0, stop - content)),
              v.width == (width == 0 ? varintWidth(v.value) : Int(width))
            else { break }
            let span = bytes[content..<content + Int(v.value)]
            // Another thread has put it there: what comes a few spans on shall be here by then.
            bytes.prefetch(content &+ 2048, count: span.count)
            if let back = state.duplicates.find(span) {
              records.duplicate(back, &state, &block)
            } else {
              records.record(.span, content, content + Int(v.value), &state, &block)
            }
            at = content + Int(v.value)
            count += 1
          }
          step(run, literal, count, &state, &block)
        } else {
          guard inner <= stop, !state.skeletons.isFull else {
            verbatim(level, at, stop, &state, &block)
            return stop
          }
          var plain = Step(kind: .bytes, record: .spine, level: level)
          plain.width1 = width
          plain.column = state.skeletons.column(.spine, field: field, value: level, name: .empty)
          step(plain, bytes[at..<from], state.string(bytes[content..<inner]), &state, &block)
          at = inner
        }
      case 0, 1, 5:
        let count = tag.value & 7 == 1 ? 8 : tag.value & 7 == 5 ? 4 : bytes.varint(at: from)?.width ?? .max
        guard count <= stop - from else {
          verbatim(level, at, stop, &state, &block)
          return stop
        }
        verbatim(level, at, from + count, &state, &block)
        at = from + count
      default:
        verbatim(level, at, stop, &state, &block)
        return stop
      }
    }
    return at
  }

  private mutating func open(
    _ level: UInt8, _ at: Int, _ from: Int, _ content: Int, _ inner: Int, _ state: inout ShredState,
    _ block: inout Block
  ) -> Int {
    var open = Step(kind: .open, record: .spine, level: level)
    // The width is always kept: the length is written before its content is known.
    open.width1 = UInt8(content - from)
    if inner <= bytes.count {
      step(open, bytes[at..<from], nil, &state, &block)
    } else {
      open.kind = .openExplicit
      open.column = state.skeletons.column(.spine, field: 0, value: level, name: .empty)
      step(open, bytes[at..<from], UInt64(inner - content), &state, &block)
    }
    return fields(level + 1, content, inner, &state, &block)
  }

  private mutating func verbatim(
    _ level: UInt8, _ at: Int, _ end: Int, _ state: inout ShredState, _ block: inout Block
  ) {
    guard at < end else { return }
    var step = Step(kind: .verbatim, record: .spine, level: level)
    step.column = state.skeletons.column(.spine, field: 0, value: level == Step.outside ? 8 : 9 + level, name: .empty)
    self.step(step, .empty, state.string(bytes[at..<end]), &state, &block)
  }

  private func step(
    _ step: Step, _ literal: ByteView, _ leaf: UInt64?, _ state: inout ShredState, _ block: inout Block
  ) {
    block.spine.append(UInt32(state.skeletons.intern(step, literal: literal)))
    if let leaf { block.spineLeaves.append(leaf) }
  }
}
