import Bytes
import OTLP

/// A run of input that is coded as one block.
struct ChunkCut: Equatable {
  var count: Int
  /// `.unknown`: bytes to be kept as they are.
  var framing: BlockFraming
  var entry = ChunkEntry.border
  /// Messages that end in it, of JSON: lines (blank ones left out) or documents.
  var messages = 0
}

/// Cuts a capture into chunks at borders between messages, and a message too large for a chunk at borders between its
/// spans. Only prefixes and lengths are read; all chunks together are the capture, whatever it holds.
struct ChunkSplitter {
  /// A JSON line or document without a border between spans stays whole up to this size; a larger one is kept as it is,
  /// piece by piece.
  static let largestDocument = 32 << 20

  private var framing: Framing?
  private let wanted: BlockFraming?
  private var cursor = FrameCursor(.unknown)
  /// What is open where the next chunk begins.
  private var entry = ChunkEntry.border
  /// What is left of a field too large for a chunk that cannot be entered.
  private var leaf = 0
  /// Messages passed since the last cut.
  private var passed = 0

  /// - Parameter framing: nil to recognise it from the first bytes.
  init(framing: BlockFraming?) { wanted = framing }

  /// What the capture was recognised as.
  private(set) var recognised: BlockFraming = .unknown

  /// The chunk at the front of `bytes`, which begin where the last chunk ended; nil where more bytes are needed.
  ///
  /// - Parameters:
  ///   - limit: bytes a chunk should not exceed.
  ///   - isEnd: no more bytes will come: every byte leaves.
  ///   - isFlush: whole messages leave even where they do not fill a chunk.
  mutating func next(in bytes: ByteView, limit: Int, isEnd: Bool, isFlush: Bool = false) -> ChunkCut? {
    if bytes.isEmpty || bytes.count < limit && !isEnd && !isFlush { return nil }
    if framing == nil {
      recognise(bytes, isEnd)
      if isFlush, !isEnd, bytes.count < Recognition.window, !beginsWithMessage(bytes) {
        // Too little came before the flush to tell what it is.
        framing = nil
        return nil
      }
    }
    if leaf > 0 { return verbatim(min(leaf, limit, bytes.count)) }
    if !entry.json.isEmpty {
      if bytes.count < limit, !isEnd { return isFlush ? document(bytes, limit) : nil }
      if isEnd, bytes.count <= limit { return piece(bytes.count, .border) }
      return document(bytes, limit) ?? piece(lineEnd(bytes, limit), .border)
    }
    if entry != .border {
      // A flush takes the rest of the message, once that is there.
      let isWhole = isFlush && entry.message > 0 && entry.message <= bytes.count
      return bytes.count < limit && !isEnd && !isWhole ? nil : inside(bytes, limit, prefix: 0)
    }
    if cursor.isBroken { return verbatim(min(limit, bytes.count)) }
    return messages(bytes, limit, isEnd, isFlush)
  }

  private mutating func recognise(_ bytes: ByteView, _ isEnd: Bool) {
    let found: Framing
    switch wanted {
    case .unknown: found = .unknown
    case .bare: found = .bare
    case .lengthPrefixed: found = .lengthPrefixed
    case .varintDelimited: found = .varintDelimited
    case .newlineJoined: found = .newlineJoined
    case .json, nil:
      let seen = bytes[0..<min(bytes.count, Recognition.window)]
      let recognition = Recognition.recognise(seen, isEnd: isEnd && seen.count == bytes.count)
      found = wanted == .json && !recognition.framing.isJSON ? .jsonLines : recognition.framing
    }
    framing = found
    cursor = FrameCursor(found)
    recognised = Self.blockFraming(found)
  }

  /// Whether a whole message stands at the front. Looks, and leaves the cursor where it is.
  private func beginsWithMessage(_ bytes: ByteView) -> Bool {
    var ahead = cursor
    guard case .frame = ahead.next(in: bytes, isEnd: false) else { return false }
    return true
  }

  private static func blockFraming(_ framing: Framing) -> BlockFraming {
    switch framing {
    case .bare: .bare
    case .lengthPrefixed: .lengthPrefixed
    case .varintDelimited: .varintDelimited
    case .newlineJoined: .newlineJoined
    case .jsonLines, .jsonDocument: .json
    case .unknown, .lengthPrefixedZstd: .unknown
    }
  }

  /// Bytes kept as they are, which may be a piece of a message.
  private mutating func verbatim(_ count: Int) -> ChunkCut {
    leaf = max(0, leaf - count)
    advance(count)
    cursor = FrameCursor(cursor.isBroken ? .unknown : cursor.framing, isAtFileStart: false)
    return ChunkCut(count: count, framing: .unknown)
  }

  /// Takes `count` bytes off what is open.
  private mutating func advance(_ count: Int) {
    if entry.message > 0 { entry.message -= count }
    if entry.resourceSpans > 0 { entry.resourceSpans -= count }
    if entry.scopeSpans > 0 { entry.scopeSpans -= count }
  }

  /// The cut is behind the last whole message; the cursor starts again there.
  private mutating func cut(at count: Int) -> ChunkCut {
    cursor = FrameCursor(cursor.framing, isAtFileStart: false)
    defer { passed = 0 }
    return ChunkCut(count: count, framing: recognised, messages: passed)
  }

