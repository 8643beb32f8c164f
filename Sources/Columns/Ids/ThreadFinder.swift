import Bytes

/// Finds the threads behind ids drawn from `ThreadLocalRandom`: one pass over the ids of a process in start order, with
/// a few hash probes each; block after block goes on with the threads found.
///
/// Up to JDK 16 (`perThread` false) all threads have the same step, so an id's seed times the step's inverse is a
/// counter: ids of one thread share its high bits. From JDK 17 on each thread has its own step; a table holds the next
/// few seeds of every known thread, and unknown seeds wait until a second one of their thread shows up.
struct ThreadFinder: ~Copyable {
  struct Thread: BitwiseCopyable {
    /// Seed at position 0.
    var seed: UInt64
    var step: UInt64
    /// Of `step`, modulo 2^64.
    var inverse: UInt64
    /// The farthest position met.
    var position: Int64 = 0
    /// Positions up to this one are in the table.
    var covered: Int64 = 0
    /// When it was last met, in draws of the process.
    var seen = 0
    /// How often it was met, and its number among the planned lanes or -1.
    var met: UInt32 = 0
    var lane: Int32 = -1

    @inline(__always)
    func seed(at position: Int64) -> UInt64 { seed &+ UInt64(bitPattern: position) &* step }
  }

  /// How far ahead of a thread seeds are expected, how many known behind, and how far a jump may go.
  private static var ahead: Int64 { 6 }
  private static var behind: Int64 { 12 }
  private static var jump: Int64 { 1 << 15 }

  let perThread: Bool
  var threads = Buffer<Thread>()
  private var near = FlatMap(expecting: 1 << 6)
  private var tableLimit = 1 << 12
  private var waiting: WaitingSeeds
  private var chain = SeederChain()
  /// Seeds not yet explained by position in the pass: how often the costly looks may run.
  private var patience = 4096
  private(set) var found = 0

  init(perThread: Bool) {
    self.perThread = perThread
    waiting = WaitingSeeds(isUsed: perThread)
  }

  var seeder: UInt64? { chain.seeder }

  /// What a draw turned out to be.
  struct Place: BitwiseCopyable {
    var thread: Int32 = -1
    var position: Int64 = 0
  }

  /// Draws met in earlier runs.
  private var clock = 0

  /// Places the ids of `draws[order[...]]`, which are in the order drawn as far as known, a root's span id just before its
  /// trace id: a place for each of `order`.
  mutating func run(
    _ draws: NumberedDraws, _ order: borrowing Buffer<UInt32>, into places: inout Buffer<Place>
  ) {
    places.removeAll()
    places.append(repeating: Place(), count: order.count)
    let before = found
    var i = 0
    while i < order.count {
      let draw = draws[order[i]]
      if draw.isTrace {
        placeLone(i, draw, &places)
        i += 1
        continue
      }
      let next = i + 1 < order.count ? draws[order[i + 1]] : draw
      let hasTrace = next.isTrace && next.span == draw.span
      placeSpan(i, draw.low, trace: hasTrace ? next : nil, &places)
      if hasTrace { placeTrace(i, next, &places) }
      i += hasTrace ? 2 : 1
    }
    // A second look pays where the process is known for its threads.
    if perThread, found - before < order.count, found * 4 > clock + order.count { lookBack(draws, order, &places) }
    for i in 0..<places.count where places[i].thread >= 0 {
      threads[Int(places[i].thread)].met &+= draws[order[i]].isTrace ? 2 : 1
    }
    clock += order.count
  }

  /// Where a draw that another process met stands on a known thread; nothing is learned but how far that has come.
  mutating func find(_ draw: IdDraw) -> Place? {
    let seed = ThreadLocalRandom.unmix(draw.isTrace ? draw.high : draw.low)
    guard let place = known(seed) else { return nil }
    if draw.isTrace {
      guard ThreadLocalRandom.mix(threads[Int(place.thread)].seed(at: place.position &+ 1)) == draw.low else {
        return nil
      }
    }
    threads[Int(place.thread)].met &+= draw.isTrace ? 2 : 1
    move(Int(place.thread), to: place.position + (draw.isTrace ? 1 : 0), clock)
    return place
  }

