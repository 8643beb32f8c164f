import Bytes
import Testing

import Columns

/// `ThreadLocalRandom.nextLong` from its documentation and the JDK's description: seed += step; mix64(seed).
private final class JavaProcess {
  private var seeds: [Int: UInt64] = [:]
  private var seeder: UInt64
  private let perThread: Bool

  init(seeder: UInt64, perThread: Bool) {
    self.seeder = seeder
    self.perThread = perThread
  }

  func next(_ thread: Int) -> UInt64 {
    func mix64(_ x: UInt64) -> UInt64 {
      var z = x
      z = (z ^ (z >> 33)) &* 0xff51_afd7_ed55_8ccd
      z = (z ^ (z >> 33)) &* 0xc4ce_b9fe_1a85_ec53
      return z ^ (z >> 33)
    }
    if seeds[thread] == nil {
      seeds[thread] = mix64(seeder)
      seeder &+= 0xbb67_ae85_84ca_a73b
    }
    seeds[thread]! &+= 0x9e37_79b9_7f4a_7c15 &+ (perThread ? UInt64(2 * (thread + 21)) : 0)
    return mix64(seeds[thread]!)
  }

  /// The SDK draws a root's span id, then its trace id.
  func root(_ thread: Int) -> (span: UInt64, high: UInt64, low: UInt64) {
    let span = next(thread)
    return (span, next(thread), next(thread))
  }
}

/// V8's `Math.random` from its published description: xorshift128+, 64 draws made at once and handed out backwards.
private final class V8Process {
  private var s0: UInt64
  private var s1: UInt64
  private var cache: [UInt64] = []

  init(_ s0: UInt64, _ s1: UInt64) {
    self.s0 = s0
    self.s1 = s1
  }

  func draw(_ bits: UInt64) -> UInt64 {
    if cache.isEmpty {
      for _ in 0..<64 {
        var t = s0
        let s = s1
        s0 = s
        t ^= t << 23
        t ^= t >> 17
        t ^= s
        t ^= s >> 26
        s1 = t
        cache.append(s0)
      }
    }
    return cache.removeLast() >> (64 - bits)
  }

  func id(_ bits: UInt64) -> UInt64 {
    var id: UInt64 = 0
    for _ in 0..<(64 / bits) { id = id << bits | draw(bits) }
    return id
  }

  func root(_ bits: UInt64) -> (span: UInt64, high: UInt64, low: UInt64) {
    let span = id(bits)
    return (span, id(bits), id(bits))
  }
}

/// xoshiro256** as its authors publish it, a state for each thread, bytes little-endian.
private final class DotnetProcess {
  private var states: [[UInt64]] = []
  private var seeds: SplitMix

  init(seed: UInt64) { seeds = SplitMix(seed) }

  func next(_ thread: Int) -> UInt64 {
    while states.count <= thread { states.append([seeds.next(), seeds.next(), seeds.next(), seeds.next()]) }
    var s = states[thread]
    func rotl(_ x: UInt64, _ k: UInt64) -> UInt64 { (x << k) | (x >> (64 - k)) }
    let result = rotl(s[1] &* 5, 7) &* 9
    let t = s[1] << 17
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= t
    s[3] = rotl(s[3], 45)
    states[thread] = s
    return result.byteSwapped
  }

  /// A root draws its trace id first.
  func root(_ thread: Int) -> (span: UInt64, high: UInt64, low: UInt64) {
    let high = next(thread)
    let low = next(thread)
    return (next(thread), high, low)
  }
}

/// The additive generator of Go's math/rand, x[n] = x[n-607] + x[n-273], from any state.
private final class GoProcess {
  private var x: [UInt64]
  private var at = 0
  private var word: UInt64 = 0
  private var bytesLeft = 0

  init(seed: UInt64) {
    var random = SplitMix(seed)
    x = (0..<607).map { _ in random.next() }
  }

  func int63() -> UInt64 {
    x[at] = x[at] &+ x[(at + 607 - 273) % 607]
    defer { at = (at + 1) % 607 }
    return x[at] & .max >> 1
  }

  /// `Read` hands out the low seven bytes of each word.
  func id() -> UInt64 {
    var id: UInt64 = 0
    for _ in 0..<8 {
      if bytesLeft == 0 {
        word = int63()
        bytesLeft = 7
      }
      id = id << 8 | word & 255
      word >>= 8
      bytesLeft -= 1
    }
    return id
  }

