import Tracezip

/// The line on a terminal that tells how far long work has come.
final class ProgressMeter {
  private let console: Console
  private let isShown: Bool
  private let name: String
  private let started = monotonicSeconds()
  private var drawn = 0.0
  private var isOnScreen = false

  /// Shorter work than this needs no progress.
  private static let delay = 0.4
  private static let interval = 0.1

  /// - Parameter wanted: `--progress` or `--no-progress`; nil leaves it to whether there is a terminal.
  init(_ console: Console, wanted: Bool?, name: String) {
    self.console = console
    isShown = wanted ?? (console.isTerminal && console.verbosity > 0)
    self.name = name
    console.beforeLine = { [weak self] in self?.clear() }
  }

  var elapsed: Double { monotonicSeconds() - started }

  /// - Parameter restores: the bytes written are the capture, the bytes read the archive.
  func handler(restores: Bool) -> ProgressHandler? {
    guard isShown else { return nil }
    return { progress in
      self.show(progress, restores: restores)
      return true
    }
  }

  private func show(_ progress: Progress, restores: Bool) {
    let elapsed = elapsed
    let interval = console.isTerminal ? Self.interval : 1
    guard elapsed >= Self.delay, elapsed - drawn >= interval else { return }
    drawn = elapsed
    let plain = restores ? progress.bytesWritten : progress.bytesRead
    let packed = restores ? progress.bytesRead : progress.bytesWritten
    var parts: [String] = []
    if let total = progress.totalBytes, total > 0 {
      parts.append(Text.fixed(min(100, 100 * Double(progress.bytesRead) / Double(total)), 0) + "%")
      parts.append("\(Text.size(progress.bytesRead)) of \(Text.size(total))")
    } else {
      parts.append(Text.size(progress.bytesRead))
    }
    if progress.spans > 0 { parts.append("\(Text.grouped(progress.spans)) spans") }
    parts.append("\(Text.size(Int(Double(plain) / elapsed)))/s")
    if packed > 0 { parts.append(Text.ratio(Double(plain) / Double(packed))) }
    if let total = progress.totalBytes, progress.bytesRead > 0, total > progress.bytesRead {
      let left = elapsed * Double(total - progress.bytesRead) / Double(progress.bytesRead)
      parts.append("\(Text.duration(left.rounded(.up))) left")
    }
    let figures = parts.joined(separator: ", ")
    if console.isTerminal {
      let room = max(0, Terminal.width(2) - figures.count - 3)
      let shown = name.sanitised
      let label = shown.count <= room ? shown : room > 8 ? "…" + shown.suffix(room - 1) : ""
      let line = label.isEmpty ? figures : "\(label): \(figures)"
      Console.write("\r\u{1B}[K" + line.prefix(max(1, Terminal.width(2) - 1)))
      isOnScreen = true
    } else {
      Console.write("\(name.sanitised): \(figures)\n")
    }
  }

  /// What is being done, where nothing tells how far it has come.
  func show(_ step: String) {
    guard isShown, console.isTerminal else { return }
    Console.write("\r\u{1B}[K" + "\(name.sanitised): \(step)".prefix(max(1, Terminal.width(2) - 1)))
    isOnScreen = true
  }

  private func clear() {
    if isOnScreen { Console.write("\r\u{1B}[K") }
    isOnScreen = false
  }

  /// Takes the line away.
  func end() {
    clear()
    console.beforeLine = nil
  }
}