  /// Whether this and `other` have met the same process: their seeders, or threads, are near each other.
  func isOne(with other: borrowing ThreadFinder) -> Bool {
    if let a = seeder, let b = other.seeder {
      let n = Int64(bitPattern: (a &- b) &* ThreadLocalRandom.seederStepInverse)
      return n > -(1 << 20) && n < 1 << 20
    }
    var seeds: [UInt64: UInt64] = [:]
    for t in 0..<min(other.threads.count, 1 << 12) where other.threads[t].met > 1 {
      let thread = other.threads[t]
      seeds[key(thread)] = thread.seed
    }
    for t in 0..<min(threads.count, 1 << 12) where threads[t].met > 1 {
      let thread = threads[t]
      guard let seed = seeds[key(thread)] else { continue }
      let distance = Int64(bitPattern: (thread.seed &- seed) &* ThreadLocalRandom.inverse(thread.step))
      if distance > -(1 << 24), distance < 1 << 24 { return true }
    }
    return false
  }

  /// What two looks at one thread have in common: its step (JDK 17 on), or its counter's high bits.
  private func key(_ thread: Thread) -> UInt64 { perThread ? thread.step : counter(thread.seed) >> 24 }

  private mutating func placeLone(_ i: Int, _ trace: IdDraw, _ places: inout Buffer<Place>) {
    guard let place = known(ThreadLocalRandom.unmix(trace.high)),
      ThreadLocalRandom.mix(threads[Int(place.thread)].seed(at: place.position &+ 1)) == trace.low
    else { return }
    places[i] = place
    move(Int(place.thread), to: place.position + 1, clock + i)
  }

  private mutating func placeTrace(_ i: Int, _ trace: IdDraw, _ places: inout Buffer<Place>) {
    let place = places[i]
    guard place.thread >= 0 else { return }
    let thread = threads[Int(place.thread)]
    guard ThreadLocalRandom.mix(thread.seed(at: place.position + 1)) == trace.high,
      ThreadLocalRandom.mix(thread.seed(at: place.position + 2)) == trace.low
    else { return }
    places[i + 1] = Place(thread: place.thread, position: place.position + 1)
    move(Int(place.thread), to: place.position + 2, clock + i)
  }

  private mutating func placeSpan(_ i: Int, _ id: UInt64, trace: IdDraw?, _ places: inout Buffer<Place>) {
    let seed = ThreadLocalRandom.unmix(id)
    if let place = known(seed) {
      move(Int(place.thread), to: place.position, clock + i)
      places[i] = place
      found += 1
      return
    }
    if !perThread {
      // Any id may be the first of a thread; one that stays alone costs the encoder nothing but this entry.
      places[i] = Place(thread: open(seed, ThreadLocalRandom.gamma, clock + i), position: 0)
      return
    }
    if let step = chain.step(of: seed) {
      places[i] = Place(thread: open(seed, step, clock + i), position: 0)
      found += 1
      return
    }
    if let place = far(seed, back: 0) {
      move(Int(place.thread), to: place.position, clock + i)
      places[i] = place
      found += 1
      return
    }
    if let trace {
      // A root tells its thread's step: its trace id is the next two draws.
      let first = ThreadLocalRandom.unmix(trace.high)
      let step = first &- seed
      if ThreadLocalRandom.threadId(step: step) != nil, ThreadLocalRandom.unmix(trace.low) &- first == step {
        places[i] = Place(thread: open(seed, step, clock + i), position: 0)
        found += 2
        chain.learn(seed, step)
        return
      }
    }
    if let partner = waiting.partner(of: seed) {
      let thread = open(partner.seed, partner.step, partner.draw)
      if partner.draw >= clock {
        places[partner.draw - clock] = Place(thread: thread, position: 0)
      } else {
        threads[Int(thread)].met = 1
      }
      places[i] = Place(thread: thread, position: partner.distance)
      move(Int(thread), to: partner.distance, clock + i)
      found += 2
      chain.learn(partner.seed, partner.step)
      return
    }
    waiting.add(seed, draw: clock + i)
  }

  /// A second look at what was met before its thread was known.
  private mutating func lookBack(
    _ draws: NumberedDraws, _ order: borrowing Buffer<UInt32>, _ places: inout Buffer<Place>
  ) {
    patience = 4096
    for i in 0..<order.count where places[i].thread < 0 {
      let draw = draws[order[i]]
      if draw.isTrace { continue }
      let seed = ThreadLocalRandom.unmix(draw.low)
      if let place = far(seed, back: Self.jump) {
        places[i] = place
      } else if let step = chain.step(of: seed) {
        places[i] = Place(thread: open(seed, step, clock + i), position: 0)
      } else {
        continue
      }
      guard i + 1 < order.count else { continue }
      let next = draws[order[i + 1]]
      if next.isTrace && next.span == draw.span { placeTrace(i, next, &places) }
    }
  }

