import Bytes

/// Stores the new strings of a block: a layout byte, then what the layout makes of them.
///
/// The decoder is told how many strings each column has and how much text there may be; nothing is allocated beyond
/// that and a constant.
public enum TextCodec {
  /// Appends the block to `out`. Columns are numbers below `columns`, the same in all blocks of a segment.
  public static func encode(
    _ input: borrowing TextInput, columns: Int, options: TextOptions, state: inout TextState,
    into out: inout Buffer<UInt8>
  ) -> TextReport {
    var report = TextReport()
    report.bytes = Array(repeating: 0, count: columns)
    if input.items.isEmpty {
      out.append(TextLayout.empty.rawValue)
      return report
    }
    report.layout = layout(input, options: options, state: &state)
    let start = out.count
    out.append(report.layout.rawValue)
    if report.layout != .plain {
      encodeModelled(
        report.layout, input, columns: columns, effort: options.effort, state: &state, into: &out, report: &report)
      let raw = input.arena.count + input.items.count
      if out.count - start <= (raw < 4096 ? raw + 4 : raw / 5 * 3) { return report }
      // Hardly text. Plain may do as well, and cannot do much worse than nothing.
      var plain = Buffer<UInt8>()
      var plainReport = TextReport(layout: .plain, bytes: Array(repeating: 0, count: columns))
      plain.append(TextLayout.plain.rawValue)
      PlainText.encode(input, columns: columns, options: options, state: &state, into: &plain, report: &plainReport)
      if plain.count >= out.count - start {
        state.recent.removeAll()
        return report
      }
      state.forget()
      out.truncate(to: start)
      out.append(plain.view)
      return plainReport
    }
    state.forget()
    PlainText.encode(input, columns: columns, options: options, state: &state, into: &out, report: &report)
    return report
  }

  /// The `count` strings of a block, in the order they were given in, of columns below `columns`.
  public static func decode(
    _ bytes: ByteView, count total: Int, columns: Int, maximumBytes: Int, state: inout TextState
  ) throws(TextError) -> TextInput {
    guard bytes.count > 0 else { throw .truncated(needed: 1, available: 0) }
    guard let layout = TextLayout(rawValue: bytes[0]) else { throw .unknownLayout(found: bytes[0]) }
    let rest = bytes.dropFirst(1)
    var output: TextInput
    state.costs = []
    switch layout {
    case .empty: output = TextInput()
    case .plain:
      state.forget()
      output = try PlainText.decode(
        rest, columns: columns, total: total, maximumBytes: maximumBytes, state: &state)
    case .tokens, .mixed:
      output = try decodeModelled(
        layout, rest, columns: columns, total: total, maximumBytes: maximumBytes, state: &state)
    }
    guard output.items.count == total else { throw .damaged(string: output.items.count) }
    return output
  }

  /// Up to this much text in a block goes through the slow model whatever the effort, and with `best` this much.
  private static let little = 80 << 10
  private static let bestBound = 1 << 25
  /// The same where most text is in long strings, as in captures of language models: there the slow model gains most.
  private static let littleProse = 192 << 10

  private static func longStringsPrevail(_ input: borrowing TextInput) -> Bool {
    var long = 0
    for k in 0..<input.items.count where input.items[k].length >= Repeats.longString { long += input.items[k].length }
    return long > input.arena.count / 2
  }

  private static func layout(
    _ input: borrowing TextInput, options: TextOptions, state: inout TextState
  ) -> TextLayout {
    if options.backend != nil || options.effort == .fast { return .plain }
    // A segment stays with what it has taught, until that was much for the slow model.
    let bound = options.effort == .best ? bestBound : longStringsPrevail(input) ? littleProse : little
    let taught = state.mixed?.size ?? 0
    if state.tokens != nil || taught > 2 * bound || options.moreToCome && options.effort != .best { return .tokens }
    return input.arena.count <= bound ? .mixed : .tokens
  }

  // MARK: models: (mixed: table bits,) varint length of the coded stream, that stream, the raw stream

  private static func encodeModelled(
    _ layout: TextLayout, _ input: borrowing TextInput, columns: Int, effort: TextOptions.Effort,
    state: inout TextState, into out: inout Buffer<UInt8>, report: inout TextReport
  ) {
    var coder = RangeEncoder()
    var before = 0
    let tableBits = MixedModel.tableBits(textBytes: input.arena.count, effort: effort)
    if layout == .mixed { out.append(UInt8(tableBits)) }
    state.prepare(layout, tableBits: tableBits)
    for k in 0..<input.items.count {
      let column = state.codeColumn(layout, input.items[k].column, columns: columns, &coder)
      let string = input[k]
      state.repeats.find(string)
      state.repeats.code(column: column, limit: string.count, &coder)
      var at = 0
      let copies = state.repeats.copies.count
      for part in 0...copies {
        let end = part < copies ? at + state.repeats.copies[part].literal : string.count
        if layout == .tokens {
          state.tokens!.begin(column: column, part: part)
          state.tokens!.encode(string[at..<end], column: column, ends: part == copies, &coder)
        } else {
          state.mixed!.begin(column: column, part: part)
          state.mixed!.encode(string[at..<end], column: column, ends: part == copies, &coder)
        }
        at = part < copies ? end + state.repeats.copies[part].length : end
      }
      state.repeats.remember(string, forFinding: true)
      let after = coder.coded.count + coder.raw.count
      report.bytes[column] += after - before
      before = after
    }
    coder.finish()
    out.append(varint: coder.coded.count)
    out.append(coder.coded.view)
    out.append(coder.raw.view)
  }

  private static func decodeModelled(
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
    state.prepare(layout, tableBits: tableBits)
    guard let length = bytes.varint(at: 0) else { throw .truncated(needed: 1, available: bytes.count) }
    let rest = bytes.dropFirst(length.width)
    guard length.value <= UInt64(rest.count) else {
      throw .truncated(needed: Int(clamping: length.value), available: rest.count)
    }
    let coded = Int(length.value)
    var coder = RangeDecoder(coded: rest[0..<coded], raw: rest.dropFirst(coded))
    var output = TextInput()
    for k in 0..<total {
      let offset = output.arena.count
      let before = coder.spent
      let column = state.codeColumn(layout, 0, columns: columns, &coder)
      state.repeats.code(column: column, limit: maximumBytes - offset, &coder)
      let copies = state.repeats.copies.count
      var whole = !coder.failed
      for part in 0...copies where whole {
        let literal = part < copies ? state.repeats.copies[part].literal : nil
        if layout == .tokens {
          state.tokens!.begin(column: column, part: part)
          whole = state.tokens!.decode(
            column: column, length: literal, limit: maximumBytes, &coder, into: &output.arena)
        } else {
          state.mixed!.begin(column: column, part: part)
          whole = state.mixed!.decode(
            column: column, length: literal, limit: maximumBytes, &coder, into: &output.arena)
        }
        if part < copies, whole {
          let copy = state.repeats.copies[part]
          whole = copy.length <= maximumBytes - output.arena.count
          if whole { output.arena.append(state.repeats.text[copy.source..<(copy.source + copy.length)]) }
        }
      }
      guard whole else { throw .damaged(string: k) }
      state.repeats.remember(output.arena[offset..<output.arena.count], forFinding: false)
      output.items.append(
        TextInput.Item(offset: offset, length: output.arena.count - offset, column: column))
      if state.tellsCosts { state.costs.append(coder.spent - before) }
    }
    return output
  }
}
