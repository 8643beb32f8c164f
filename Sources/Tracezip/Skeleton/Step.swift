import Bytes

/// What has a skeleton. The spine is everything around the records: framing, ResourceSpans, ScopeSpans, resources, scopes.
enum RecordKind: UInt8, BitwiseCopyable, CaseIterable {
  case spine, span, event, link

  /// As paths of columns have it. (Interpolating a case finds its name by reflection, which takes microseconds.)
  var name: String {
    switch self {
    case .spine: "spine"
    case .span: "span"
    case .event: "event"
    case .link: "link"
    }
  }
}

/// One step of a walk through the span retrieval tree: a literal that must stand at the cursor, then at most one leaf.
///
/// Protobuf lengths are neither literal nor leaf: they follow from what they enclose. A step only keeps the widths of
/// the varints that are not in their shortest form (`widths`), so over-long lengths come back as they were.
enum StepKind: UInt8, BitwiseCopyable, CaseIterable {
  // Inside a record, protobuf. "tag" is part of the literal, as written.
  /// Literal only.
  case literal
  /// tag, varint. widths: the value.
  case varint
  /// tag, 8 bytes little-endian.
  case fixed64
  /// tag, 4 bytes little-endian.
  case fixed32
  /// tag, length, bytes: a string leaf. widths: the length.
  case bytes
  /// literal, 8 bytes: a span id (big-endian word).
  case id8
  /// literal, 16 bytes: a trace id (two big-endian words).
  case id16
  /// KeyValue with a string: tag, length 1, `keyLiteral` (ending in the value's tag), length 2, 0x0A, length 3, bytes.
  /// The literal is tag and key literal; the tag's size is in `tagCount`.
  case attributeString
  /// KeyValue with an int: tag, length 1, key literal, length 2, 0x18, varint.
  case attributeVarint
  /// KeyValue with any other value: tag, length 1, key literal, length 2, the AnyValue's bytes: a string leaf.
  case attributeOther
  /// Consecutive fields of one tag, each a record of kind `child`: count. widths: the lengths.
  case run
  /// Everything up to the record's end: a string leaf.
  case rest
  /// A whole span, byte for byte as an earlier one of the block: how many spans back.
  case duplicate

  // Spine, protobuf. `level` says which message the step stands in; deeper ones are closed before it.
  /// A frame's prefix (by the block's framing), opening a message whose length follows from its content.
  case frame
  /// tag, length: opens a nested message whose length follows from its content. widths: the length.
  case open
  /// tag, length as leaf: opens a nested message that does not end in this block.
  case openExplicit
  /// Bytes as they are: a string leaf.
  case verbatim

  // JSON: literal (punctuation, keys and white space as written), then text.
  /// Text of a string as written between its quotes, escapes kept: a string leaf.
  case jsonString
  /// A decimal integer in canonical spelling that fits Int64.
  case jsonInteger
  /// As `jsonInteger`, but only non-negative: up to UInt64.max.
  case jsonUnsigned
  /// 16 lower-case hex digits: a span id.
  case jsonId8
  /// 32 lower-case hex digits: a trace id.
  case jsonId16
  /// A number spelled as the shortest text that gives the double back: its bits. `width1`: the `DoubleStyle`.
  case jsonDouble
  /// Any value that is no string: a string leaf.
  case jsonText
  /// Consecutive records of kind `child`: count. The literal's last `tagCount` bytes stand between two records, the
  /// bytes before them ahead of the first.
  case jsonRun
  /// 12 characters of canonical base64: a span id.
  case jsonBase64Id8
  /// 24 characters of canonical base64: a trace id.
  case jsonBase64Id16
  /// 16 upper-case hex digits.
  case jsonUpperId8
  /// 32 upper-case hex digits.
  case jsonUpperId16
  /// `true` or `false`: 1 or 0.
  case jsonBool
  /// The literal that a record ends with.
  case jsonEnd
  /// A whole record that is too long or too odd to be taken apart: a string leaf.
  case jsonRecord
}

/// How a leaf is held in a block's rows.
enum LeafKind {
  case none
  /// One word with a number.
  case word
  /// One word: an index into the string table.
  case string
  /// One word: how many child records follow.
  case count
  /// One word: 8 bytes of id.
  case id8
  /// Two words: 16 bytes of id.
  case id16

  var words: Int {
    switch self {
    case .none: 0
    case .id16: 2
    default: 1
    }
  }
}

extension StepKind {
  /// Steps of protobuf whose own bytes say where they end and what their one leaf is, but for ids and times, which are
  /// not the same twice.
  @inline(__always)
  var repeatsByBytes: Bool {
    switch self {
    case .literal, .varint, .fixed32, .bytes, .attributeString, .attributeVarint, .attributeOther: true
    default: false
    }
  }

  var leaf: LeafKind {
    switch self {
    case .literal, .frame, .open, .jsonEnd: .none
    case .varint, .fixed64, .fixed32, .attributeVarint, .duplicate, .openExplicit, .jsonInteger, .jsonUnsigned,
      .jsonDouble, .jsonBool:
      .word
    case .bytes, .attributeString, .attributeOther, .rest, .verbatim, .jsonString, .jsonText, .jsonRecord: .string
    case .run, .jsonRun: .count
    case .id8, .jsonId8, .jsonBase64Id8, .jsonUpperId8: .id8
    case .id16, .jsonId16, .jsonBase64Id16, .jsonUpperId16: .id16
    }
  }
}

struct Step: BitwiseCopyable {
  /// The level of a spine step that stands between frames.
  static var outside: UInt8 { 255 }
  var kind: StepKind
  var record: RecordKind
  /// Spine: 0 message, 1 ResourceSpans, 2 ScopeSpans. In JSON records what the field mostly holds (`JSONExpected`).
  var level: UInt8 = 0
  /// `run`: what the children are.
  var child: RecordKind = .span
  /// Bytes of the tag at the head of an attribute's literal; of the separator at the end of a JSON run's.
  var tagCount: UInt8 = 0
  /// Widths in bytes of up to three varints, 0 where in shortest form.
  var width1: UInt8 = 0
  var width2: UInt8 = 0
  var width3: UInt8 = 0
  var column: UInt32 = 0
  var literalAt: UInt32 = 0
  var literalCount: UInt32 = 0
}

/// The meaning of a column: an OTLP path.
struct Column: BitwiseCopyable, Equatable {
  var record: RecordKind
  /// Field number in the record's OTLP message; 0 where the path names none.
  var field: UInt32
  /// What the leaf is: the AnyValue field number for attributes (1 string, 2 bool, 3 int, 4 double, …), else 0.
  var value: UInt8
  /// Attribute key or unknown member name, a range in `Skeletons.names`.
  var nameAt: UInt32
  var nameCount: UInt32

  /// Whether its strings are whole `Resource` messages.
  var isResource: Bool { record == .spine && field == 1 && value == 1 }
}