  /// The counter of a seed where all threads have one step.
  @inline(__always)
  private func counter(_ seed: UInt64) -> UInt64 { seed &* 0xF1DE_83E1_9937_733D }

  @inline(__always)
  private func known(_ seed: UInt64) -> Place? {
    if perThread {
      let entry = near.find(seed)
      if entry == FlatMap.absent { return nil }
      let thread = threads[Int(entry)]
      let position = Int64(bitPattern: (seed &- thread.seed) &* thread.inverse)
      return Place(thread: Int32(bitPattern: entry), position: position)
    }
    let count = counter(seed)
    let entry = near.find(count >> 14)
    if entry == FlatMap.absent { return nil }
    let thread = threads[Int(entry)]
    let position = Int64(bitPattern: count &- counter(thread.seed))
    let distance = position &- thread.position
    guard distance > -Self.jump, distance < Self.jump else { return nil }
    return Place(thread: Int32(bitPattern: entry), position: position)
  }

  /// A long jump of a known thread: one multiplication each.
  private mutating func far(_ seed: UInt64, back: Int64) -> Place? {
    guard threads.count > 0, patience > 0 else { return nil }
    for t in max(0, threads.count - 256)..<threads.count {
      let thread = threads[t]
      let position = Int64(bitPattern: (seed &- thread.seed) &* thread.inverse)
      let distance = position &- thread.position
      if distance > (back == 0 ? 0 : -back), distance < Self.jump {
        patience = min(patience + 16, 4096)
        return Place(thread: Int32(t), position: position)
      }
    }
    patience -= 1
    return nil
  }

  private mutating func open(_ seed: UInt64, _ step: UInt64, _ draw: Int) -> Int32 {
    let t = threads.count
    var thread = Thread(seed: seed, step: step, inverse: 0)
    thread.seen = draw
    if perThread {
      thread.inverse = ThreadLocalRandom.inverse(step)
      thread.covered = 0
      near.set(seed, UInt32(t))
    }
    threads.append(thread)
    cover(t)
    return Int32(t)
  }

  @inline(__always)
  private mutating func move(_ t: Int, to position: Int64, _ draw: Int) {
    threads[t].seen = draw
    if position <= threads[t].position { return }
    threads[t].position = position
    cover(t)
  }

  /// Keeps the seeds ahead of a thread in the table.
  @inline(__always)
  private mutating func cover(_ t: Int) {
    let thread = threads[t]
    if !perThread {
      let high = counter(thread.seed(at: thread.position)) >> 14
      near.set(high, UInt32(t))
      near.set(high &+ 1, UInt32(t))
      return
    }
    var at = max(thread.covered, thread.position - 1)
    let end = thread.position + Self.ahead
    while at < end {
      at += 1
      near.set(thread.seed(at: at), UInt32(t))
    }
    threads[t].covered = end
    if near.count > tableLimit { forget(before: thread.seen) }
  }

  /// Rebuilds the table from what threads may still draw.
  private mutating func forget(before now: Int) {
    let recent = threads.count > 2048 ? now - 16384 : Int.min
    var table = FlatMap(expecting: tableLimit / 2)
    for t in 0..<threads.count where threads[t].seen >= recent {
      let thread = threads[t]
      for p in (thread.position - Self.behind)...(thread.covered) { table.set(thread.seed(at: p), UInt32(t)) }
    }
    tableLimit = max(1 << 12, table.count * 4)
    near = table
  }
}

/// Seeds whose thread is not known yet, by the high bits of the seeds that may follow them.
///
/// Two seeds of a thread differ by `k * (gamma + 2 * threadId)`; with `threadId` below 2^32 the top 24 bits of
/// `seed + k * gamma` are those of the later seed, or one less.
private struct WaitingSeeds: ~Copyable {
  private static var kept: Int { 256 }
  private static var steps: Int { 4 }
  private static var ring: Int { kept * steps }

  private var seeds: Buffer<UInt64>
  private var draws: Buffer<Int>
  /// Chains through entries `added * steps + k`, newest first; an entry older than the ring is gone.
  private var heads: Buffer<Int>
  private var before: Buffer<Int>
  private var added = 0

  init(isUsed: Bool) {
    seeds = Buffer(repeating: 0, count: isUsed ? Self.kept : 0)
    draws = Buffer(repeating: -1, count: isUsed ? Self.kept : 0)
    heads = Buffer(repeating: -1, count: isUsed ? 2048 : 0)
    before = Buffer(repeating: -1, count: isUsed ? Self.ring : 0)
  }