  /// The SDK draws a root's trace id first.
  func root() -> (span: UInt64, high: UInt64, low: UInt64) {
    let high = id()
    let low = id()
    return (id(), high, low)
  }
}

/// MT19937 (Matsumoto and Nishimura 1998) as CPython's `random` uses it: `getrandbits` puts the first output lowest.
private final class PythonProcess {
  private var x: [UInt32]
  private var at = 624

  init(seed: UInt32) {
    x = [seed]
    for i in 1..<624 as Range<UInt32> { x.append(1_812_433_253 &* (x[Int(i) - 1] ^ x[Int(i) - 1] >> 30) &+ i) }
  }

  func output() -> UInt64 {
    if at == 624 {
      for i in 0..<624 {
        let y = x[i] & 0x8000_0000 | x[(i + 1) % 624] & 0x7FFF_FFFF
        x[i] = x[(i + 397) % 624] ^ y >> 1 ^ (y & 1 == 0 ? 0 : 0x9908_B0DF)
      }
      at = 0
    }
    var y = x[at]
    at += 1
    y ^= y >> 11
    y ^= y << 7 & 0x9D2C_5680
    y ^= y << 15 & 0xEFC6_0000
    return UInt64(y ^ y >> 18)
  }

  func id() -> UInt64 {
    let low = output()
    return output() << 32 | low
  }

  /// The SDK draws a root's trace id first, 128 bits at once.
  func root() -> (span: UInt64, high: UInt64, low: UInt64) {
    let low = id()
    let high = id()
    return (id(), high, low)
  }
}

/// What the codec made of some ids, after a round trip.
private struct Outcome {
  var bytes: Int
  var ids: Int
  var report: IdReport?
  var perId: Double { Double(bytes) / Double(ids) }
}

private func roundTrip(
  _ context: IdContext, _ values: IdValues, _ effort: IdEffort, languages: [IdLanguage] = [], blocks: Int = 1
) throws -> Outcome {
  let packed = PackedIds(context, values, effort, languages: languages, blocks: blocks)
  #expect(try packed.decoded(context, values) == values)
  return Outcome(bytes: packed.bytes, ids: context.count, report: packed.report)
}

@Suite("Ids are stored below their size")
struct IdCodecTests {
  @Test(
    "Java spans cost at most half a byte an id, 16 threads interleaved, a tenth lost, in end order",
    arguments: [false, true])
  func java(perThread: Bool) throws {
    let java = JavaProcess(seeder: 0x1234_5678_9ABC_DEF0, perThread: perThread)
    let process = SimulatedProcess(requests: 1500, threads: 16, seed: 5, root: java.root, child: java.next)
    let (context, values) = process.captured(lost: 10, seed: 6)
    let outcome = try roundTrip(context, values, .javaAndNode)
    #expect(outcome.perId <= 0.5, "\(outcome)")
  }

  @Test("Java's virtual threads, one a request, cost at most half a byte an id")
  func virtualThreads() throws {
    let java = JavaProcess(seeder: 0xFEDC_BA98, perThread: true)
    var thread = 100
    var current: [Int: Int] = [:]
    let process = SimulatedProcess(
      requests: 1500, threads: 16, seed: 7,
      root: { carrier in
        thread += 1
        current[carrier] = thread
        return java.root(thread)
      }, child: { java.next(current[$0]!) })
    let (context, values) = process.captured(lost: 10, seed: 8)
    let outcome = try roundTrip(context, values, .javaAndNode)
    #expect(outcome.perId <= 0.5, "\(outcome)")
  }

  @Test("Node spans cost at most 0.3 bytes an id, requests interleaved, a tenth lost, in end order")
  func node() throws {
    let v8 = V8Process(0x0123_4567_89AB_CDEF, 0x9876_5432_10FE_DCBA)
    let process = SimulatedProcess(
      requests: 1500, threads: 16, seed: 9, root: { _ in v8.root(32) }, child: { _ in v8.id(32) })
    let (context, values) = process.captured(lost: 10, seed: 10)
    let outcome = try roundTrip(context, values, .javaAndNode)
    #expect(outcome.perId <= 0.3, "\(outcome)")
  }

