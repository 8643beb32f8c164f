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
    if options.backend != nil || options.effort == .fast {
      report.layout = .plain
      out.append(TextLayout.plain.rawValue)
      PlainText.encode(input, columns: columns, options: options, state: &state, into: &out, report: &report)
    } else {
      report.layout = .tokens
      out.append(TextLayout.tokens.rawValue)
      encodeTokens(input, columns: columns, state: &state, into: &out, report: &report)
    }
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
    switch layout {
    case .empty: output = TextInput()
    case .plain:
      output = try PlainText.decode(
        rest, columns: columns, total: total, maximumBytes: maximumBytes, state: &state)
    case .tokens:
      output = try decodeTokens(
        rest, columns: columns, total: total, maximumBytes: maximumBytes, state: &state)
    }
    guard output.items.count == total else { throw .damaged(string: output.items.count) }
    return output
  }

  // MARK: tokens: varint length of the coded stream, that stream, the raw stream

  private static func encodeTokens(
    _ input: borrowing TextInput, columns: Int, state: inout TextState, into out: inout Buffer<UInt8>,
    report: inout TextReport
  ) {
    if state.tokens.size > TextState.tokenBound { state.tokens = TokenModel() }
    var coder = RangeEncoder()
    var before = 0
    for k in 0..<input.items.count {
      let column = input.items[k].column
      state.tokens.encode(input[k], column: column, columns: columns, &coder)
      let after = coder.coded.count + coder.raw.count
      report.bytes[column] += after - before
      before = after
    }
    coder.finish()
    out.append(varint: coder.coded.count)
    out.append(coder.coded.view)
    out.append(coder.raw.view)
  }

  private static func decodeTokens(
    _ bytes: ByteView, columns: Int, total: Int, maximumBytes: Int, state: inout TextState
  ) throws(TextError) -> TextInput {
    if state.tokens.size > TextState.tokenBound { state.tokens = TokenModel() }
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
      let (column, whole) = state.tokens.decode(
        columns: columns, limit: maximumBytes, &coder, into: &output.arena)
      guard whole else { throw .damaged(string: k) }
      output.items.append(
        TextInput.Item(offset: offset, length: output.arena.count - offset, column: column))
    }
    return output
  }
}
