import Bytes
import Columns

/// The new strings of a block and its skeleton delta, through the backends.
struct TextPacker: ~Copyable {
  private var backend = Backend()
  private var input = TextInput()
  private var state = TextState()
  private var packed = Buffer<UInt8>()
  /// Made when first needed.
  private var runs: RunModel?
  /// The kind byte of a run that it made, behind those of `BackendKind`.
  private static let modelled: UInt8 = 3

  /// Has `unpack` tell what each string cost.
  mutating func tellCosts() { state.tellsCosts = true }

  /// What the strings of the block just unpacked cost, of which `bytes` were.
  func costs(_ bytes: ByteView) -> TextCosts {
    let layout = bytes.isEmpty ? nil : TextLayout(rawValue: bytes[0])
    return TextCosts(bytes: bytes.count, layout: layout.map { "\($0)" } ?? "", each: state.costs)
  }

  /// A skeleton delta behind its packed length; by the slow model where it is much of a block of `blockSize` bytes.
  mutating func packDelta(
    _ bytes: ByteView, blockSize: Int, _ config: TracezipConfig, into out: inout Buffer<UInt8>
  ) {
    packed.removeAll()
    let isMuch = config.effort == .best || bytes.count > blockSize / 128
    if bytes.count > 0, bytes.count <= RunModel.longest, isMuch, config.effort != .fast, config.codec == .auto {
      if runs == nil { runs = RunModel() }
      packed.append(Self.modelled)
      runs!.encode(bytes, into: &packed)
    } else if bytes.count > 0 {
      backend.pack(bytes, BackendSettings(kind: bytes.count < 64 ? .none : .zstd, level: 6), into: &packed)
    }
    out.append(varint: packed.count)
    out.append(packed.view)
  }

  mutating func unpackDelta(_ bytes: ByteView, limit: Int, into out: inout Buffer<UInt8>) -> Bool {
    if bytes.isEmpty { return true }
    if bytes[0] == Self.modelled {
      if runs == nil { runs = RunModel() }
      return runs!.decode(bytes.dropFirst(1), limit: limit, into: &out)
    }
    do { try backend.unpack(bytes, limit: limit, into: &out) } catch { return false }
    return true
  }

  /// The strings that `new` names (shred id, column above) behind their packed length; the bytes by column.
  /// `isOfLargeCapture`: see `TextOptions`.
  mutating func pack(
    _ new: borrowing Buffer<UInt64>, _ strings: borrowing StringTable, columns: Int, _ config: TracezipConfig,
    isOfLargeCapture: Bool, into out: inout Buffer<UInt8>
  ) -> [Int] {
    if new.isEmpty {
      out.append(varint: 0)
      return []
    }
    input.removeAll()
    packed.removeAll()
    for i in 0..<new.count { input.append(strings.view(Int(new[i] & 0xFFFF_FFFF)), column: Int(new[i] >> 32)) }
    var options = TextOptions(level: config.level)
    options.isOfLargeCapture = isOfLargeCapture
    switch config.effort {
    case .fast: options.effort = .fast
    case .default: options.effort = .standard
    case .best: options.effort = .best
    }
    switch config.codec {
    case .auto: options.backend = nil
    case .none: options.backend = BackendKind.none
    case .lz4: options.backend = .lz4
    case .zstd: options.backend = .zstd
    }
    let report = TextCodec.encode(input, columns: columns, options: options, state: &state, into: &packed)
    out.append(varint: packed.count)
    out.append(packed.view)
    return report.bytes
  }

  mutating func unpack(
    _ bytes: ByteView, count: Int, columns: Int, limit: Int, into strings: inout StringTable
  ) -> Bool {
    if count == 0 { return bytes.isEmpty }
    do {
      let text = try TextCodec.decode(bytes, count: count, columns: columns, maximumBytes: limit, state: &state)
      for i in 0..<text.items.count { strings.append(text[i]) }
      return true
    } catch {
      return false
    }
  }
}