  @Test("A Node process that draws numbers of its own, and restarts, is still predicted")
  func nodeDisturbed() throws {
    var v8 = V8Process(3, 5)
    var random = SplitMix(11)
    var count = 0
    let process = SimulatedProcess(
      requests: 1200, threads: 4, seed: 12,
      root: { _ in
        count += 1
        if count == 700 { v8 = V8Process(0xABCD_EF01_2345_6789, 77) }
        return v8.root(32)
      },
      child: { _ in
        for _ in 0..<random.below(3) { _ = v8.draw(32) }
        return v8.id(32)
      })
    let (context, values) = process.captured(lost: 10, seed: 13)
    let outcome = try roundTrip(context, values, .javaAndNode)
    #expect(outcome.perId <= 0.6, "\(outcome)")
  }

  @Test(
    "A Node process without roots, whose every two ids have its own draws between them, is predicted",
    arguments: [1..<3, 3..<9])
  func nodeWithoutRoots(ownDraws: Range<Int>) throws {
    let v8 = V8Process(7, 9)
    var random = SplitMix(47)
    var context = IdContext()
    var values = IdValues()
    for span in 0..<3000 as Range<UInt32> {
      for _ in 0..<ownDraws.lowerBound + random.below(ownDraws.count) { _ = v8.draw(32) }
      context.append(process: 0, start: 1000 * UInt64(span + 1), name: span % 3, kind: .span, span: span, parent: -1)
      values.low.append(v8.id(32))
      values.high.append(0)
    }
    let languages: [IdLanguage] = [.nodejs]
    let outcome = try roundTrip(context, values, .javaAndNode, languages: languages)
    #expect(outcome.perId <= 0.6, "\(outcome)")
  }

  @Test(
    "Go spans cost at most 0.3 bytes an id, 16 goroutines interleaved, a tenth lost, in end order",
    arguments: [IdLanguage.go, .unknown])
  func goBytes(language: IdLanguage) throws {
    let go = GoProcess(seed: 100)
    let process = SimulatedProcess(
      requests: 5000, threads: 16, seed: 101, root: { _ in go.root() }, child: { _ in go.id() })
    let (context, values) = process.captured(lost: 10, seed: 102)
    let languages: [IdLanguage] = [language]
    let outcome = try roundTrip(context, values, .default, languages: languages)
    #expect(outcome.perId <= 0.3, "\(outcome)")
  }

  @Test("Go tracers that draw 63-bit words, a root's span id ending its trace id, cost at most 0.3 bytes an id")
  func goWords() throws {
    let go = GoProcess(seed: 103)
    let process = SimulatedProcess(
      requests: 5000, threads: 16, seed: 104,
      root: { _ in
        let id = go.int63()
        return (id, 0, id)
      }, child: { _ in go.int63() })
    let (context, values) = process.captured(lost: 10, seed: 105)
    let outcome = try roundTrip(context, values, .default)
    #expect(outcome.perId <= 0.3, "\(outcome)")
  }

  @Test(
    "Of a capture with many Go services one takes all the effort, and the others' ids stay at full size",
    arguments: [false, true])
  func goServices(bytes: Bool) throws {
    var context = IdContext()
    var values = IdValues()
    for service: UInt64 in 0..<6 {
      let go = GoProcess(seed: 200 + service)
      // The application draws, too.
      var random = SplitMix(300 + service)
      func drawn() -> GoProcess {
        if random.below(20) == 0 { _ = bytes ? go.id() : go.int63() }
        return go
      }
      let process = SimulatedProcess(
        requests: 1000, threads: 8, seed: 400 + service,
        root: { _ in
          if bytes { return drawn().root() }
          let id = drawn().int63()
          return (id, 0, id)
        }, child: { _ in bytes ? drawn().id() : drawn().int63() })
      process.add(to: &context, &values, process: UInt32(service), lost: 5, seed: 500 + service)
    }
    let outcome = try roundTrip(context, values, .default)
    // Of byte ids, five of the six.
    #expect(outcome.perId <= (bytes ? 2.5 : 1.5), "\(outcome)")
  }

  @Test("Python spans cost at most 0.5 bytes an id, 16 threads interleaved, a tenth lost, in end order")
  func python() throws {
    let python = PythonProcess(seed: 106)
    let process = SimulatedProcess(
      requests: 4000, threads: 16, seed: 107, root: { _ in python.root() }, child: { _ in python.id() })
    let (context, values) = process.captured(lost: 10, seed: 108)
    let languages: [IdLanguage] = [.python]
    let outcome = try roundTrip(context, values, .default, languages: languages)
    #expect(outcome.perId <= 0.5, "\(outcome)")
  }

