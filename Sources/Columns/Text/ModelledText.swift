import Bytes

/// What a layout with a model of text needs of it. Parts of strings go through it in order; both directions call alike.
protocol TextModel: ~Copyable {
  /// Before the `strings` of a block.
  func prepare(strings: Int)

  /// The column of the next string.
  mutating func codeColumn<C: BitCoder & ~Copyable>(_ column: Int, columns: Int, _ coder: inout C) -> Int

  /// What kind of token `text` is, if it is one opaque token and nothing else, and was never seen before.
  func newIdentifier(_ text: ByteView) -> TokenKind?

  /// Asks for the memory in which `newIdentifier` will look for `text`.
  func expect(_ text: ByteView)

  /// Codes a string that is one, all of it; in a decoder, appends it to `text`.
  mutating func codeIdentifier<C: BitCoder & ~Copyable>(
    _ kind: TokenKind, _ bytes: ByteView, column: Int, _ coder: inout C, into text: inout Buffer<UInt8>
  )

  /// Begins a string, or goes on with it behind something that is not text of this model (`part` above 0).
  mutating func begin(column: Int, part: Int)

  /// Codes `text`, and that the string ends there if it `ends`.
  mutating func encode(_ text: ByteView, column: Int, ends: Bool, _ coder: inout RangeEncoder)

  /// Appends to `text` up to the end of the string, or `length` bytes; false where the stream makes no sense or `text`
  /// would pass `limit`.
  mutating func decode(
    column: Int, length: Int?, limit: Int, _ coder: inout RangeDecoder, into text: inout Buffer<UInt8>
  ) -> Bool
}

/// What all models of text share.
struct SharedText: ~Copyable {
  var repeats = Repeats()
  var arrays = ValueArrays()
  /// An array or a text in it, while either is put together.
  var array = Buffer<UInt8>()
  var piece = Buffer<UInt8>()
  /// Decoder: the bytes that each string of the block took, where anyone asks.
  var costs: [Int]?
}

/// The layouts that are made by a model: (with `mixed` a byte of table bits,) a varint, the length of the range-coded
/// stream, that stream, and behind it, to the end, the raw bits.
///
/// Of each string are coded: its column, its form (`ValueArrays`), then of an array its elements, of a new identifier its
/// kind and spelling, of all others the copies of earlier text in it (`Repeats`), and by the model the text between them.
enum ModelledText {
  static func encode(
    _ layout: TextLayout, _ input: borrowing TextInput, columns: Int, effort: TextOptions.Effort,
    state: inout TextState, into out: inout Buffer<UInt8>, report: inout TextReport
  ) {
    var coder = RangeEncoder()
    let tableBits = MixedModel.tableBits(textBytes: input.arena.count, effort: effort)
    if layout == .mixed { out.append(UInt8(tableBits)) }
    state.prepare(layout, tableBits: tableBits)
    if layout == .tokens {
      encodeStrings(input, columns: columns, &state.tokens!, &state.shared, &coder, &report)
    } else {
      encodeStrings(input, columns: columns, &state.mixed!, &state.shared, &coder, &report)
    }
    coder.finish()
    out.append(varint: coder.coded.count)
    out.append(coder.coded)
    out.append(coder.rest)
  }

  static func decode(
    _ layout: TextLayout, _ bytes: ByteView, columns: Int, total: Int, maximumBytes: Int, state: inout TextState
  ) throws(TextError) -> TextInput {
    var bytes = bytes
    var tableBits = 0
    if layout == .mixed {
      guard bytes.count > 0 else { throw .truncated(needed: 1, available: 0) }
      tableBits = Int(bytes[0])
      guard (14...20).contains(tableBits) else { throw .limitExceeded(limit: 20, value: tableBits) }
      bytes = bytes.dropFirst(1)
    }
    guard let length = bytes.varint(at: 0) else { throw .truncated(needed: 1, available: bytes.count) }
    let rest = bytes.dropFirst(length.width)
    guard length.value <= UInt64(rest.count) else {
      throw .truncated(needed: Int(clamping: length.value), available: rest.count)
    }
    let coded = Int(length.value)
    var coder = RangeDecoder(coded: rest[0..<coded], rest: rest.dropFirst(coded))
    state.prepare(layout, tableBits: tableBits)
    var output = TextInput()
    if layout == .tokens {
      try decodeStrings(total, columns, maximumBytes, &state.tokens!, &state.shared, &coder, &output)
    } else {
      try decodeStrings(total, columns, maximumBytes, &state.mixed!, &state.shared, &coder, &output)
    }
    return output
  }

  // MARK: strings

  private static func encodeStrings<M: TextModel & ~Copyable>(
    _ input: borrowing TextInput, columns: Int, _ model: inout M, _ shared: inout SharedText,
    _ coder: inout RangeEncoder, _ report: inout TextReport
  ) {
    var before = 0
    model.prepare(strings: input.items.count)
    for k in 0..<input.items.count {
      let column = model.codeColumn(input.items[k].column, columns: columns, &coder)
      if k + 1 < input.items.count { model.expect(input[k + 1]) }
      var string = input[k]
      var (form, content) = shared.arrays.parse(string)
      let kind = form == .text ? model.newIdentifier(string) : nil
      if kind != nil { form = .identifier }
      _ = shared.arrays.codeForm(form, column: column, &coder)
      switch form {
      case .identifier: model.codeIdentifier(kind ?? .word, string, column: column, &coder, into: &shared.piece)
      case .array, .jsonArray: encodeArray(string, form, column, &model, &shared, &coder)
      case .text, .bytes, .base64:
        string = form == .base64 ? shared.arrays.decoded.view : string.dropFirst(content)
        encodeText(string, column, &model, &shared, &coder)
      }
      let after = coder.spent
      report.bytes[column] += after - before
      before = after
    }
  }

