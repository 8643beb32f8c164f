import Bytes

/// The plain layout: every string's column (when there is more than one), every string's length, all text in file order;
/// one packed run. With zstd the last text of the segment serves as a dictionary.
enum PlainText {
  static func encode(
    _ input: borrowing TextInput, columns: Int, options: TextOptions, state: inout TextState,
    into out: inout Buffer<UInt8>, report: inout TextReport
  ) {
    var plain = Buffer<UInt8>(capacity: input.arena.count + 4 * input.items.count)
    if columns > 1 {
      for k in 0..<input.items.count { plain.append(varint: input.items[k].column) }
    }
    for k in 0..<input.items.count { plain.append(varint: input.items[k].length) }
    let textAt = plain.count
    for k in 0..<input.items.count { plain.append(input[k]) }
    let kind = options.backend ?? (plain.count < 100 << 10 ? .lz4 : .zstd)
    let before = out.count
    state.backend.pack(
      plain.view,
      BackendSettings(kind: kind, level: options.level, longDistance: kind == .zstd && plain.count > 1 << 21),
      prefix: state.recent.view, into: &out)
    remember(plain[textAt..<plain.count], state: &state)
    // Shares in proportion to the text: one stream has no borders between columns.
    let stored = out.count - before
    for k in 0..<input.items.count { report.bytes[input.items[k].column] += input.items[k].length }
    for column in 0..<columns {
      report.bytes[column] = Int(Double(report.bytes[column]) * Double(stored) / Double(max(1, plain.count)))
    }
  }

  static func decode(
    _ bytes: ByteView, columns: Int, total: Int, maximumBytes: Int, state: inout TextState
  ) throws(TextError) -> TextInput {
    var plain = Buffer<UInt8>()
    let limit = Int(
      clamping: UInt64(clamping: maximumBytes)
        + UInt64(clamping: total).multipliedReportingOverflow(by: 20).partialValue)
    do {
      try state.backend.unpack(bytes, limit: limit, prefix: state.recent.view, into: &plain)
    } catch { throw .backend(error) }
    guard plain.count >= total else { throw .truncated(needed: total, available: plain.count) }
    var output = TextInput()
    var at = 0
    if columns > 1 {
      for k in 0..<total {
        guard let column = plain.view.varint(at: at), column.value < UInt64(columns) else { throw .damaged(string: k) }
        output.items.append(TextInput.Item(offset: 0, length: 0, column: Int(column.value)))
        at += column.width
      }
    }
    var offset = 0
    for k in 0..<total {
      guard let length = plain.view.varint(at: at), length.value <= UInt64(plain.count - offset) else {
        throw .damaged(string: k)
      }
      if columns <= 1 { output.items.append(TextInput.Item(offset: 0, length: 0, column: 0)) }
      output.items[k].offset = offset
      output.items[k].length = Int(length.value)
      offset += Int(length.value)
      at += length.width
    }
    guard offset == plain.count - at else { throw .truncated(needed: offset, available: plain.count - at) }
    guard offset <= maximumBytes else { throw .limitExceeded(limit: maximumBytes, value: offset) }
    output.arena.append(plain[at..<plain.count])
    remember(output.arena.view, state: &state)
    return output
  }

  private static func remember(_ text: ByteView, state: inout TextState) {
    if text.count >= TextState.recentBound {
      state.recent.removeAll()
      state.recent.append(text.dropFirst(text.count - TextState.recentBound))
      return
    }
    let excess = state.recent.count + text.count - TextState.recentBound
    if excess > 0 { state.recent.shift(from: excess, by: -excess) }
    state.recent.append(text)
  }
}
