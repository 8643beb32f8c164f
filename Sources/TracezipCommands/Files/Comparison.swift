import Tracezip

/// A sink that compares what is restored with its original as the bytes come.
final class Comparison {
  /// Where the two part.
  struct Difference {
    var offset: Int
    var reason: String

    func words(_ original: String) -> String { "differs from \(original) at byte \(Text.grouped(offset)): \(reason)" }
  }

  private let original: ByteSource
  private var offset = 0
  private(set) var difference: Difference?
  /// Why the original could not be read on.
  private(set) var failure: TracezipError?

  init(with original: ByteSource) { self.original = original }

  var hasFailed: Bool { difference != nil || failure != nil }

  var sink: ByteSink {
    unsafe ByteSink { (piece) throws(TracezipError) in
      var at = 0
      while at < piece.count, !self.hasFailed {
        let expected = try self.next(upTo: min(1 << 18, piece.count - at))
        if expected.isEmpty {
          self.difference = Difference(offset: self.offset, reason: "the original ends")
        } else if unsafe !expected.elementsEqual(piece[at..<at + expected.count]) {
          let same = unsafe zip(expected, piece[at...]).prefix { $0 == $1 }.count
          self.difference = Difference(offset: self.offset + same, reason: "the bytes differ")
        }
        at += expected.count
        self.offset += expected.count
      }
      if self.hasFailed { throw TracezipError(.cancelled) }
    }
  }

  /// Everything restored has come.
  func finish() throws(TracezipError) {
    if !hasFailed, try !next(upTo: 1).isEmpty {
      difference = Difference(offset: offset, reason: "the original goes on")
    }
  }

  private func next(upTo count: Int) throws(TracezipError) -> [UInt8] {
    do throws(TracezipError) {
      return try original.next(upTo: count)
    } catch {
      failure = error
      throw error
    }
  }
}