  @Test(
    ".NET spans cost at most 0.8 bytes an id, 16 threads interleaved, a tenth lost, in end order",
    arguments: [(IdEffort.default, IdLanguage.dotnet), (.best, .unknown)])
  func dotnet(effort: IdEffort, language: IdLanguage) throws {
    let dotnet = DotnetProcess(seed: 14)
    let process = SimulatedProcess(requests: 1500, threads: 16, seed: 15, root: dotnet.root, child: dotnet.next)
    let (context, values) = process.captured(lost: 10, seed: 16)
    let languages: [IdLanguage] = [language]
    let outcome = try roundTrip(context, values, effort, languages: languages)
    #expect(outcome.perId <= 0.8, "\(outcome)")
  }

  @Test("nginx's spans, of one thread and mostly in order, are predicted")
  func nginx() throws {
    var s0: UInt64 = 0x1357_9BDF_0246_8ACE
    var s1: UInt64 = 0xFEDC_BA98_7654_3210
    // xorshift128+ as published, bytes little-endian.
    func next() -> UInt64 {
      var t = s0
      let s = s1
      s0 = s
      t ^= t << 23
      s1 = t ^ s ^ (t >> 17) ^ (s >> 26)
      return (s1 &+ s).byteSwapped
    }
    let process = SimulatedProcess(
      requests: 400, threads: 1, seed: 17,
      root: { _ in
        let span = next()
        let high = next()
        return (span, high, next())
      }, child: { _ in next() })
    let (context, drawn) = process.captured(lost: 0, seed: 18)
    var values = drawn
    // Two spans that start at one time, now and then, come in the wrong order.
    for d in stride(from: 300, to: context.count - 1, by: 400) { values.low.swapAt(d, d + 1) }
    let outcome = try roundTrip(context, values, .default)
    #expect(outcome.perId <= 0.8, "\(outcome)")
  }

  @Test("A browser's page loads are predicted from one root each", arguments: [UInt64(4), 8])
  func pages(bits: UInt64) throws {
    var context = IdContext()
    var values = IdValues()
    for page in 0..<12 as Range<UInt64> {
      let v8 = V8Process(0xA5A5_0000_1111 &+ page &* 0x1_0000_0001_9999, 0x77 &* (page + 1))
      let process = SimulatedProcess(
        requests: 12, threads: 2, seed: page, root: { _ in v8.root(bits) }, child: { _ in v8.id(bits) })
      process.add(to: &context, &values, process: 0, lost: 0, seed: page)
    }
    let languages: [IdLanguage] = [.webjs]
    let outcome = try roundTrip(context, values, .best, languages: languages)
    #expect(outcome.perId <= 2, "\(outcome)")
  }

  @Test("Captures without a generator are looked at ever more rarely, and each block again once one has been found")
  func looksEverMoreRarely() throws {
    let node = V8Process(0x1357_9BDF, 0x2468_ACE0)
    var random = SplitMix(77)
    var context = IdContext()
    var values = IdValues()
    for row in 0..<48_000 as Range<UInt32> {
      // 3,000 ids a block; Node comes with the thirteenth.
      let isNode = row >= 36_000
      context.append(process: isNode ? 1 : 0, start: UInt64(row), name: 0, kind: .span, span: row, parent: -1)
      values.low.append(isNode ? node.id(32) : random.next())
      values.high.append(0)
    }
    let packed = PackedIds(context, values, .default, blocks: 16)
    #expect(packed.blocks.indices.filter { packed.blocks[$0] != nil } == [0, 4, 12, 13, 14, 15])
    #expect(packed.bytes < 36_000 * 8 + 12_000, "\(packed.bytes)")
    #expect(try packed.decoded(context, values) == values)
  }

  @Test("A process whose resource changes while it runs is one generator, not two")
  func splitProcess() throws {
    let java = JavaProcess(seeder: 99, perThread: true)
    let process = SimulatedProcess(requests: 800, threads: 8, seed: 20, root: java.root, child: java.next)
    var (context, values) = process.captured(lost: 10, seed: 21)
    let whole = try roundTrip(context, values, .javaAndNode)
    for d in 0..<context.count { context.process[d] = d < context.count / 2 ? 3 : 1 }
    let split = try roundTrip(context, values, .javaAndNode)
    #expect(split.report?.groups.count == 1)
    #expect(split.bytes < whole.bytes + 160, "\(split.bytes) against \(whole.bytes)")
  }

