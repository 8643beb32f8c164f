/// What the program tells its caller when it ends.
enum ExitStatus: Int32, Comparable {
  case success = 0
  case error = 1
  /// Everything was done, but something was worth a word.
  case warning = 2
  case damaged = 3
  case usage = 64

  /// Among several files the gravest wins: damage says more than an error, an error more than a warning.
  private var gravity: Int {
    switch self {
    case .success: 0
    case .warning: 1
    case .error: 2
    case .damaged: 3
    case .usage: 4
    }
  }

  static func < (a: ExitStatus, b: ExitStatus) -> Bool { a.gravity < b.gravity }
}
