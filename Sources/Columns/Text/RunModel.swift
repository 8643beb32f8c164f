import Bytes

/// Short runs of bytes that are names and structure, such as what a block adds to its segment's skeletons: byte by byte
/// under a `LetterMixer`, with what the runs before have taught. A fifth smaller than zstd makes them, and far slower.
///
/// A run is the varint number of its bytes and a range-coded stream to its end.
public struct RunModel: ~Copyable {
  private var mixer = LetterMixer(tableBits: 16)
  private var history = LetterHistory(bits: 14)
  private var word: UInt32 = 0

  /// Longer runs are not coded: the time that hostile ones take is bounded.
  public static let longest = 1 << 16

  public init() {}

  /// Appends `run`, at most `longest` bytes, to `out`.
  public mutating func encode(_ run: ByteView, into out: inout Buffer<UInt8>) {
    precondition(run.count <= Self.longest)
    var coder = RangeEncoder()
    for i in 0..<run.count { _ = code(run[i], &coder) }
    coder.finish()
    out.append(varint: run.count)
    out.append(coder.coded)
  }

  /// Appends what `coded` holds to `out`; false where that makes no sense or is more than `limit` bytes.
  public mutating func decode(_ coded: ByteView, limit: Int, into out: inout Buffer<UInt8>) -> Bool {
    guard let size = coded.varint(at: 0), size.value <= UInt64(min(limit, Self.longest)) else { return false }
    var coder = RangeDecoder(coded: coded.dropFirst(size.width), rest: .empty)
    for _ in 0..<Int(size.value) {
      if coder.failed { return false }
      out.append(code(0, &coder))
    }
    return !coder.failed
  }

  private mutating func code<C: BitCoder & ~Copyable>(_ byte: UInt8, _ coder: inout C) -> UInt8 {
    let before = history.before
    mixer.setNewest(before)
    mixer.set(4, mix(word, 0x27D4_EB2F))
    mixer.set(6, mix(UInt32(truncatingIfNeeded: before >> 16 & 0xFFFF), 0xC2B2_AE35))
    let length = min(history.matchLength, MatchMixer.least &- 1)
    let last = UInt8(truncatingIfNeeded: before)
    let coded = mixer.code(byte, last: last, expected: history.expected, length: length, &coder)
    history.append(coded)
    word = ByteClass.of(coded) != 0 ? mix(word ^ UInt32(coded), 0x85EB_CA6B) : 0
    return coded
  }
}
