import Bytes

/// Where bytes come from: appends up to `upTo` bytes (at least one) to the buffer; false, and nothing appended, at the
/// end. `ContainerReader.read` and `DelimitedZstdReader.read` have the same shape, so that sources stack.
public typealias ContainerSource = (_ into: inout Buffer<UInt8>, _ upTo: Int) throws(ContainerError) -> Bool

/// Input that was read but not used yet, and how far into the source that is.
struct SourceWindow: ~Copyable {
  private let source: ContainerSource
  private var bytes = Buffer<UInt8>(capacity: SourceWindow.chunk)
  private var at = 0
  private var dropped = 0
  private(set) var isEnded = false

  static let chunk = 1 << 16

  init(_ source: @escaping ContainerSource) { self.source = source }

  /// Bytes of the source before the first unused one.
  var offset: Int { dropped + at }
  var count: Int { bytes.count - at }
  var view: ByteView { bytes[at..<bytes.count] }

  mutating func use(_ n: Int) {
    precondition(n >= 0 && n <= count)
    at += n
  }

  /// Reads on until `n` bytes are at hand; false where the source ends before.
  mutating func need(_ n: Int) throws(ContainerError) -> Bool {
    while count < n, !isEnded {
      if at > 0 {
        bytes.shift(from: at, by: -at)
        dropped += at
        at = 0
      }
      do {
        isEnded = try !source(&bytes, max(Self.chunk, min(n - count, 1 << 20)))
      } catch {
        throw ContainerError(error.kind, at: dropped + bytes.count)
      }
    }
    return count >= n
  }
}

/// Takes the payload out of a gzip, zstd or lz4 container, piece by piece, in bounded memory. Any number of frames
/// (gzip members) follow each other, skippable frames among them.
///
/// A container is clean if nothing but frames is in it. Bytes after the last frame, a cut-off frame and damage throw,
/// with what was decoded before it in the buffer: the caller then archives the container's own bytes.
public struct ContainerReader: ~Copyable {
  public let kind: ContainerKind
  private var input: SourceWindow
  private let decoder: any ContainerDecoder
  private var isInFrame = false
  private var frames = 0
  /// The decoder filled all the room it was given and may hold more.
  private var mayHoldOutput = false

  /// zstd's own bound for streams: 128 MiB of window.
  public static let defaultWindowLog = 27

  public init(
    _ kind: ContainerKind, windowLog: Int = ContainerReader.defaultWindowLog, source: @escaping ContainerSource
  ) throws(ContainerError) {
    self.kind = kind
    input = SourceWindow(source)
    do {
      decoder = try kind.makeDecoder(windowLog: windowLog)
    } catch {
      throw ContainerError(error, at: 0)
    }
  }

  /// Bytes of the container that were taken so far.
  public var offset: Int { input.offset }

  /// Appends up to `limit` bytes of payload; false, and nothing appended, after the last.
  public mutating func read(into out: inout Buffer<UInt8>, upTo limit: Int) throws(ContainerError) -> Bool {
    let mark = out.count
    while out.count - mark < limit {
      if !isInFrame, !mayHoldOutput {
        guard try input.need(ContainerKind.magicWidth) else {
          if input.count > 0 || frames == 0 { throw ContainerError(.trailingBytes, at: input.offset) }
          break
        }
        guard ContainerKind.isMember(kind, input.view, 0) else {
          throw ContainerError(.trailingBytes, at: input.offset)
        }
        isInFrame = true
      }
      if !mayHoldOutput, try !input.need(1) { throw ContainerError(.truncated, at: input.offset) }
      try decodeSome(into: &out, upTo: min(limit - (out.count - mark), 1 << 20))
    }
    return out.count > mark
  }

  private mutating func decodeSome(into out: inout Buffer<UInt8>, upTo limit: Int) throws(ContainerError) {
    let mark = out.count
    let room = unsafe out.appendUninitialized(limit)
    do throws(ContainerError.Kind) {
      let step = unsafe try decoder.decode(input.view, into: room)
      out.truncate(to: mark + step.produced)
      input.use(step.consumed)
      // Every decoder takes what it is given into its own buffers; one that does nothing would do so for ever.
      guard step.isFrameEnd || step.consumed + step.produced > 0 || mayHoldOutput else {
        throw .corrupt("the decoder is stuck")
      }
      mayHoldOutput = !step.isFrameEnd && step.produced == limit
      if step.isFrameEnd {
        isInFrame = false
        frames += 1
      }
    } catch {
      out.truncate(to: mark)
      throw ContainerError(error, at: input.offset)
    }
  }
}