  @inline(__always)
  private static func bucket(_ high: UInt64) -> Int { Int(truncatingIfNeeded: (high ^ high >> 11) & 2047) }

  mutating func add(_ seed: UInt64, draw: Int) {
    let slot = added % Self.kept
    seeds[slot] = seed
    draws[slot] = draw
    for k in 0..<Self.steps {
      let entry = added * Self.steps + k
      let bucket = Self.bucket((seed &+ UInt64(k + 1) &* ThreadLocalRandom.gamma) >> 40)
      before[entry % Self.ring] = heads[bucket]
      heads[bucket] = entry
    }
    added += 1
  }

  /// An earlier seed of the same thread; it waits no longer.
  mutating func partner(of seed: UInt64) -> (draw: Int, seed: UInt64, step: UInt64, distance: Int64)? {
    let oldest = max(0, added - Self.kept) * Self.steps
    for carry in 0..<2 as Range<UInt64> {
      var entry = heads[Self.bucket((seed >> 40) &- carry)]
      while entry >= oldest {
        let slot = entry / Self.steps % Self.kept
        let k = UInt64(entry % Self.steps + 1)
        let rest = seed &- seeds[slot] &- k &* ThreadLocalRandom.gamma
        if rest < 1 << 33, rest % (2 * k) == 0, rest != 0, draws[slot] >= 0 {
          let result = (draws[slot], seeds[slot], ThreadLocalRandom.gamma &+ rest / k, Int64(k))
          draws[slot] = -1
          return result
        }
        let next = before[entry % Self.ring]
        if next >= entry { break }
        entry = next
      }
    }
    return nil
  }
}

/// The seeds threads are born with. `learn` finds the seeder from two threads met near their birth; `step` then knows a
/// new thread by its first draws.
struct SeederChain: ~Copyable {
  private(set) var seeder: UInt64?
  private static var ahead: Int64 { 64 }
  private static var draws: Int { 4 }

  /// Possible seeder values of threads met, by draws since their birth.
  private var candidates: [[UInt64]] = []
  private var learned = 0
  /// Top 24 bits of a thread's early seeds -> entry; entries with equal bits are chained.
  private var table = FlatMap(expecting: 512)
  private var entries = Buffer<(first: UInt64, draws: Int, thread: Int64, next: UInt32)>()
  private var top: Int64 = 0

  init() {}

  mutating func learn(_ seed: UInt64, _ step: UInt64) {
    learned += 1
    if let seeder {
      // Threads far along the chain are told apart by cost: each look is some hundred multiplications.
      guard learned < 4096 else { return }
      if let birth = ThreadLocalRandom.birth(seed: seed, step: step, seeder: seeder) { grow(birth.thread) }
      return
    }
    guard candidates.count < 64 else { return }
    var mine: [UInt64] = []
    for k in 1...16 as ClosedRange<UInt64> { mine.append(ThreadLocalRandom.unmix(seed &- k &* step)) }
    for other in candidates {
      for u in mine {
        for v in other {
          let n = (u &- v) &* ThreadLocalRandom.seederStepInverse
          if n < 4096 || n > UInt64.max - 4096 {
            seeder = v
            grow(Int64(bitPattern: n))
            return
          }
        }
      }
    }
    candidates.append(mine)
  }

  private mutating func grow(_ thread: Int64) {
    guard let seeder, thread < 1 << 20 else { return }
    while top <= thread + Self.ahead {
      let first = ThreadLocalRandom.firstSeed(seeder: seeder, thread: top)
      for k in 1...Self.draws {
        let high = (first &+ UInt64(k) &* ThreadLocalRandom.gamma) >> 40
        let old = table.set(high, UInt32(entries.count))
        entries.append((first, k, top, old))
      }
      top += 1
    }
  }

  /// The step of the thread that `seed` opens, if it is one of the first draws of a thread in the chain.
  mutating func step(of seed: UInt64) -> UInt64? {
    guard seeder != nil else { return nil }
    for carry in 0..<2 as Range<UInt64> {
      var at = table.find((seed >> 40) &- carry)
      while at != FlatMap.absent {
        let entry = entries[Int(at)]
        let k = UInt64(entry.draws)
        let rest = seed &- entry.first &- k &* ThreadLocalRandom.gamma
        if rest < 1 << 33, rest % (2 * k) == 0 {
          grow(entry.thread)
          return ThreadLocalRandom.gamma &+ rest / k
        }
        at = entry.next
      }
    }
    return nil
  }
}
