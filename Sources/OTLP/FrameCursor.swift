import Bytes

/// One message with what stands around it: `prefixWidth` bytes, the payload, `suffixWidth` bytes, without gaps.
public struct Frame: Equatable, Sendable {
  /// Length prefix, separator, byte order mark or white space before the payload.
  public var prefixWidth: Int
  public var payload: Range<Int>
  /// The line's end, or white space after a document.
  public var suffixWidth: Int

  public var start: Int { payload.lowerBound - prefixWidth }
  public var end: Int { payload.upperBound + suffixWidth }

  public init(prefixWidth: Int, payload: Range<Int>, suffixWidth: Int = 0) {
    self.prefixWidth = prefixWidth
    self.payload = payload
    self.suffixWidth = suffixWidth
  }
}

public enum FrameStep: Equatable, Sendable {
  case frame(Frame)
  /// Bytes that belong to no frame: the chain is broken, or the last frame is cut off.
  case verbatim(Range<Int>)
  /// The bytes at hand end inside a frame. Where its prefix is whole, the frame it declares is told, so that the caller
  /// can judge its size or take the payload piecewise.
  case more(Frame?)
  /// All bytes were given out and no more will come.
  case end
}

/// Walks a file frame by frame, touching only prefixes (and, in JSON, looking for the end of a line or document).
///
/// The cursor holds offsets and is handed the window with each call; `rebase` follows a window whose front was dropped.
/// What it gives out, put together, is the whole file: nothing is skipped, and no damage ends the walk, it only turns
/// what follows into verbatim bytes.
public struct FrameCursor: Sendable {
  public let framing: Framing
  /// Where the next frame starts.
  public private(set) var position: Int
  /// A prefix made no sense: what follows cannot be framed any more.
  public private(set) var isBroken: Bool
  private var isAtFileStart: Bool
  /// Progress inside a JSON frame that was cut off, so that no byte is looked at twice.
  private var searched = 0
  private var depth = 0

  public init(_ framing: Framing, at position: Int = 0, isAtFileStart: Bool = true) {
    precondition(position >= 0)
    self.framing = framing
    self.position = position
    isBroken = framing == .unknown
    self.isAtFileStart = isAtFileStart
  }

  /// Tells the cursor that the first `n` bytes of the window are gone.
  public mutating func rebase(by n: Int) {
    precondition(n >= 0 && n <= position)
    position -= n
    searched = max(0, searched - n)
  }

  /// Moves on to `offset`: the caller has taken the bytes up to there by itself.
  public mutating func resume(at offset: Int) {
    precondition(offset >= position)
    position = offset
    searched = 0
    depth = 0
    isAtFileStart = false
  }

  /// The next step over `bytes`, the window, which ends where the file ends if `isEnd`.
  public mutating func next(in bytes: ByteView, isEnd: Bool) -> FrameStep {
    precondition(position <= bytes.count)
    let step = isBroken ? FrameStep.verbatim(position..<bytes.count) : framed(bytes, isEnd)
    switch step {
    case .frame(let frame):
      resume(at: frame.end)
      return step
    case .verbatim(let range):
      if range.isEmpty { return isEnd ? .end : .more(nil) }
      resume(at: range.upperBound)
      return step
    case .more:
      guard isEnd else { return step }
      if position == bytes.count { return .end }
      isBroken = true
      let rest = position..<bytes.count
      resume(at: bytes.count)
      return .verbatim(rest)
    case .end: return step
    }
  }

  private mutating func framed(_ bytes: ByteView, _ isEnd: Bool) -> FrameStep {
    if position == bytes.count { return .more(nil) }
    switch framing {
    case .bare: return field(bytes, prefixWidth: 0)
    case .newlineJoined: return fieldAfterNewline(bytes, isEnd)
    case .lengthPrefixed, .lengthPrefixedZstd:
      guard bytes.count - position >= 4 else { return .more(nil) }
      let length = Int(UInt32(bigEndian: UInt32(littleEndian: bytes.load(UInt32.self, at: position))))
      return delimited(bytes, prefixWidth: 4, length: length)
    case .varintDelimited:
      guard let (length, width) = bytes.varint(at: position), length <= UInt32.max else { return badVarint(bytes) }
      return delimited(bytes, prefixWidth: width, length: Int(length))
    case .jsonLines: return line(bytes, isEnd)
    case .jsonDocument: return document(bytes, isEnd)
    case .unknown: return .verbatim(position..<bytes.count)
    }
  }

  // MARK: Protobuf

  private mutating func broken(_ bytes: ByteView) -> FrameStep {
    isBroken = true
    return .verbatim(position..<bytes.count)
  }

  private mutating func badVarint(_ bytes: ByteView) -> FrameStep {
    let isCutOff = bytes.count - position < 10 && bytes[bytes.count - 1] >= 0x80
    return isCutOff ? .more(nil) : broken(bytes)
  }

