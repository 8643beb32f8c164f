import Bytes
import CLZ4
import CZlib
import CZstd
import OTLP
import Testing
import Tracezip

/// One frame or member of each format, made by the format's own library.
private enum Packed {
  static func gzip(_ data: [UInt8]) -> [UInt8] {
    var stream = unsafe z_stream()
    unsafe deflateInit2_(
      &stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    var input = data
    var out = [UInt8](repeating: 0, count: data.count + data.count / 100 + 100)
    let room = out.count
    unsafe input.withUnsafeMutableBufferPointer { from in
      unsafe out.withUnsafeMutableBufferPointer { to in
        unsafe stream.next_in = from.baseAddress
        unsafe stream.avail_in = UInt32(from.count)
        unsafe stream.next_out = to.baseAddress
        unsafe stream.avail_out = UInt32(room)
        #expect(unsafe deflate(&stream, Z_FINISH) == Z_STREAM_END)
      }
    }
    let left = unsafe Int(stream.avail_out)
    unsafe deflateEnd(&stream)
    return Array(out[0..<room - left])
  }

  static func zstd(_ data: [UInt8]) -> [UInt8] {
    var out = [UInt8](repeating: 0, count: ZSTD_compressBound(data.count))
    let n = unsafe data.withUnsafeBytes { from in
      unsafe out.withUnsafeMutableBytes { to in
        unsafe ZSTD_compress(to.baseAddress, to.count, from.baseAddress, from.count, 3)
      }
    }
    return Array(out[0..<n])
  }

  static func lz4(_ data: [UInt8]) -> [UInt8] {
    var out = [UInt8](repeating: 0, count: LZ4F_compressFrameBound(data.count, nil))
    let n = unsafe data.withUnsafeBytes { from in
      unsafe out.withUnsafeMutableBytes { to in
        unsafe LZ4F_compressFrame(to.baseAddress, to.count, from.baseAddress, from.count, nil)
      }
    }
    return Array(out[0..<n])
  }

  static func frame(_ kind: ContainerKind, _ data: [UInt8]) -> [UInt8] {
    switch kind {
    case .gzip: gzip(data)
    case .zstd: zstd(data)
    case .lz4: lz4(data)
    }
  }

  static let skippable: [UInt8] = [0x5A, 0x2A, 0x4D, 0x18, 5, 0, 0, 0] + Array("hello".utf8)

  static func delimited(_ messages: [[UInt8]]) -> [UInt8] {
    messages.flatMap { m in
      let frame = zstd(m)
      return (0..<4).map { UInt8(truncatingIfNeeded: frame.count >> (24 - 8 * $0)) } + frame
    }
  }
}

/// A source that hands out a file in pieces of at most `step` bytes.
private func source(_ bytes: [UInt8], step: Int) -> ContainerSource {
  var at = 0
  return { (out: inout Buffer<UInt8>, limit: Int) throws(ContainerError) -> Bool in
    let n = min(step, limit, bytes.count - at)
    out.append(Array(bytes[at..<at + n]))
    at += n
    return n > 0
  }
}

/// Everything that comes out, and the error that ended it.
private func unpack(
  _ kind: ContainerKind, _ bytes: [UInt8], step: Int = .max, limit: Int = 1 << 16, windowLog: Int = 27
) -> (payload: [UInt8], error: ContainerError?) {
  var out = Buffer<UInt8>()
  do {
    var reader = try ContainerReader(kind, windowLog: windowLog, source: source(bytes, step: step))
    var before = 0
    while try reader.read(into: &out, upTo: limit) {
      #expect(out.count > before && out.count <= before + limit)
      before = out.count
    }
    #expect(out.count == before)
    #expect(reader.offset == bytes.count)
    return (out.array, nil)
  } catch {
    return (out.array, error)
  }
}

private func unpackDelimited(
  _ bytes: [UInt8], step: Int = .max, limit: Int = 1 << 16, messageLimit: Int = 1 << 31
) -> (payload: [UInt8], error: ContainerError?) {
  var out = Buffer<UInt8>()
  do {
    var reader = try DelimitedZstdReader(messageLimit: messageLimit, source: source(bytes, step: step))
    while try reader.read(into: &out, upTo: limit) {}
    return (out.array, nil)
  } catch {
    return (out.array, error)
  }
}

@Suite("A compressed input's payload comes out whole or not at all")
struct ContainerTests {
  static let sizes = [0, 1, 1000, 300_000]

