import Bytes

/// Stores the new strings of a block: a layout byte, then what the layout makes of them.
///
/// The decoder is told how many strings there are and how much text there may be; nothing is allocated beyond that and
/// a constant.
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
      ModelledText.encode(
        report.layout, input, columns: columns, effort: options.effort, state: &state, into: &out, report: &report)
      let raw = input.arena.count + input.items.count
      if out.count - start <= (raw < 4096 ? raw + 4 : raw / 5 * 3) { return report }
      // Hardly text. Plain may do as well, and cannot do much worse than nothing.
      // The decoder will know nothing of the trial.
      var recent = Buffer<UInt8>()
      recent.append(state.recent.view)
      var plain = Buffer<UInt8>()
      var plainReport = TextReport(layout: .plain, bytes: Array(repeating: 0, count: columns))
      plain.append(TextLayout.plain.rawValue)
      PlainText.encode(input, columns: columns, options: options, state: &state, into: &plain, report: &plainReport)
      if plain.count >= out.count - start {
        swap(&state.recent, &recent)
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
    state.shared.costs = state.tellsCosts ? [] : nil
    switch layout {
    case .empty: output = TextInput()
    case .plain:
      state.forget()
      output = try PlainText.decode(
        rest, columns: columns, total: total, maximumBytes: maximumBytes, state: &state)
    case .tokens, .mixed:
      output = try ModelledText.decode(
        layout, rest, columns: columns, total: total, maximumBytes: maximumBytes, state: &state)
    }
    guard output.items.count == total else { throw .damaged(string: output.items.count) }
    return output
  }

  /// Up to this much text in a block of a small capture goes through the slow model, and with `best` this much of any.
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
    let isPressed = options.isOfLargeCapture && options.effort != .best
    if state.tokens != nil || taught > 2 * bound || isPressed { return .tokens }
    return input.arena.count <= bound ? .mixed : .tokens
  }
}