  private mutating func delimited(_ bytes: ByteView, prefixWidth: Int, length: Int) -> FrameStep {
    let start = position + prefixWidth
    let frame = Frame(prefixWidth: prefixWidth, payload: start..<start + length)
    let head = bytes[start..<min(start + length, bytes.count)]
    if framing == .lengthPrefixedZstd {
      let mayBeZstd = length >= 4 && (head.count < 4 || ZstdMagic.stands(in: head))
      if !mayBeZstd { return broken(bytes) }
    }
    if frame.end <= bytes.count { return .frame(frame) }
    // A damaged prefix may declare gigabytes: only a frame that begins like a message is worth waiting for.
    if framing != .lengthPrefixedZstd, !ProtobufProbe.mayStart(head, length: length) { return broken(bytes) }
    return .more(frame)
  }

  /// One top-level field with its tag is a whole message by itself, since protobuf merges what is concatenated.
  private mutating func field(_ bytes: ByteView, prefixWidth: Int) -> FrameStep {
    let start = position + prefixWidth
    var fields = ProtobufFields(bytes, from: start, declaredEnd: Int.max)
    switch fields.next() {
    case .field(let field):
      let frame = Frame(prefixWidth: prefixWidth, payload: start..<field.end)
      if frame.end <= bytes.count { return .frame(frame) }
      let head = bytes[min(field.value, bytes.count)..<bytes.count]
      if field.number == 1, !ProtobufProbe.mayStartResource(head) { return broken(bytes) }
      return .more(frame)
    case .cutOff: return .more(nil)
    case .end, .malformed: return broken(bytes)
    }
  }

  private mutating func fieldAfterNewline(_ bytes: ByteView, _ isEnd: Bool) -> FrameStep {
    if isAtFileStart || bytes[position] != 0x0A { return field(bytes, prefixWidth: 0) }
    // Tag of field 1, its length, and the first tag inside: twelve bytes decide.
    if bytes.count - position < 12, !isEnd { return .more(nil) }
    if position + 1 == bytes.count { return .verbatim(position..<bytes.count) }
    return field(bytes, prefixWidth: ProtobufProbe.isSeparator(in: bytes, at: position) ? 1 : 0)
  }

  // MARK: JSON

  private static let bom: [UInt8] = [0xEF, 0xBB, 0xBF]

  /// The byte order mark's width at the start of the file; nil while it may still come.
  private func markWidth(_ bytes: ByteView, _ isEnd: Bool) -> Int? {
    guard isAtFileStart else { return 0 }
    for (i, byte) in Self.bom.enumerated() {
      guard position + i < bytes.count else { return isEnd ? 0 : nil }
      if bytes[position + i] != byte { return 0 }
    }
    return 3
  }

  private mutating func line(_ bytes: ByteView, _ isEnd: Bool) -> FrameStep {
    guard let mark = markWidth(bytes, isEnd) else { return .more(nil) }
    let start = position + mark
    guard let newline = bytes.firstIndex(of: 0x0A, from: max(start, searched)) else {
      searched = bytes.count
      return isEnd ? .frame(Frame(prefixWidth: mark, payload: start..<bytes.count)) : .more(nil)
    }
    let hasReturn = newline > start && bytes[newline - 1] == 0x0D
    let end = hasReturn ? newline - 1 : newline
    return .frame(Frame(prefixWidth: mark, payload: start..<end, suffixWidth: newline + 1 - end))
  }

  /// White space up to this width is given out with the document before it, beyond it as verbatim bytes, so that a
  /// window need not grow with it.
  private static let spaceLimit = 64

  private mutating func document(_ bytes: ByteView, _ isEnd: Bool) -> FrameStep {
    guard let mark = markWidth(bytes, isEnd) else { return .more(nil) }
    let start = bytes.skippingSpace(from: position + mark)
    if start == bytes.count {
      return !isEnd && start - position <= Self.spaceLimit ? .more(nil) : .verbatim(position..<start)
    }
    if start - position > Self.spaceLimit { return .verbatim(position..<start) }
    let opener = bytes[start]
    guard opener == UInt8(ascii: "{") || opener == UInt8(ascii: "[") else {
      guard let newline = bytes.firstIndex(of: 0x0A, from: max(start, searched)) else {
        searched = bytes.count
        return isEnd ? .verbatim(position..<bytes.count) : .more(nil)
      }
      return .verbatim(position..<newline + 1)
    }
    if searched < start {
      searched = start
      depth = 0
    }
    guard let end = documentEnd(bytes) else { return .more(nil) }
    let after = bytes[0..<min(bytes.count, end + Self.spaceLimit)].skippingSpace(from: end)
    if after == bytes.count, !isEnd, after - end < Self.spaceLimit {
      // Look at the closing bracket again next time.
      searched = end - 1
      depth = 1
      return .more(nil)
    }
    return .frame(Frame(prefixWidth: start - position, payload: start..<end, suffixWidth: after - end))
  }

  /// Looks on from `searched` for the end of the value that is open at `depth`. Kinds of brackets are not told apart:
  /// whether the document is JSON is for its reader to say.
  private mutating func documentEnd(_ bytes: ByteView) -> Int? {
    var at = searched
    while at < bytes.count {
      switch bytes.unchecked(at) {
      case UInt8(ascii: "\""):
        guard let string = bytes.jsonString(from: at + 1) else {
          searched = at
          return nil
        }
        at = string.quote + 1
        continue
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        if depth == 0 { return at + 1 }
      default: break
      }
      at += 1
    }
    searched = at
    return nil
  }
}