  static func sample(_ size: Int) -> [UInt8] {
    var state: UInt32 = 12345
    return (0..<size).map { i in
      state = state &* 1_664_525 &+ 1_013_904_223
      return i % 100 < 70 ? UInt8(i % 100) : UInt8(state >> 24)
    }
  }

  @Test("one frame, whatever the size of pieces", arguments: ContainerKind.allCases)
  func single(kind: ContainerKind) {
    for size in Self.sizes {
      let data = Self.sample(size)
      let packed = Packed.frame(kind, data)
      #expect(packed.withView { ContainerKind.recognise($0) } == kind)
      for (step, limit) in [(Int.max, 1 << 20), (1, 1 << 16), (7, 100), (4096, 1), (Int.max, 333)]
      where size <= 1000 || limit > 100 && step > 1 {
        let result = unpack(kind, packed, step: step, limit: limit)
        #expect(result.payload == data && result.error == nil, "\(size) bytes, pieces of \(step) and \(limit)")
      }
    }
  }

  @Test("many frames or members, empty ones too", arguments: ContainerKind.allCases)
  func many(kind: ContainerKind) {
    let parts = [10, 0, 70_000, 1, 0].map(Self.sample)
    var packed = parts.flatMap { Packed.frame(kind, $0) }
    if kind != .gzip {
      packed = Packed.skippable + packed + Packed.skippable
      #expect(packed.withView { ContainerKind.recognise($0) } == kind)
    }
    for step in [1, 3, 5000, Int.max] {
      let result = unpack(kind, packed, step: step)
      #expect(result.payload == parts.flatMap { $0 } && result.error == nil)
    }
  }

  @Test("bytes after the container are told, with their offset", arguments: ContainerKind.allCases)
  func trailing(kind: ContainerKind) {
    let data = Self.sample(5000)
    let packed = Packed.frame(kind, data)
    for tail: [UInt8] in [[0], [0, 0, 0, 0], Array("garbage".utf8), [0x1F, 0x8B]] {
      for step in [1, Int.max] {
        let result = unpack(kind, packed + tail, step: step)
        #expect(result.payload == data)
        #expect(result.error == ContainerError(.trailingBytes, at: packed.count))
      }
    }
  }

  @Test("every truncation is an error", arguments: ContainerKind.allCases)
  func truncated(kind: ContainerKind) {
    let data = Self.sample(300)
    let packed = Packed.frame(kind, data)
    for n in 0..<packed.count {
      let result = unpack(kind, Array(packed[0..<n]))
      #expect(result.error != nil, "first \(n) bytes")
      #expect(data.starts(with: result.payload))
      if n >= 4 { #expect(result.error == ContainerError(.truncated, at: n)) }
    }
  }

  @Test("damage is an error or other bytes, never a trap or a loop", arguments: ContainerKind.allCases)
  func damaged(kind: ContainerKind) {
    let data = Self.sample(300)
    let packed = Packed.frame(kind, data) + Packed.frame(kind, data)
    var refused = 0
    for i in 0..<packed.count {
      for bit in [0, 3, 7] {
        var bad = packed
        bad[i] ^= 1 << UInt8(bit)
        if unpack(kind, bad, step: 50).error != nil { refused += 1 }
      }
    }
    // gzip checks its payload; the other two need not carry a checksum.
    #expect(refused > (kind == .gzip ? packed.count * 5 / 2 : packed.count / 4))
  }

  @Test("a frame that asks for more memory than allowed is refused")
  func window() {
    let packed = Packed.zstd(Self.sample(300_000))
    #expect(unpack(.zstd, packed, windowLog: 10).error == ContainerError(.limitExceeded(limit: 1024), at: 0))
  }

  @Test("other files are no containers")
  func recognise() {
    for bytes: [UInt8] in [
      [], [0x1F], [0x1F, 0x8B, 0x08], [0x28, 0xB5, 0x2F], [0x1F, 0x8B, 9, 0], Array("{\"a\":1}".utf8),
    ] {
      #expect(bytes.withView { ContainerKind.recognise($0) } == nil)
    }
    // Skippable frames belong to zstd and lz4 both.
    #expect(Packed.skippable.withView { ContainerKind.recognise($0) } == .zstd)
    #expect((Packed.skippable + Packed.lz4([1])).withView { ContainerKind.recognise($0) } == .lz4)
  }

  @Test("a source's own error comes through")
  func sourceError() {
    var reads = 0
    var out = Buffer<UInt8>()
    let packed = Packed.gzip(Self.sample(1000))
    #expect(throws: ContainerError(.source(errno: 5), at: 20)) {
      var reader = try ContainerReader(.gzip) { (into: inout Buffer<UInt8>, _: Int) throws(ContainerError) -> Bool in
        reads += 1
        if reads > 1 { throw ContainerError(.source(errno: 5), at: 0) }
        into.append(Array(packed[0..<20]))
        return true
      }
      while try reader.read(into: &out, upTo: 100) {}
    }
  }
}

@Suite("The collector's compressed framing becomes the plain one")
struct DelimitedZstdTests {
  static let messages = [40, 0, 200_000, 3].map { size in [0x0A] + ContainerTests.sample(size) }

