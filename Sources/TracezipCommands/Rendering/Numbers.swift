import Glibc

/// Numbers, sizes and times as people read them. Without Foundation, which would double the time to start.
enum Text {
  /// `1,234,567`
  static func grouped(_ number: Int) -> String {
    let digits = Array(String(number.magnitude).utf8)
    var text: [UInt8] = number < 0 ? [0x2D] : []
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text.append(0x2C) }
      text.append(digit)
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// `1 segment`, `2 segments`
  static func count(_ number: Int, _ noun: String) -> String { grouped(number) + " \(noun)" + (number == 1 ? "" : "s") }

  /// `3.14`
  static func fixed(_ number: Double, _ digits: Int) -> String {
    guard number.isFinite, abs(number) < 1e15 else { return "-" }
    var scale = 1
    for _ in 0..<digits { scale *= 10 }
    let scaled = Int((abs(number) * Double(scale)).rounded())
    let sign = number < 0 && scaled > 0 ? "-" : ""
    if digits == 0 { return sign + String(scaled) }
    let fraction = String(scaled % scale)
    return sign + String(scaled / scale) + "." + String(repeating: "0", count: digits - fraction.count) + fraction
  }

  /// `512 B`, `39.3 MB`: powers of 1000, three digits that count.
  static func size(_ bytes: Int) -> String {
    if bytes.magnitude < 1000 { return "\(bytes) B" }
    var value = Double(bytes)
    for unit in ["kB", "MB", "GB", "TB", "PB", "EB"] {
      value /= 1000
      if abs(value) < 999.5 { return fixed(value, abs(value) < 9.995 ? 2 : abs(value) < 99.95 ? 1 : 0) + " " + unit }
    }
    return "\(bytes) B"
  }

  static func ratio(_ ratio: Double) -> String { ratio == 0 ? "-" : fixed(ratio, 2) + "x" }

  static func percent(_ part: Int, of whole: Int) -> String {
    whole == 0 ? "-" : fixed(100 * Double(part) / Double(whole), 1) + "%"
  }

  /// `850 ms`, `3.2 s`, `4:05`, `1:02:03`
  static func duration(_ seconds: Double) -> String {
    if seconds < 1 { return fixed(seconds * 1000, 0) + " ms" }
    if seconds < 60 { return fixed(seconds, 1) + " s" }
    guard seconds < 1e9 else { return "-" }
    let whole = Int(seconds.rounded())
    let tail = pad(whole / 60 % 60) + ":" + pad(whole % 60)
    return whole >= 3600 ? "\(whole / 3600):" + tail : "\(whole / 60):" + pad(whole % 60)
  }

  private static func pad(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

  /// `2026-11-21T05:17:38.123Z` of nanoseconds since 1970.
  static func time(_ nanoseconds: UInt64, milliseconds: Bool = true) -> String {
    let seconds = nanoseconds / 1_000_000_000
    let (year, month, day) = date(daysSince1970: Int(seconds / 86_400))
    let rest = Int(seconds % 86_400)
    let clock = "\(pad(rest / 3600)):\(pad(rest / 60 % 60)):\(pad(rest % 60))"
    let fraction = Int(nanoseconds % 1_000_000_000 / 1_000_000)
    let thousandths = String(repeating: "0", count: fraction < 10 ? 2 : fraction < 100 ? 1 : 0) + "\(fraction)"
    return "\(year)-\(pad(month))-\(pad(day))T\(clock)" + (milliseconds ? ".\(thousandths)Z" : "Z")
  }

  /// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": civil_from_days, for days from 1970 on.
  private static func date(daysSince1970 days: Int) -> (year: Int, month: Int, day: Int) {
    let shifted = days + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
  }
}
