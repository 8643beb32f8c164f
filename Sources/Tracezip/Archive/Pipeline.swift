/// What a segment's worker does: one item after another, carrying its state.
protocol SegmentWork: AnyObject, SendableMetatype {
  associatedtype Item: Sendable
  /// Works on one item, in place. Called on one thread at a time, in order.
  func work(on item: Item)
  /// The work ends before `item`, the next one.
  func giveUp(before item: Item)
}

extension SegmentWork {
  func giveUp(before item: Item) {}
}

/// Segments on several threads: the items of a segment are worked on in order by one worker, segments side by side, and
/// items come out in the order they went in.
///
/// The caller's thread feeds, takes and does all reading and writing. Items weigh what they hold in memory; while too
/// much is under way, the caller takes before it feeds, which cannot block for ever: the oldest segment is fed before
/// any later one and some worker has it. With one thread, the caller works itself, or, where it `overlaps`, one worker
/// does while the caller reads and writes.
final class Pipeline<Work: SegmentWork> {
  typealias Item = Work.Item

  private final class Segment {
    var waiting: [Item] = []
    var next = 0
    var done: [Item] = []
    var taken = 0
    var isClosed = false
    var isClaimed = false
  }

  /// All under the monitor.
  private final class State: @unchecked Sendable {
    let monitor = Monitor()
    var segments: [Segment] = []
    var idle = 0
    var isStopped = false
  }

  private let state = State()
  private let threads: Int
  private let make: @Sendable () -> Work
  private var workers: [Worker] = []
  private let limit: Int
  private let weigh: @Sendable (Item) -> Int
  /// Of what was fed and not taken.
  private var weight = 0
  private var weights: [Int] = []
  private var firstWeight = 0
  private var isFeeding = false
  /// Whether one worker does the work while the caller reads and writes.
  var overlaps: Bool { threads == 1 && !isInline }
  /// The caller works itself: with one thread, or where the system has none left.
  private(set) var isInline: Bool
  private var inlineWork: Work?
  private var inlineDone: [Item] = []

  /// - Parameters:
  ///   - limit: the weight that may be under way.
  ///   - weigh: what an item weighs while under way.
  ///   - overlaps: with one thread, whether reading and writing shall go on beside it.
  init(
    threads: Int, overlaps: Bool = false, limit: Int, weigh: @escaping @Sendable (Item) -> Int,
    make: @escaping @Sendable () -> Work
  ) {
    self.threads = max(1, threads)
    self.limit = limit
    self.weigh = weigh
    self.make = make
    isInline = threads <= 1 && !overlaps
  }

  /// One worker, which has so many items at most while the caller reads and writes, or does a part of the work.
  static func ofOneWorker(items: Int, make: @escaping @Sendable () -> Work) -> Pipeline {
    Pipeline(threads: 1, overlaps: true, limit: items, weigh: { _ in 1 }, make: make)
  }

  deinit { stop() }

  /// Whether the caller should take before it feeds.
  var isFull: Bool { weight >= limit && weight > 0 }
  /// Whether nothing is under way.
  var isEmpty: Bool { weights.count == firstWeight && inlineDone.isEmpty }

  /// Adds an item to the open segment, or opens one.
  func feed(_ item: Item) {
    if !isInline, workers.isEmpty { isInline = !startWorker() }
    if isInline {
      if inlineWork == nil { inlineWork = make() }
      inlineWork!.work(on: item)
      inlineDone.append(item)
      return
    }
    let w = weigh(item)
    weight += w
    weights.append(w)
    let needsWorker = state.monitor.locked {
      if !isFeeding { state.segments.append(Segment()) }
      state.segments.last!.waiting.append(item)
      state.monitor.signal()
      return state.segments.reduce(0) { $0 + ($1.isClaimed ? 0 : 1) } > state.idle
    }
    isFeeding = true
    if needsWorker, workers.count < threads { _ = startWorker() }
  }

  /// Ends the open segment; the next item begins another.
  func endSegment() {
    inlineWork = nil
    guard isFeeding else { return }
    isFeeding = false
    state.monitor.locked {
      state.segments.last!.isClosed = true
      state.monitor.signal()
    }
  }

  /// The next item in order; nil where none is done and `wait` is false, or none is under way.
  func take(wait: Bool) -> Item? {
    if isInline { return inlineDone.isEmpty ? nil : inlineDone.removeFirst() }
    guard weights.count > firstWeight else { return nil }
    let item: Item? = state.monitor.locked {
      while true {
        while let first = state.segments.first, first.isClosed, first.taken == first.done.count,
          first.next == first.waiting.count
        { state.segments.removeFirst() }
        if let first = state.segments.first, first.taken < first.done.count {
          first.taken += 1
          return first.done[first.taken - 1]
        }
        if !wait { return nil }
        state.monitor.wait()
      }
    }
    if item != nil {
      weight -= weights[firstWeight]
      firstWeight += 1
      if firstWeight == weights.count {
        weights.removeAll(keepingCapacity: true)
        firstWeight = 0
      }
    }
    return item
  }

  /// Gives up what is under way and ends the workers, each after its item at hand.
  func stop() {
    state.monitor.locked {
      state.isStopped = true
      state.monitor.signal()
    }
    for worker in workers { worker.join() }
    workers = []
  }

  private func startWorker() -> Bool {
    let (state, make) = (self.state, self.make)
    guard let worker = Worker({ Self.run(state, make) }) else { return false }
    workers.append(worker)
    return true
  }

  /// A worker's life: take the oldest unclaimed segment, work through it as items come, take the next.
  private static func run(_ state: State, _ make: () -> Work) {
    while true {
      let claimed: Segment? = state.monitor.locked {
        state.idle += 1
        defer { state.idle -= 1 }
        while !state.isStopped {
          if let segment = state.segments.first(where: { !$0.isClaimed }) {
            segment.isClaimed = true
            return segment
          }
          state.monitor.wait()
        }
        return nil
      }
      guard let segment = claimed else { return }
      let work = make()
      while true {
        let item: Item? = state.monitor.locked {
          while !state.isStopped {
            if segment.next < segment.waiting.count {
              return segment.waiting[segment.next]
            }
            if segment.isClosed { return nil }
            state.monitor.wait()
          }
          return nil
        }
        guard let item else { break }
        work.work(on: item)
        state.monitor.locked {
          segment.next += 1
          segment.done.append(item)
          state.monitor.signal()
        }
      }
      let left = state.monitor.locked {
        segment.next < segment.waiting.count ? segment.waiting[segment.next] : nil
      }
      if let left { work.giveUp(before: left) }
    }
  }
}