  static func plain(_ messages: [[UInt8]]) -> [UInt8] {
    messages.flatMap { m in (0..<4).map { UInt8(truncatingIfNeeded: m.count >> (24 - 8 * $0)) } + m }
  }

  @Test("protobuf messages come out length-prefixed")
  func protobuf() {
    let packed = Packed.delimited(Self.messages)
    #expect(packed.withView { Recognition.recognise($0, isEnd: true).framing } == .lengthPrefixedZstd)
    for (step, limit) in [(1, 1 << 16), (Int.max, 1 << 20), (100, 7)] {
      let result = unpackDelimited(packed, step: step, limit: limit)
      #expect(result.payload == Self.plain(Self.messages) && result.error == nil)
    }
    #expect(unpackDelimited(Packed.delimited([[]])).payload == [0, 0, 0, 0])
    #expect(unpackDelimited([]).payload == [] && unpackDelimited([]).error == nil)
  }

  @Test("JSON messages come out as lines")
  func json() {
    let lines = ["{\"resourceSpans\":[]}", " {\"a\":1}"]
    let result = unpackDelimited(Packed.delimited(lines.map { Array($0.utf8) }), step: 9)
    #expect(result.payload == Array((lines.joined(separator: "\n") + "\n").utf8) && result.error == nil)
  }

  @Test("what cannot be restored that way is an error with its place")
  func errors() {
    let first = Packed.delimited([Self.messages[0]])
    let second = Packed.delimited([Self.messages[2]])
    let json = Packed.delimited([Array("{}".utf8)])
    #expect(unpackDelimited(first + json).error == ContainerError(.mixedEncodings, at: first.count))
    #expect(
      unpackDelimited(first + second, messageLimit: 100_000).error
        == ContainerError(.limitExceeded(limit: 100_000), at: first.count))
    for n in 1..<first.count {
      #expect(unpackDelimited(second + first[0..<n]).error?.kind == .truncated)
    }
    // The declared length ends before or after the frame.
    var long = first
    long[3] += 1
    #expect(unpackDelimited(long + [0]).error == ContainerError(.trailingBytes, at: first.count))
    var short = first
    short[3] -= 1
    #expect(unpackDelimited(short).error == ContainerError(.truncated, at: first.count - 1))
    #expect(unpackDelimited([0, 0, 0, 0]).error == ContainerError(.truncated, at: 4))
    #expect(unpackDelimited([0, 0, 0, 4, 1, 2, 3, 4]).error?.offset == 4)
  }

  @Test("damage never traps")
  func damaged() {
    let packed = Packed.delimited([Self.messages[0], Self.messages[3]])
    for i in 0..<packed.count {
      for bit in 0..<8 {
        var bad = packed
        bad[i] ^= 1 << UInt8(bit)
        _ = unpackDelimited(bad, step: 13)
      }
    }
  }
}
