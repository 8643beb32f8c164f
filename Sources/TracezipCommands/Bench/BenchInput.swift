import Bytes
import OTLP
import Tracezip
import Workload

/// What is measured: a capture, and its spans.
struct BenchInput {
  let name: String
  /// The capture as it is, or its front.
  let bytes: [UInt8]
  let isFront: Bool
  let cuts: SpanCuts

  private init(name: String, bytes: [UInt8], isFront: Bool, protobuf: [UInt8]) {
    self.name = name
    self.bytes = bytes
    self.isFront = isFront
    cuts = SpanCuts(protobuf)
  }

  /// The workload of `seed`, as the collector's file exporter would have written it.
  static func generated(spans: Int, seed: UInt64) -> BenchInput {
    let options = WorkloadOptions(seed: seed)
    let bytes = makeCapture(
      options, format: .lengthPrefixed, batches: max(1, (spans + options.batchSpans - 1) / options.batchSpans))
    return BenchInput(name: "generated workload, seed \(seed)", bytes: bytes, isFront: false, protobuf: bytes)
  }

  /// The front of a capture in any format that can be archived, also inside of an archive or a compressed file.
  static func file(_ file: InputFile, limit: Int, settings: Settings) throws(CommandError) -> BenchInput {
    let front = Front(limit: limit)
    let isArchive = try file.isArchive()
    let wrapping = isArchive || !settings.unwraps ? nil : Unwrapper.Wrapping.recognise(try file.peek(8))
    var source = file.source
    if let wrapping {
      do {
        source = try Unwrapper(wrapping, file).source
      } catch {
        throw CommandError(file.name, Unwrapper.words(error), advice: "--no-unwrap takes it as it is")
      }
    }
    try telling(input: file.name, output: "") { () throws(TracezipError) in
      do throws(TracezipError) {
        if isArchive {
          try TraceDecompressor.decompress(from: source, to: front.sink, config: settings.config)
        } else {
          try source.copy(to: front.sink)
        }
      } catch  where front.isFull {
        // As much as was asked for.
      }
    }
    let bytes = front.isFull ? front.wholeMessages : front.bytes
    var protobuf: [UInt8] = []
    try telling(input: file.name, output: "") { () throws(TracezipError) in
      let converting = ConvertingSink(to: .protobuf, sink: unsafe ByteSink { unsafe protobuf.append(contentsOf: $0) })
      try ByteSource.bytes(bytes).copy(to: converting.input)
      try converting.finish()
    }
    return BenchInput(name: file.name, bytes: bytes, isFront: front.isFull, protobuf: protobuf)
  }
}

/// Takes in so many bytes and then stops who gives them.
private final class Front {
  private let limit: Int
  private(set) var bytes: [UInt8] = []
  private(set) var isFull = false

  init(limit: Int) { self.limit = limit }

  var sink: ByteSink {
    unsafe ByteSink { (piece) throws(TracezipError) in
      let room = self.limit - self.bytes.count
      unsafe self.bytes.append(contentsOf: piece.prefix(room))
      if piece.count > room {
        self.isFull = true
        throw TracezipError(.cancelled)
      }
    }
  }

  /// Without the beginning of a message at the end, unless that is all.
  var wholeMessages: [UInt8] {
    bytes.withView { view in
      let framing = Recognition.recognise(view[0..<min(view.count, Recognition.window)], isEnd: false).framing
      var cursor = FrameCursor(framing)
      var end = 0
      while case .frame(let frame) = cursor.next(in: view, isEnd: false) { end = frame.end }
      return end == 0 ? bytes : view[0..<end].array
    }
  }
}
