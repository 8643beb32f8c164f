import Bytes
import OTLP

/// A sink that converts what is restored into it before it goes on to another: `TraceDecompressor.decompress(to:)` with
/// `input`, then `finish()`, and an archive has become OTLP/JSON lines or length-prefixed protobuf.
///
/// How the capture is framed is told from its first bytes, as when it was archived.
public final class ConvertingSink {
  private let target: OTLPConverter.Target
  private let sink: ByteSink
  private var converter: OTLPConverter?
  /// The first bytes, until there are enough to tell the framing.
  private var head: [UInt8] = []

  public init(to target: OTLPConverter.Target, sink: ByteSink) {
    self.target = target
    self.sink = sink
  }

  /// Where the restored bytes go.
  public var input: ByteSink {
    unsafe ByteSink { [self] (piece) throws(TracezipError) in try take(unsafe Array(piece)) }
  }

  /// Messages written, and what was left out: how often, and the first cases.
  public var messages: Int { converter?.messages ?? 0 }
  public var skippedCount: Int { converter?.skippedCount ?? 0 }
  public var skipped: [OTLPConverter.Skipped] { converter?.skipped ?? [] }

  /// To be called when everything is restored.
  public func finish() throws(TracezipError) {
    var out: [UInt8] = []
    if converter == nil { begin(isEnd: true, &out) }
    converter?.finish(into: &out)
    try put(out)
  }

  private func take(_ piece: [UInt8]) throws(TracezipError) {
    var out: [UInt8] = []
    if converter == nil {
      head += piece
      if head.count < Recognition.window { return }
      begin(isEnd: false, &out)
    } else {
      converter?.convert(piece, into: &out)
    }
    try put(out)
  }

  private func begin(isEnd: Bool, _ out: inout [UInt8]) {
    let found = head.withView { bytes -> Framing in
      Recognition.recognise(bytes[0..<min(bytes.count, Recognition.window)], isEnd: isEnd).framing
    }
    let framing: BlockFraming =
      switch found {
      case .bare: .bare
      case .lengthPrefixed: .lengthPrefixed
      case .varintDelimited: .varintDelimited
      case .newlineJoined: .newlineJoined
      case .jsonLines, .jsonDocument: .json
      case .unknown, .lengthPrefixedZstd: .unknown
      }
    converter = OTLPConverter(from: framing, to: target)
    converter?.convert(head, into: &out)
    head = []
  }

  private func put(_ bytes: [UInt8]) throws(TracezipError) {
    var buffer = Buffer<UInt8>(capacity: bytes.count)
    buffer.append(bytes)
    try sink.put(buffer.view)
  }
}