  private static func encodeText<M: TextModel & ~Copyable>(
    _ string: ByteView, _ column: Int, _ model: inout M, _ shared: inout SharedText, _ coder: inout RangeEncoder
  ) {
    shared.repeats.find(string)
    shared.repeats.code(column: column, limit: string.count, &coder)
    var at = 0
    let copies = shared.repeats.copies.count
    for part in 0...copies {
      let end = part < copies ? at + shared.repeats.copies[part].literal : string.count
      model.begin(column: column, part: part)
      model.encode(string[at..<end], column: column, ends: part == copies, &coder)
      at = part < copies ? end + shared.repeats.copies[part].length : end
    }
    shared.repeats.remember(string, forFinding: true)
  }

  private static func encodeArray<M: TextModel & ~Copyable>(
    _ string: ByteView, _ form: ValueArrays.Form, _ column: Int, _ model: inout M, _ shared: inout SharedText,
    _ coder: inout RangeEncoder
  ) {
    let count = shared.arrays.codeCount(form, column: column, limit: string.count, &coder)
    for index in 0..<count {
      var element = shared.arrays.elements[index]
      let text = string[element.start..<element.end]
      let kind = element.kind == .text ? model.newIdentifier(text) : nil
      if kind != nil { element.kind = .identifier }
      _ = shared.arrays.code(element, index, form, column: column, &coder)
      if let kind {
        model.codeIdentifier(kind, text, column: column, &coder, into: &shared.piece)
      } else if element.kind == .text {
        model.begin(column: column, part: 1)
        model.encode(text, column: column, ends: true, &coder)
      }
    }
  }

  private static func decodeStrings<M: TextModel & ~Copyable>(
    _ total: Int, _ columns: Int, _ limit: Int, _ model: inout M, _ shared: inout SharedText,
    _ coder: inout RangeDecoder, _ output: inout TextInput
  ) throws(TextError) {
    model.prepare(strings: total)
    for k in 0..<total {
      let offset = output.arena.count
      let before = coder.spent
      let column = model.codeColumn(0, columns: columns, &coder)
      let form = shared.arrays.codeForm(.text, column: column, &coder)
      let whole: Bool
      switch form {
      case .identifier:
        model.codeIdentifier(.word, .empty, column: column, &coder, into: &output.arena)
        whole = !coder.failed
      case .array, .jsonArray: whole = decodeArray(form, column, limit, &model, &shared, &coder, &output.arena)
      case .text, .bytes, .base64: whole = decodeText(column, limit, &model, &shared, &coder, &output.arena)
      }
      guard whole else { throw .damaged(string: k) }
      shared.arrays.wrap(form, &output.arena, from: offset)
      guard output.arena.count <= limit else { throw .limitExceeded(limit: limit, value: output.arena.count) }
      output.items.append(
        TextInput.Item(offset: offset, length: output.arena.count - offset, column: column))
      if shared.costs != nil { shared.costs!.append(coder.spent - before) }
    }
  }

  private static func decodeText<M: TextModel & ~Copyable>(
    _ column: Int, _ limit: Int, _ model: inout M, _ shared: inout SharedText, _ coder: inout RangeDecoder,
    _ text: inout Buffer<UInt8>
  ) -> Bool {
    let offset = text.count
    shared.repeats.code(column: column, limit: limit - offset, &coder)
    if coder.failed { return false }
    let copies = shared.repeats.copies.count
    for part in 0...copies {
      let literal = part < copies ? shared.repeats.copies[part].literal : nil
      model.begin(column: column, part: part)
      guard model.decode(column: column, length: literal, limit: limit, &coder, into: &text) else { return false }
      if part < copies {
        let copy = shared.repeats.copies[part]
        guard copy.length <= limit - text.count else { return false }
        text.append(shared.repeats.text[copy.source..<(copy.source + copy.length)])
      }
    }
    shared.repeats.remember(text[offset..<text.count], forFinding: false)
    return true
  }

  private static func decodeArray<M: TextModel & ~Copyable>(
    _ form: ValueArrays.Form, _ column: Int, _ limit: Int, _ model: inout M, _ shared: inout SharedText,
    _ coder: inout RangeDecoder, _ text: inout Buffer<UInt8>
  ) -> Bool {
    let room = limit - text.count
    let count = shared.arrays.codeCount(form, column: column, limit: room, &coder)
    shared.array.removeAll()
    for index in 0..<count {
      let element = shared.arrays.code(.none, index, form, column: column, &coder)
      shared.piece.removeAll()
      switch element.kind {
      case .text:
        model.begin(column: column, part: 1)
        guard model.decode(column: column, length: nil, limit: room, &coder, into: &shared.piece) else { return false }
        shared.arrays.append(text: shared.piece.view, form, to: &shared.array)
      case .identifier:
        model.codeIdentifier(.word, .empty, column: column, &coder, into: &shared.piece)
        shared.arrays.append(text: shared.piece.view, form, to: &shared.array)
      case .truth, .integer, .double: shared.arrays.append(element, form, to: &shared.array)
      }
      if coder.failed || shared.array.count > room { return false }
    }
    shared.arrays.wrapArray(shared.array.view, form, into: &text)
    return !coder.failed
  }
}