  private mutating func messages(
    _ bytes: ByteView, _ limit: Int, _ isEnd: Bool, _ isFlush: Bool
  ) -> ChunkCut? {
    var whole = cursor.position
    while true {
      switch cursor.next(in: bytes, isEnd: isEnd) {
      case .frame(let frame):
        if frame.end > limit {
          if whole > 0 { return cut(at: whole) }
          if cursor.framing.isJSON { return document(bytes, limit) ?? cut(at: frame.end) }
          return inside(bytes, limit, prefix: frame.prefixWidth)
        }
        whole = frame.end
        if !frame.payload.isEmpty { passed += 1 }
      case .verbatim(let range):
        // Odd bytes between messages stay with them; where the chain breaks, no message follows.
        if cursor.isBroken {
          if whole == 0 { return verbatim(min(limit, bytes.count)) }
          defer { cursor = FrameCursor(.unknown) }
          return cut(at: whole)
        }
        if range.upperBound > limit {
          return whole > 0 ? cut(at: whole) : cut(at: range.upperBound)
        }
        whole = range.upperBound
      case .more(let frame):
        if whole > 0 {
          if bytes.count >= limit || isFlush { return cut(at: whole) }
          return nil
        }
        if bytes.count < limit { return nil }
        if let frame, !cursor.framing.isJSON { return inside(bytes, limit, prefix: frame.prefixWidth) }
        if cursor.framing.isJSON, let piece = document(bytes, limit) { return piece }
        if cursor.framing.isJSON, bytes.count < Self.largestDocument { return nil }
        // A document too large to hold: its bytes are kept until the next line begins one.
        leaf = bytes.count
        return verbatim(min(limit, leaf))
      case .end:
        return whole > 0 ? cut(at: whole) : nil
      }
    }
  }

  /// A piece of a JSON document too large for a chunk, cut between its spans.
  private mutating func document(_ bytes: ByteView, _ limit: Int) -> ChunkCut? {
    JSONCutter.lastCut(in: bytes, entry: entry, limit: limit).map { piece($0.at, $0.entry) }
  }

  /// The next `count` bytes of what is open, after which `next` is.
  private mutating func piece(_ count: Int, _ next: ChunkEntry) -> ChunkCut {
    if next == .border { passed = 1 }
    var piece = cut(at: count)
    piece.entry = entry
    entry = next
    return piece
  }

  private func lineEnd(_ bytes: ByteView, _ limit: Int) -> Int {
    let near = bytes[0..<min(limit, bytes.count)]
    return near.firstIndex(of: 0x0A).map { $0 + 1 } ?? near.count
  }

  /// A piece of a message too large for a chunk, cut between the fields of its `ScopeSpans`, `ResourceSpans` or its own.
  /// `prefix` bytes stand before the message if it begins here.
  private mutating func inside(_ bytes: ByteView, _ limit: Int, prefix: Int) -> ChunkCut {
    let limit = min(limit, bytes.count)
    var at = 0
    var message = entry.message
    var resource = entry.resourceSpans
    var scope = entry.scopeSpans
    if entry == .border {
      at = prefix
      if cursor.framing == .lengthPrefixed {
        message = prefix + Int(UInt32(bigEndian: UInt32(littleEndian: bytes.load(UInt32.self, at: 0))))
      } else if cursor.framing == .varintDelimited, let (length, width) = bytes.varint(at: 0) {
        message = width + Int(length)
      }
    }
    let hasMessage = message > 0
    walk: while true {
      if scope > 0, at == scope { scope = 0 }
      if resource > 0, scope == 0, at == resource { resource = 0 }
      if message > 0, resource == 0, at == message { message = 0 }
      // The message (of bare framing: the field that was too large) ends here.
      if at > prefix, resource == 0, hasMessage ? message == 0 : true { break }
      let end = scope > 0 ? scope : resource > 0 ? resource : hasMessage ? message : Int.max
      var fields = ProtobufFields(bytes, from: at, declaredEnd: end)
      guard case .field(let field) = fields.next() else {
        // Damaged, or the capture ends: the message is not taken apart any further.
        if at == 0 { return brokenOff(limit) }
        break
      }
      if field.end <= limit {
        at = field.end
        continue
      }
      let canEnter = field.wire == .bytes && field.value <= limit
      if canEnter, scope == 0, resource == 0, field.number == 1 {
        resource = field.end
        at = field.value
      } else if canEnter, scope == 0, resource > 0, field.number == 2 || field.number == 1000 {
        scope = field.end
        at = field.value
      } else if at > 0 {
        break walk
      } else {
        leaf = field.end
        return verbatim(limit)
      }
    }
    var piece = cut(at: at)
    piece.entry = entry
    entry = ChunkEntry(
      message: message > 0 ? message - at : 0, resourceSpans: resource > 0 ? resource - at : 0,
      scopeSpans: scope > 0 ? scope - at : 0)
    return piece
  }

  private mutating func brokenOff(_ count: Int) -> ChunkCut {
    entry = .border
    cursor = FrameCursor(.unknown)
    return ChunkCut(count: count, framing: .unknown)
  }
}
