import Bytes
import Columns
import Testing

@Suite("Short runs by the slow model")
struct RunModelTests {
  static let seed = UInt64.random(in: 0...UInt64.max)

  /// Names and structure, as skeleton deltas have them, or bytes of any kind.
  private func run(_ random: inout TextRandom, _ names: [[UInt8]]) -> [UInt8] {
    var bytes: [UInt8] = []
    let isNoise = random.below(5) == 0
    for _ in 0..<random.below(120) {
      if isNoise {
        bytes.append(UInt8(truncatingIfNeeded: random.next()))
      } else {
        let name = random.pick(names)
        bytes += [UInt8(random.below(4)), UInt8(random.below(40)), UInt8(name.count)] + name
      }
    }
    return bytes
  }

  @Test("Runs come back, one after the other, as the skeletons of a segment's blocks do")
  func roundTrip() {
    print("seed", Self.seed)
    var random = TextRandom(state: Self.seed)
    for _ in 0..<20 {
      let names = (0..<12).map { _ in random.text(base62, 1 + random.below(40)) }
      var writer = RunModel()
      var reader = RunModel()
      for _ in 0..<12 {
        let bytes = run(&random, names)
        var coded = Buffer<UInt8>()
        bytes.withView { writer.encode($0, into: &coded) }
        var back = Buffer<UInt8>()
        let isRead = reader.decode(coded.view, limit: bytes.count, into: &back)
        #expect(isRead && back.array == bytes)
      }
    }
  }

  @Test("What has been met costs little when it comes again: later blocks of a small stream stay small")
  func learns() {
    var random = TextRandom(state: 5)
    var bytes: [UInt8] = []
    for _ in 0..<30 { bytes += [9, 24] + random.text(base62, 24) }
    var model = RunModel()
    var coded = Buffer<UInt8>()
    bytes.withView { model.encode($0, into: &coded) }
    let first = coded.count
    bytes.withView { model.encode($0, into: &coded) }
    #expect(first < bytes.count && coded.count - first < first / 8, "\(first), then \(coded.count - first)")
  }

  @Test("Damage gives other bytes or an error, never more bytes than allowed")
  func damage() {
    print("seed", Self.seed)
    var random = TextRandom(state: Self.seed &+ 1)
    let names = (0..<12).map { _ in random.text(base62, 20) }
    for _ in 0..<60 {
      let bytes = run(&random, names)
      var coded = Buffer<UInt8>()
      var writer = RunModel()
      bytes.withView { writer.encode($0, into: &coded) }
      var bad = coded.array
      if random.below(3) == 0 {
        bad.removeLast(random.below(bad.count) + 1)
      } else {
        bad[random.below(bad.count)] ^= UInt8(1 << random.below(8))
      }
      var back = Buffer<UInt8>()
      var reader = RunModel()
      let isRead = bad.withView { reader.decode($0, limit: bytes.count, into: &back) }
      #expect(back.count <= bytes.count)
      if bad.isEmpty { #expect(!isRead) }
    }
    // A size past the bound is refused before anything is made.
    var back = Buffer<UInt8>()
    var reader = RunModel()
    let huge: [UInt8] = [0xFF, 0xFF, 0xFF, 0x7F, 1, 2, 3]
    let isRead = huge.withView { reader.decode($0, limit: 1 << 30, into: &back) }
    #expect(!isRead && back.count == 0)
  }
}