  @Test("Roots that were lost, known only as parents and trace ids of other processes' spans, are predicted too")
  func lostRoots() throws {
    let v8 = V8Process(0x5555_1234, 0xABCD_0000_FFFF)
    var random = SplitMix(45)
    var context = IdContext()
    var values = IdValues()
    var row: UInt32 = 0
    for request in 0..<400 {
      let root = v8.root(32)
      let lost = request % 3 != 0
      // The browser's or Node's own span, unless it was lost; then the server's, whose ids are random.
      if !lost {
        context.append(process: 0, start: UInt64(row), name: 0, kind: .span, span: row, parent: -1)
        context.append(process: 0, start: UInt64(row), name: 0, kind: .trace, span: row, parent: -1)
        values.low += [root.span, root.low]
        values.high += [0, root.high]
        row += 1
      }
      context.append(process: 1, start: UInt64(row), name: 1, kind: .span, span: row, parent: -1)
      values.low.append(random.next())
      values.high.append(0)
      if lost {
        context.append(process: 1, start: UInt64(row), name: 1, kind: .strangeTrace, span: row, parent: -1)
        context.append(process: 1, start: UInt64(row), name: 1, kind: .orphan, span: row, parent: -1)
        values.low += [root.low, root.span]
        values.high += [root.high, 0]
      }
      row += 1
    }
    let outcome = try roundTrip(context, values, .javaAndNode)
    #expect(outcome.bytes < 400 * 8 + 250, "\(outcome)")
  }

  @Test("Random ids cost their own size and nothing is claimed for them")
  func random() throws {
    var random = SplitMix(31)
    let process = SimulatedProcess(
      requests: 1000, threads: 8, seed: 30, root: { _ in (random.next(), random.next(), random.next()) },
      child: { _ in random.next() })
    let (context, values) = process.captured(lost: 0, seed: 32)
    for effort in [IdEffort.javaAndNode, .default, .best] {
      let packed = PackedIds(context, values, effort, blocks: 3)
      #expect(packed.reports.allSatisfy { $0.groups.isEmpty })
      let size = context.draws(values).reduce(0) { $0 + $1.size }
      #expect(packed.bytes <= size + 32, "\(effort): \(packed.bytes) bytes for \(size)")
    }
  }

  @Test("Random ids beside predictable ones cost their own size")
  func mixed() throws {
    let java = JavaProcess(seeder: 4, perThread: false)
    var random = SplitMix(41)
    var context = IdContext()
    var values = IdValues()
    SimulatedProcess(requests: 300, threads: 4, seed: 42, root: java.root, child: java.next)
      .add(to: &context, &values, process: 0, lost: 0, seed: 1)
    let first = context.count
    let alone = try roundTrip(context, values, .javaAndNode).bytes
    SimulatedProcess(
      requests: 300, threads: 4, seed: 43, root: { _ in (random.next(), random.next(), random.next()) },
      child: { _ in random.next() }
    ).add(to: &context, &values, process: 1, lost: 0, seed: 1)
    var raw = 0
    for d in first..<context.count { raw += context.kind[d] == .trace ? 16 : 8 }
    let outcome = try roundTrip(context, values, .javaAndNode)
    #expect(outcome.bytes <= alone + raw + 16, "\(outcome.bytes) against \(alone) and \(raw)")
  }

  @Test("A service that starts after long stretches of random ids is predicted all the same, if a little later")
  func late() throws {
    var random = SplitMix(44)
    var context = IdContext()
    var values = IdValues()
    SimulatedProcess(
      requests: 8000, threads: 4, seed: 45, root: { _ in (random.next(), random.next(), random.next()) },
      child: { _ in random.next() }
    ).add(to: &context, &values, process: 0, lost: 0, seed: 1)
    let half = context.count
    let java = JavaProcess(seeder: 5, perThread: false)
    SimulatedProcess(requests: 8000, threads: 4, seed: 46, root: java.root, child: java.next)
      .add(to: &context, &values, process: 1, lost: 0, seed: 1)
    #expect(half > 20 * 2100, "blocks must be large enough to count: \(half) ids")
    var raw = (random: 0, java: 0)
    for d in 0..<half { raw.random += context.kind[d] == .trace ? 16 : 8 }
    for d in half..<context.count { raw.java += context.kind[d] == .trace ? 16 : 8 }
    let outcome = try roundTrip(context, values, .default, blocks: 40)
    #expect(outcome.bytes < raw.random + raw.java / 2, "\(outcome.bytes) of \(raw)")
  }

