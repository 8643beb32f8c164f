import Bytes

/// Records of one kind in file order: which template each has, and the leaves, row after row.
struct Records: ~Copyable {
  var templates = Buffer<UInt32>()
  var leaves = Buffer<UInt64>()

  @inline(__always)
  mutating func append(_ template: UInt32, _ row: borrowing Buffer<UInt64>, _ mark: Int) {
    templates.append(template)
    leaves.append(row, from: mark)
  }

  mutating func removeAll() {
    templates.removeAll()
    leaves.removeAll()
  }

  var mark: (templates: Int, leaves: Int) { (templates.count, leaves.count) }

  /// Takes back what was appended since `mark`.
  mutating func truncate(to mark: (templates: Int, leaves: Int)) {
    templates.truncate(to: mark.templates)
    leaves.truncate(to: mark.leaves)
  }
}

/// A block between shredding and coding (or decoding and weaving): the whole meaning of its bytes, given the segment's
/// skeletons and strings.
struct Block: ~Copyable {
  /// Steps of the spine, in order, and their leaves.
  var spine = Buffer<UInt32>()
  var spineLeaves = Buffer<UInt64>()
  var spans = Records()
  var events = Records()
  var links = Records()

  /// Adds a record: its template and the words of `row` from `mark` on.
  @inline(__always)
  mutating func append(_ kind: RecordKind, template: Int, row: borrowing Buffer<UInt64>, from mark: Int) {
    let t = UInt32(truncatingIfNeeded: template)
    switch kind {
    case .span, .spine: spans.append(t, row, mark)
    case .event: events.append(t, row, mark)
    case .link: links.append(t, row, mark)
    }
  }

  mutating func removeAll() {
    spine.removeAll()
    spineLeaves.removeAll()
    spans.removeAll()
    events.removeAll()
    links.removeAll()
  }
}
