import Bytes
import Columns
import Testing

/// Every value of a block passes the two range coders and the bit stream: where they are not exact, a capture is lost.
@Suite("what coders write they read")
struct RangeCoderTests {
  private enum Value: Equatable {
    case bit(Bool)
    case nibble(Int, beside: Bool)
    case number(UInt64)
    case signed(Int64)
    case raw(UInt64, Int)
  }

  /// Values of all sizes, the extremes among them; some models see much the same all the time, others anything.
  private static func someValues(_ count: Int, _ state: inout UInt64) -> [Value] {
    func next() -> UInt64 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return state
    }
    let extremes: [Int64] = [.min, .min + 1, .max, 0, 1, -1, 7, -7, 8, -8, 1 << 62, -(1 << 62)]
    return (0..<count).map { _ in
      let size = next() & 63
      switch next() % 12 {
      case 0...2: return .bit(next() % 100 == 0)
      case 3...5: return .nibble(Int(next() % 16), beside: next() & 1 == 0)
      case 6: return .nibble(3, beside: next() & 1 == 0)
      case 7: return .number(next() >> size)
      case 8: return .number(.max)
      case 9: return .signed(Int64(bitPattern: next()) >> Int64(size))
      case 10: return .signed(extremes[Int(next() % UInt64(extremes.count))])
      default: return .raw(next() & (size == 0 ? 0 : .max >> (64 - size)), Int(size))
      }
    }
  }

  private struct Coding: ~Copyable {
    private var models = Models()
    private let base: Int

    init() { base = models.allocate(8 + 2 * ModelSize.nibble + ModelSize.number + ModelSize.signed) }

    mutating func code<C: BitCoder & ~Copyable>(_ value: Value, _ c: inout C) -> Value {
      let numbers = base + 8 + 2 * ModelSize.nibble
      switch value {
      case .bit(let bit): return .bit(c.codeBit(!C.decodes && bit, &models, base))
      case .nibble(let symbol, let beside):
        let at = base + 8 + (beside ? ModelSize.nibble : 0)
        return .nibble(c.codeNibble(C.decodes ? 0 : symbol, &models, at, beside: beside), beside: beside)
      case .number(let number): return .number(c.codeNumber(C.decodes ? 0 : number, &models, numbers))
      case .signed(let number):
        return .signed(c.codeSigned(C.decodes ? 0 : number, &models, numbers + ModelSize.number))
      case .raw(let bits, let count): return .raw(c.codeRaw(C.decodes ? 0 : bits, count: count), count)
      }
    }
  }

  @Test("short streams and long ones, whatever stands at their ends", arguments: 1...4)
  func bothWays(seed: UInt64) {
    print("range coder seed \(seed)")
    var state = seed &* 0x9E37_79B9_7F4A_7C15
    var coder = RangeEncoder()
    for count in Array(0...64) + [1000, 20_000] {
      let values = Self.someValues(count, &state)
      coder.start()
      var encoding = Coding()
      for value in values { _ = encoding.code(value, &coder) }
      coder.finish()
      var decoder = RangeDecoder(coded: coder.coded, rest: coder.rest)
      var decoding = Coding()
      var wrong: Int?
      for (i, value) in values.enumerated() where decoding.code(value, &decoder) != value && wrong == nil { wrong = i }
      let hasFailed = decoder.failed
      #expect(wrong == nil && !hasFailed, "\(count) values of seed \(seed)")
    }
  }

  @Test("bits that are not there are missed", arguments: 1...2)
  func truncated(seed: UInt64) {
    print("range coder seed \(seed)")
    var state = seed &* 0xD6E8_FEB8_6659_FD93
    let values = Self.someValues(3000, &state)
    var coder = RangeEncoder()
    var encoding = Coding()
    for value in values { _ = encoding.code(value, &coder) }
    coder.finish()
    for rest in [0, coder.rest.count / 2] {
      var decoder = RangeDecoder(coded: coder.coded, rest: coder.rest[0..<rest])
      var decoding = Coding()
      for value in values { _ = decoding.code(value, &decoder) }
      let hasFailed = decoder.failed
      #expect(hasFailed, "\(rest) of \(coder.rest.count) bytes")
    }
  }

  /// All ones lie above every symbol's interval; noise gets there after a while.
  @Test("damaged bytes give some symbol of those there are, and no crash", arguments: 0...3)
  func damaged(seed: UInt64) {
    print("range coder seed \(seed)")
    var state = seed &* 0xD6E8_FEB8_6659_FD93
    var bytes = Buffer<UInt8>()
    for _ in 0..<4096 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      bytes.append(seed == 0 ? 0xFF : UInt8(truncatingIfNeeded: state >> 56))
    }
    var decoder = RangeDecoder(coded: bytes.view, rest: bytes.view)
    var models = Models()
    let base = models.allocate(2 * ModelSize.nibble)
    var highest = 0
    for i in 0..<20_000 {
      highest = max(highest, decoder.codeNibble(0, &models, base + i % 2 * ModelSize.nibble, beside: i % 2 == 1))
    }
    #expect(highest < 16)
  }
}
