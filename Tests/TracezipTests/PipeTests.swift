import Foundation
import Testing
import Tracezip

/// Pipes that hold little make one end wait for the other: two fifths of the time of restoring into one, on one
/// core.
@Suite struct PipeTests {
  @Test func `A pipe is widened to a megabyte where the system allows it, and a wider one is left alone`() throws {
    var ends: [Int32] = [0, 0]
    #expect(unsafe pipe(&ends) == 0)
    defer { for end in ends { close(end) } }
    let (set, get): (Int32, Int32) = (1031, 1032)  // F_SETPIPE_SZ, F_GETPIPE_SZ
    let before = fcntl(ends[0], get)
    let text = try String(contentsOfFile: "/proc/sys/fs/pipe-max-size", encoding: .utf8)
    let most = Int(text.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
    let isAllowed = most >= 1 << 20 || geteuid() == 0
    _ = ByteSource.descriptor(ends[0])
    #expect(fcntl(ends[0], get) == (isAllowed ? 1 << 20 : before))
    // Only root may ask for more than the system's limit, and perhaps not even that.
    if fcntl(ends[0], set, 1 << 21) >= 1 << 21 {
      _ = ByteSink.descriptor(ends[1])
      #expect(fcntl(ends[1], get) >= 1 << 21)
    }
  }

  @Test func `Widening what is no pipe, or is not open, does no harm`() throws {
    let descriptor = unsafe open("/dev/null", O_RDWR)
    defer { close(descriptor) }
    ByteSource.widenPipe(descriptor)
    ByteSource.widenPipe(-1)
    let archive = try TraceCompressor.compress(Array("text".utf8))
    try TraceDecompressor.decompress(from: .bytes(archive), to: .descriptor(descriptor))
  }
}