  @Test("Bits that all ids of a process share, and a trace id's low half that is the span id, are stored once")
  func shapes() throws {
    var random = SplitMix(51)
    var context = IdContext()
    var values = IdValues()
    for row in 0..<500 as Range<UInt32> {
      let id = random.next() & .max >> 1
      context.append(process: 0, start: UInt64(row), name: 0, kind: .span, span: row, parent: -1)
      context.append(process: 0, start: UInt64(row), name: 0, kind: .trace, span: row, parent: -1)
      values.low += [id, row % 50 == 7 ? random.next() : id]
      values.high += [0, 0]
    }
    let outcome = try roundTrip(context, values, .javaAndNode)
    #expect(outcome.bytes < 500 * 8 + 10 * 8 + 80, "\(outcome.bytes)")
  }

  @Test("Odd captures come back exactly: orphans, repeated ids, zero times, no pairs")
  func oddities() throws {
    let java = JavaProcess(seeder: 8, perThread: true)
    var random = SplitMix(61)
    var context = IdContext()
    var values = IdValues()
    for row in 0..<3000 as Range<UInt32> {
      let kind = [IdKind.span, .span, .span, .orphan, .strangeTrace, .trace][random.below(6)]
      let id = random.below(4) == 0 ? (values.low.last ?? 0) : java.next(random.below(3))
      let parent = Int32(random.below(Int(row) + 1)) - 1
      context.append(
        process: UInt32(random.below(3)), start: random.below(3) == 0 ? 0 : UInt64(row), name: .max - row % 5,
        kind: kind, span: row / 2, parent: parent)
      values.low.append(id)
      values.high.append(kind == .trace || kind == .strangeTrace ? random.next() : 0)
    }
    _ = try roundTrip(context, values, .default)
  }

  @Test("The same ids give the same bytes, whatever was compressed before")
  func deterministic() throws {
    let v8 = V8Process(11, 12)
    let process = SimulatedProcess(
      requests: 300, threads: 4, seed: 70, root: { _ in v8.root(32) }, child: { _ in v8.id(32) })
    let (context, values) = process.captured(lost: 10, seed: 71)
    let a = PackedIds(context, values, .default)
    let b = PackedIds(context, values, .default)
    #expect(a.blocks.count == 1 && a.blocks[0]?.coded == b.blocks[0]?.coded && a.blocks[0]?.raw == b.blocks[0]?.raw)
  }

  @Test("A generator's state is stored once, however small the blocks are")
  func carried() throws {
    let v8 = V8Process(21, 22)
    let java = JavaProcess(seeder: 77, perThread: true)
    let python = PythonProcess(seed: 23)
    var context = IdContext()
    var values = IdValues()
    SimulatedProcess(requests: 2000, threads: 4, seed: 80, root: { _ in v8.root(32) }, child: { _ in v8.id(32) })
      .add(to: &context, &values, process: 0, lost: 0, seed: 81)
    SimulatedProcess(requests: 2000, threads: 8, seed: 82, root: java.root, child: java.next)
      .add(to: &context, &values, process: 1, lost: 0, seed: 83)
    SimulatedProcess(requests: 2000, threads: 8, seed: 84, root: { _ in python.root() }, child: { _ in python.id() })
      .add(to: &context, &values, process: 2, lost: 0, seed: 85)
    let languages: [IdLanguage] = [.nodejs, .java, .python]
    let whole = try roundTrip(context, values, .default, languages: languages)
    let parts = try roundTrip(context, values, .default, languages: languages, blocks: 40)
    // Python's are found when some blocks have passed: at most the ids of its state's size cost their own.
    #expect(parts.bytes < whole.bytes + whole.bytes / 4 + 8000, "\(parts.bytes) against \(whole.bytes)")
  }

