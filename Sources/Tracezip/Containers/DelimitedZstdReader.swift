import Bytes
import OTLP

/// Takes the collector's compressed framing apart: repeat u32 big-endian length, one zstd frame that holds one message
/// (collector-contrib, exporter/fileexporter, `compression: zstd`). What comes out is the same framing without
/// compression, or one line per message where the messages are JSON.
///
/// One message is held at a time, and grows only as the frame yields it.
public struct DelimitedZstdReader: ~Copyable {
  private var input: SourceWindow
  private let decoder: ZstdDecoder
  private let messageLimit: Int
  private var message = Buffer<UInt8>()
  /// Bytes of `message` that were given out.
  private var given = 0
  /// Told by the first message; the others must be like it.
  public private(set) var isJSON: Bool?
  public private(set) var messages = 0

  /// Protobuf's own bound for a message.
  public static let defaultMessageLimit = 1 << 31

  public init(
    messageLimit: Int = DelimitedZstdReader.defaultMessageLimit,
    windowLog: Int = ContainerReader.defaultWindowLog, source: @escaping ContainerSource
  ) throws(ContainerError) {
    self.messageLimit = messageLimit
    input = SourceWindow(source)
    do {
      decoder = try ZstdDecoder(windowLog: windowLog)
    } catch {
      throw ContainerError(error, at: 0)
    }
  }

  /// Bytes of the container that were taken so far.
  public var offset: Int { input.offset }

  /// Appends up to `limit` bytes; false, and nothing appended, after the last.
  public mutating func read(into out: inout Buffer<UInt8>, upTo limit: Int) throws(ContainerError) -> Bool {
    let mark = out.count
    while out.count - mark < limit {
      if given == message.count, try !nextMessage() { break }
      let n = min(message.count - given, limit - (out.count - mark))
      out.append(message[given..<given + n])
      given += n
    }
    return out.count > mark
  }

  /// Decodes the next message with the framing it gets; false at a clean end.
  private mutating func nextMessage() throws(ContainerError) -> Bool {
    message.removeAll()
    given = 0
    guard try input.need(4) else {
      if input.count > 0 { throw ContainerError(.truncated, at: input.offset) }
      return false
    }
    let start = input.offset
    var left = Int(UInt32(bigEndian: UInt32(littleEndian: input.view.load(UInt32.self, at: 0))))
    input.use(4)
    message.append(repeating: 0, count: 4)
    decoder.reset()
    var isWhole = false
    var mayHoldOutput = false
    while !isWhole {
      if !mayHoldOutput, left == 0 { throw ContainerError(.truncated, at: input.offset) }
      if !mayHoldOutput, try !input.need(1) { throw ContainerError(.truncated, at: input.offset) }
      let step = try decode(min(left, input.count))
      guard step.isFrameEnd || step.consumed + step.produced > 0 || mayHoldOutput else {
        throw ContainerError(.corrupt("the decoder is stuck"), at: input.offset)
      }
      left -= step.consumed
      isWhole = step.isFrameEnd
      mayHoldOutput = !isWhole && step.produced == Self.piece
      guard message.count - 4 <= messageLimit else {
        throw ContainerError(.limitExceeded(limit: messageLimit), at: start)
      }
    }
    guard left == 0 else { throw ContainerError(.trailingBytes, at: input.offset) }
    try frame(startingAt: start)
    messages += 1
    return true
  }

  private static let piece = 1 << 16

  private mutating func decode(_ offered: Int) throws(ContainerError) -> DecodeStep {
    let mark = message.count
    let room = unsafe message.appendUninitialized(Self.piece)
    do {
      let step = unsafe try decoder.decode(input.view[0..<offered], into: room)
      message.truncate(to: mark + step.produced)
      input.use(step.consumed)
      return step
    } catch {
      throw ContainerError(error, at: input.offset)
    }
  }

  /// Puts the length before the message, or a newline behind it.
  private mutating func frame(startingAt start: Int) throws(ContainerError) {
    let count = message.count - 4
    let first = message[4..<message.count].skippingSpace(from: 0)
    let json = first < count && (message[4 + first] == UInt8(ascii: "{") || message[4 + first] == UInt8(ascii: "["))
    // An empty message says nothing about the others.
    if count > 0 {
      guard isJSON == nil || isJSON == json else { throw ContainerError(.mixedEncodings, at: start) }
      isJSON = json
    }
    if json {
      given = 4
      message.append(UInt8(ascii: "\n"))
    } else {
      let length = UInt32(count)
      for i in 0..<4 { message[i] = UInt8(truncatingIfNeeded: length >> UInt32(24 - 8 * i)) }
    }
  }
}
