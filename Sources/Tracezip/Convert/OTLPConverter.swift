import Bytes
import OTLP

/// Restored captures -> OTLP as JSON lines or length-prefixed protobuf, message by message, whatever they were written
/// as. Restoring is exact and never converts; this is for readers that want one format.
///
/// Feed it with what an archive gives back, in pieces of any size; it holds back the message that is still to be
/// completed, and no more.
public struct OTLPConverter: ~Copyable {
  public enum Target: String, Sendable, CaseIterable {
    /// One TracesData object a line, by the OTLP/JSON mapping.
    case json = "otlp-json"
    /// Each message behind its length as u32, big-endian.
    case protobuf = "otlp-proto"
  }

  /// What was left out, and why.
  public struct Skipped: Sendable, Equatable {
    /// Where it starts in the capture.
    public var offset: Int
    public var bytes: Int
    public var reason: String
  }

  public let target: Target
  private let framing: BlockFraming
  /// Messages written.
  public private(set) var messages = 0
  /// Messages, lines or damaged places left out.
  public private(set) var skippedCount = 0
  /// The first of them.
  public private(set) var skipped: [Skipped] = []

  private var pending = Buffer<UInt8>()
  /// Where `pending` starts in the capture.
  private var offset = 0
  private var cursor: FrameCursor
  private var scanner = JSONScanner()
  /// JSON: a value was begun at `start` of `pending`.
  private var start: Int?
  private var wire = Buffer<UInt8>()
  private var loose = Buffer<UInt8>()

  private static let reported = 16
  /// Fields of bare protobuf that make one message.
  private static let bareMessage = 64 << 20

  public init(from framing: BlockFraming, to target: Target) {
    self.framing = framing
    self.target = target
    let frames: Framing =
      switch framing {
      case .bare: .bare
      case .lengthPrefixed: .lengthPrefixed
      case .varintDelimited: .varintDelimited
      case .newlineJoined: .newlineJoined
      case .json, .unknown: .unknown
      }
    cursor = FrameCursor(frames)
  }

  /// Takes in the next bytes of the capture and appends what became complete to `out`.
  public mutating func convert(_ bytes: [UInt8], into out: inout [UInt8]) {
    bytes.withView { pending.append($0) }
    drain(isEnd: false, into: &out)
  }

  /// Appends what is left at the capture's end.
  public mutating func finish(into out: inout [UInt8]) { drain(isEnd: true, into: &out) }

  private mutating func drain(isEnd: Bool, into out: inout [UInt8]) {
    var made = Buffer<UInt8>()
    if framing == .json {
      lines(isEnd, &made)
    } else {
      frames(isEnd, &made)
    }
    out.append(contentsOf: made.array)
  }

  /// Forgets the first `n` bytes held back.
  private mutating func drop(_ n: Int) {
    if n == 0 { return }
    pending.shift(from: n, by: -n)
    offset += n
  }

  private mutating func skip(_ range: Range<Int>, _ reason: String) {
    if range.isEmpty { return }
    skippedCount += 1
    if skipped.count < OTLPConverter.reported {
      skipped.append(Skipped(offset: offset + range.lowerBound, bytes: range.count, reason: reason))
    }
  }

  // MARK: - Out

  /// Writes the protobuf message in `message`.
  private mutating func put(_ message: ByteView, _ out: inout Buffer<UInt8>) -> Bool {
    switch target {
    case .protobuf:
      guard message.count <= UInt32.max else { return false }
      out.append(integer: UInt32(message.count).bigEndian)
      out.append(message)
    case .json:
      var writer = ProtobufToJSON(message)
      guard writer.message(into: &out) else { return false }
      out.append(0x0A)
    }
    messages += 1
    return true
  }

  // MARK: - Protobuf in

  private mutating func frames(_ isEnd: Bool, _ out: inout Buffer<UInt8>) {
    walk: while true {
      let view = unsafe ByteView(base: pending.view.base, count: pending.count)
      switch cursor.next(in: view, isEnd: isEnd) {
      case .frame(let frame):
        if framing == .bare || framing == .newlineJoined {
          // Top-level fields, which make up a message together.
          if frame.prefixWidth > 0 { bare(&out) }
          loose.append(view[frame.payload])
          if loose.count > OTLPConverter.bareMessage { bare(&out) }
        } else if !put(view[frame.payload], &out) {
          skip(frame.payload, "not a protobuf message")
        }
      case .verbatim(let range): skip(range, "no frame")
      case .more, .end: break walk
      }
    }
    let done = cursor.position
    cursor.rebase(by: done)
    drop(done)
    if isEnd { bare(&out) }
  }

  private mutating func bare(_ out: inout Buffer<UInt8>) {
    if loose.isEmpty { return }
    let view = unsafe ByteView(base: loose.view.base, count: loose.count)
    if !put(view, &out) { skip(0..<loose.count, "not a protobuf message") }
    loose.removeAll()
  }

  // MARK: - JSON in

  private mutating func lines(_ isEnd: Bool, _ out: inout Buffer<UInt8>) {
    var done = 0
    walk: while true {
      let view = unsafe ByteView(base: pending.view.base, count: pending.count)
      if start == nil {
        var at = view.skippingSpace(from: done)
        if view.has(("\u{FEFF}" as StaticString).view, at: at) { at = view.skippingSpace(from: at + 3) }
        done = at
        if at == view.count { break walk }
        start = at
        scanner = JSONScanner(at: at)
      }
      let from = start ?? done
      scan: while true {
        let token = scanner.next(in: view)
        switch token.kind {
        case .end:
          value(view, from..<scanner.position, &out)
          done = scanner.position
          start = nil
          break scan
        case .cutOff where !isEnd: break walk
        case .cutOff, .malformed, .tooDeep:
          // The rest of the line is lost with it.
          guard let end = lineEnd(view, from, min(max(token.start, from), view.count)) ?? (isEnd ? view.count : nil)
          else { break walk }
          done = end
          skip(from..<done, token.kind == .cutOff ? "JSON that is cut off" : "not JSON")
          start = nil
          break scan
        default: continue
        }
      }
    }
    let dropped = start ?? done
    if start != nil {
      scanner.rebase(by: dropped)
      start = 0
    }
    drop(dropped)
  }

  /// The end of the line on which the fault at `place` is, or of an earlier one behind which a value starts anew: a
  /// string that is cut off takes in what comes after it.
  private func lineEnd(_ view: ByteView, _ from: Int, _ place: Int) -> Int? {
    var at = from
    while let newline = view.firstIndex(of: 0x0A, from: at) {
      at = newline + 1
      if at > place || view.has(("{\"" as StaticString).view, at: at) { return at }
    }
    return nil
  }

  private mutating func value(_ view: ByteView, _ range: Range<Int>, _ out: inout Buffer<UInt8>) {
    wire.removeAll()
    var reader = JSONToProtobuf(view[0..<range.upperBound])
    var ends = Buffer<UInt64>()
    let found = reader.messages(at: range.lowerBound, into: &wire) { ends.append(UInt64($0.count)) }
    guard found else { return skip(range, "no OTLP traces") }
    var at = 0
    for i in 0..<ends.count {
      let message = unsafe ByteView(base: wire.view.base + at, count: Int(ends[i]) - at)
      if !put(message, &out) { skip(range, "too large or too deep") }
      at = Int(ends[i])
    }
  }
}
