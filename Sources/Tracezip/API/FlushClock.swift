/// Tells when what has been read has waited long enough for more.
struct FlushClock {
  private let interval: Double
  private let isReady: ((Double) -> Bool)?
  /// When the first byte since the last flush came.
  private var since: ContinuousClock.Instant?

  init(_ interval: Double?, _ source: ByteSource) {
    self.interval = interval ?? 0
    isReady = interval == nil ? nil : source.isReady
  }

  /// Bytes have come.
  mutating func note() {
    if isReady != nil, since == nil { since = .now }
  }

  /// Waits for more, no longer than is allowed; true where that time is over.
  mutating func isDue() -> Bool {
    guard let isReady, let since else { return false }
    let waited = ContinuousClock.now - since
    if isReady(interval - waited / .seconds(1)), ContinuousClock.now - since < .seconds(interval) { return false }
    self.since = nil
    return true
  }
}