  @Test("A generator that is known gives ids too few to find it by")
  func known() throws {
    let v8 = V8Process(21, 22)
    let process = SimulatedProcess(
      requests: 400, threads: 1, seed: 80, root: { _ in v8.root(32) }, child: { _ in v8.id(32) })
    var (context, values) = process.captured(lost: 0, seed: 81)
    let before = try roundTrip(context, values, .javaAndNode).bytes
    // Every third id only: no three neighbours.
    for row in 0..<60 as Range<UInt32> {
      _ = v8.id(32)
      _ = v8.id(32)
      _ = v8.draw(32)
      context.append(
        process: 0, start: .max / 2 + UInt64(row), name: 0, kind: .span, span: 1 << 20 + row, parent: -1)
      values.low.append(v8.id(32))
      values.high.append(0)
    }
    let after = try roundTrip(context, values, .javaAndNode, blocks: 8).bytes
    #expect(after - before < 200, "\(before) before, \(after) after")
  }

  @Test("A generator that another segment has met gives ids too few to find it by, far as it may have gone on")
  func hinted() throws {
    let python = PythonProcess(seed: 31)
    let languages: [IdLanguage] = [.python]
    func capture(_ requests: Int, seed: UInt64) -> (context: IdContext, values: IdValues) {
      SimulatedProcess(
        requests: requests, threads: 8, seed: seed, root: { _ in python.root() }, child: { _ in python.id() }
      ).captured(lost: 5, seed: seed + 1)
    }
    let first = capture(2000, seed: 86)
    let hints = PackedIds(first.context, first.values, .default, languages: languages).hints
    let (begin, end) = (first.context.start.min()!, first.context.start.max()!)
    // As many ids again go elsewhere, in as much time.
    for _ in 0..<first.context.count * 5 / 4 { _ = python.id() }
    var (context, values) = capture(80, seed: 88)
    context.start = context.start.map { $0 + 2 * (end - begin) }
    let alone = PackedIds(context, values, .default, languages: languages)
    let told = PackedIds(context, values, .default, languages: languages, told: hints)
    #expect(try told.decoded(context, values) == values)
    // What is left is the generator's state.
    #expect(told.bytes < 2600 && alone.bytes > 3000, "\(told.bytes) bytes, \(alone.bytes) without")
    // Of no use, and no harm, in another process.
    let other = PythonProcess(seed: 32)
    (context, values) = SimulatedProcess(
      requests: 80, threads: 8, seed: 90, root: { _ in other.root() }, child: { _ in other.id() }
    ).captured(lost: 5, seed: 91)
    context.start = context.start.map { $0 + 2 * (end - begin) }
    let misled = PackedIds(context, values, .default, languages: languages, told: hints)
    #expect(try misled.decoded(context, values) == values)
    #expect(misled.bytes <= PackedIds(context, values, .default, languages: languages).bytes)
  }

  @Test("A damaged or cut id stream is an error or other ids, never a crash, and takes no long work")
  func hostile() throws {
    let v8 = V8Process(31, 32)
    let java = JavaProcess(seeder: 9, perThread: true)
    var context = IdContext()
    var values = IdValues()
    SimulatedProcess(requests: 30, threads: 4, seed: 90, root: { _ in v8.root(32) }, child: { _ in v8.id(32) })
      .add(to: &context, &values, process: 0, lost: 10, seed: 2)
    SimulatedProcess(requests: 30, threads: 4, seed: 91, root: java.root, child: java.next)
      .add(to: &context, &values, process: 1, lost: 10, seed: 3)
    var packed = PackedIds(context, values, .javaAndNode, blocks: 2)
    var limits = IdLimits()
    limits.work = 1 << 16
    for b in packed.blocks.indices {
      let good = try #require(packed.blocks[b])
      for cut in 0..<good.coded.count {
        packed.blocks[b]!.coded = Array(good.coded[..<cut])
        _ = try? packed.decoded(context, values, limits: limits)
      }
      packed.blocks[b] = good
      for cut in 0..<good.raw.count {
        packed.blocks[b]!.raw = Array(good.raw[..<cut])
        _ = try? packed.decoded(context, values, limits: limits)
      }
      packed.blocks[b] = good
      for at in 0..<good.coded.count + good.raw.count {
        for flip in [1, 16, 128, 255] as [UInt8] {
          if at < good.coded.count {
            packed.blocks[b]!.coded[at] ^= flip
          } else {
            packed.blocks[b]!.raw[at - good.coded.count] ^= flip
          }
          _ = try? packed.decoded(context, values, limits: limits)
          packed.blocks[b] = good
        }
      }
    }
    packed.blocks[0] = ([], [])
    #expect(throws: IdError.self) { try packed.decoded(context, values, limits: limits) }
  }
}
