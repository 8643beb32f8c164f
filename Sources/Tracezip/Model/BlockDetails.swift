import Bytes
import Columns

/// What statistics want to know of a block beyond its report. Only who asks for statistics pays for it.
struct BlockDetails: Sendable {
  struct Tally: Sendable {
    /// Spans, values, records or ids: what the group is of.
    var count = 0
    /// Bytes in the capture.
    var original = 0
    /// Bytes in the archive. The cost of a template's column is shared out evenly over its rows, hence fractions.
    var stored = 0.0

    mutating func add(_ other: Tally) {
      count += other.count
      original += other.original
      stored += other.stored
    }
  }

  struct ColumnTally: Sendable {
    var tally = Tally()
    var distinct = DistinctCounter()
    var example: String?
    /// Values and bytes by how they were coded.
    var codecs: [String: Tally] = [:]
    /// How the text of its new strings was laid out.
    var text: Set<String> = []

    mutating func add(_ other: ColumnTally) {
      tally.add(other.tally)
      distinct.merge(other.distinct)
      example = example ?? other.example
      codecs.merge(other.codecs) { $0.adding($1) }
      text.formUnion(other.text)
    }

    /// The codec that took most, and the text's.
    var chain: String {
      let values = codecs.max { ($0.value.stored, $0.value.count, $1.key) < ($1.value.stored, $1.value.count, $0.key) }
      return ([values?.key].compactMap { $0 } + text.sorted()).joined(separator: ", ")
    }
  }

  var columns: [String: ColumnTally] = [:]
  var services: [String: Tally] = [:]
  var spanNames: [String: Tally] = [:]
  var codecs: [String: Tally] = [:]
  var templates: [String: Tally] = [:]
  /// Ids by the generator that drew them, where the id codec tells.
  var generators: [String: Tally] = [:]

  mutating func add(_ other: BlockDetails) {
    for (name, column) in other.columns { columns[name, default: ColumnTally()].add(column) }
    services.merge(other.services) { $0.adding($1) }
    spanNames.merge(other.spanNames) { $0.adding($1) }
    codecs.merge(other.codecs) { $0.adding($1) }
    templates.merge(other.templates) { $0.adding($1) }
    generators.merge(other.generators) { $0.adding($1) }
  }
}

extension BlockDetails {
  /// Takes in what became of a block's stored ids, `ids` of them in `bytes`.
  mutating func add(_ report: IdReport, ids: Int, bytes: Int) {
    var rest = Tally(count: ids, stored: Double(bytes))
    for group in report.groups {
      let tally = Tally(count: group.ids, original: group.bytesBefore, stored: Double(group.bytesAfter))
      generators[group.generator, default: Tally()].add(tally)
      rest.count -= tally.count
      rest.stored -= tally.stored
    }
    if rest.count > 0 || rest.stored > 0 {
      rest.count = max(0, rest.count)
      rest.stored = max(0, rest.stored)
      generators["", default: Tally()].add(rest)
    }
  }
}

extension BlockDetails.Tally {
  func adding(_ other: BlockDetails.Tally) -> BlockDetails.Tally {
    var sum = self
    sum.add(other)
    return sum
  }
}

/// How many different values there are: exactly up to a bound, beyond it by a sample of their hashes, which is then
/// about 1 % off (Flajolet, "On Adaptive Sampling", 1990: of more hashes only those are kept that end in one more zero).
struct DistinctCounter: Sendable {
  private static let bound = 1 << 14
  private var level: UInt64 = 0
  private var kept: Set<UInt64> = []
  private var last: UInt64 = 0

  var count: Int { kept.count << Int(level) }

  @inline(__always)
  mutating func add(_ hash: UInt64) {
    if hash == last { return }
    last = hash
    insert(hash)
  }

  private mutating func insert(_ hash: UInt64) {
    guard hash & ((1 << level) - 1) == 0, kept.insert(hash).inserted else { return }
    while kept.count > Self.bound {
      level += 1
      let mask: UInt64 = (1 << level) - 1
      kept = kept.filter { $0 & mask == 0 }
    }
  }

  mutating func merge(_ other: DistinctCounter) {
    if other.level > level {
      level = other.level
      let mask: UInt64 = (1 << level) - 1
      kept = kept.filter { $0 & mask == 0 }
    }
    for hash in other.kept { insert(hash) }
  }
}
