import Testing

@testable import Tracezip

@Suite("Where segments end")
struct SegmentPlanTests {
  /// Bytes of the first segment of an input of `size` that is cut as the plan says.
  private func firstSegment(_ config: TracezipConfig, size: Int?, isJSON: Bool) -> Int {
    var plan = SegmentPlan(config: config, size: size)
    var end = 0
    for _ in 0..<10_000 {
      let count = plan.chunkLimit
      if isJSON { plan.beginJSON() }
      end += count
      if plan.take(count) { return end }
    }
    return end
  }

  @Test("Segments of JSON hold as many spans as those of protobuf, or id generators are searched for twice as often")
  func json() {
    let config = TracezipConfig()
    #expect(firstSegment(config, size: nil, isJSON: false) == 64 << 20)
    #expect(firstSegment(config, size: nil, isJSON: true) == 128 << 20)
    // Inputs of known size are cut evenly.
    let size = 250 << 20
    #expect(abs(firstSegment(config, size: size, isJSON: false) - size / 4) < 5 << 20)
    #expect(abs(firstSegment(config, size: size, isJSON: true) - size / 2) < 5 << 20)
  }

  @Test("A segment size that was asked for is kept, also for JSON")
  func asked() {
    var config = TracezipConfig()
    config.segmentSize = 16 << 20
    #expect(firstSegment(config, size: nil, isJSON: true) == 16 << 20)
  }

  @Test("What waits for several workers stays bounded, or compressing takes all of the memory")
  func bounded() {
    let plan = SegmentPlan(config: TracezipConfig(), size: nil)
    #expect(plan.weightLimit(threads: 1) <= 8 << 20)
    // The rest of one segment must fit while the next is begun.
    #expect(plan.weightLimit(threads: 2) > 128 << 20 && plan.weightLimit(threads: 2) <= 160 << 20)
    #expect(plan.weightLimit(threads: 64) <= 1 << 30)
  }
}
