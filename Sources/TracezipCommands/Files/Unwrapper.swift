import Bytes
import Glibc
import Tracezip

/// Takes the payload out of an input that is itself compressed.
///
/// A compressed file cannot be made again bit for bit from its payload, and its bytes do not compress: the archive holds
/// what is inside.
final class Unwrapper {
  /// What the input is wrapped in.
  enum Wrapping: Equatable {
    case container(ContainerKind)
    /// The collector's file exporter with `compression: zstd`: a length and a zstd frame for each message.
    case framedZstd

    /// So many bytes are enough to tell.
    static let width = 8

    static func recognise(_ head: [UInt8]) -> Wrapping? {
      unsafe head.withUnsafeBytes { head in
        let bytes = unsafe ByteView(head)
        if let kind = ContainerKind.recognise(bytes) { return .container(kind) }
        // A frame of less than 4 GiB, and at least a header long.
        guard bytes.count >= 8, bytes.load(UInt32.self, at: 4) == 0xFD2F_B528 else { return nil }
        return UInt32(bigEndian: UInt32(littleEndian: bytes.load(UInt32.self, at: 0))) >= 8 ? .framedZstd : nil
      }
    }

    var name: String {
      switch self {
      case .container(let kind): "\(kind.name) file"
      case .framedZstd: "frames of zstd"
      }
    }

    /// The name of what is inside.
    func payloadName(of name: String) -> String {
      guard case .container(let kind) = self,
        let suffix = kind.suffixes.first(where: { name.hasSuffix($0) && name.count > $0.count })
      else { return name }
      return String(name.dropLast(suffix.count))
    }
  }

  /// Why unwrapping ended early.
  private(set) var failure: ContainerError?
  private let read: (inout Buffer<UInt8>, Int) throws(ContainerError) -> Bool
  private var piece = Buffer<UInt8>(capacity: 1 << 18)
  private var given = 0
  private let input: InputFile

  init(_ wrapping: Wrapping, _ input: InputFile) throws(ContainerError) {
    self.input = input
    let bytes: ContainerSource = { (out, count) throws(ContainerError) in
      let mark = out.count
      let room = unsafe out.appendUninitialized(count)
      do throws(TracezipError) {
        let n = unsafe try input.fill(UnsafeMutableRawBufferPointer(room))
        out.truncate(to: mark + n)
        return n > 0
      } catch {
        out.truncate(to: mark)
        if case .io(_, let number) = error.kind { throw ContainerError(.source(errno: number), at: 0) }
        throw ContainerError(.source(errno: EIO), at: 0)
      }
    }
    switch wrapping {
    case .container(let kind):
      let box = Box(try ContainerReader(kind, source: bytes))
      read = { (out, limit) throws(ContainerError) in try box.reader.read(into: &out, upTo: limit) }
    case .framedZstd:
      let box = FramedBox(try DelimitedZstdReader(source: bytes))
      read = { (out, limit) throws(ContainerError) in try box.reader.read(into: &out, upTo: limit) }
    }
  }

  /// Readers cannot be copied into closures; a box can.
  private final class Box {
    var reader: ContainerReader
    init(_ reader: consuming ContainerReader) { self.reader = reader }
  }

  private final class FramedBox {
    var reader: DelimitedZstdReader
    init(_ reader: consuming DelimitedZstdReader) { self.reader = reader }
  }

  /// The payload. Its end may be a failure: see `failure`.
  var source: ByteSource {
    var source = unsafe ByteSource { (room) throws(TracezipError) in
      if self.given == self.piece.count, !self.refill() {
        if let failure = self.failure { throw TracezipError(.malformed(reason: Self.words(failure))) }
        return 0
      }
      let n = min(room.count, self.piece.count - self.given)
      let view = self.piece[self.given..<self.given + n]
      unsafe room.copyMemory(from: UnsafeRawBufferPointer(start: view.base, count: n))
      self.given += n
      return n
    }
    if input.status?.isRegular != true {
      source.isReady = { self.given < self.piece.count || self.input.isReady(within: $0) }
    }
    return source
  }

  private func refill() -> Bool {
    piece.removeAll()
    given = 0
    guard failure == nil else { return false }
    do throws(ContainerError) {
      return try read(&piece, 1 << 18)
    } catch {
      failure = error
      // What was decoded before the damage.
      return !piece.isEmpty
    }
  }

  /// Decodes everything, keeps nothing: whether the container is clean.
  func check() -> Bool {
    while refill() {}
    return failure == nil
  }

  static func words(_ error: ContainerError) -> String {
    let what =
      switch error.kind {
      case .truncated: "it is cut off"
      case .corrupt(let reason): reason
      case .trailingBytes: "other bytes follow"
      case .limitExceeded: "it needs too much memory"
      case .mixedEncodings: "messages differ in encoding"
      case .source(let number): SystemError.words(number)
      case .outOfMemory: "no memory"
      }
    return "\(what), at byte \(error.offset)"
  }
}
