import Bytes
import OTLP

/// What the slots of a block cost, noted while it is coded when anyone asks.
struct SlotCosts: ~Copyable {
  var isOn = false
  /// By slot: bytes, and how its values were coded (`SlotCode`).
  var bytes = Buffer<UInt32>()
  var codes = Buffer<UInt8>()

  mutating func begin(slots: Int) {
    bytes.removeAll()
    codes.removeAll()
    bytes.append(repeating: 0, count: slots)
    codes.append(repeating: 0, count: slots)
  }

  mutating func note(_ slot: Int, _ bytes: Int, _ code: UInt8) {
    self.bytes[slot] += UInt32(truncatingIfNeeded: bytes)
    codes[slot] = code
  }
}

/// How a slot's values were coded, in a byte: the shape below, its context or kind of number above.
enum SlotCode {
  static func code(_ shape: Int, _ kind: Int) -> UInt8 { UInt8(truncatingIfNeeded: shape | kind << 2) }

  static func name(_ code: UInt8) -> String {
    let kind = Int(code >> 2)
    switch Int(code & 3) {
    case SlotShape.symbols:
      switch kind {
      case SlotContext.previous: return "symbols after symbols"
      case SlotContext.other: return "symbols by column"
      case SlotContext.trace: return "symbols by trace"
      case SlotContext.scope: return "symbols by scope"
      default: return "symbols"
      }
    case SlotShape.numbers:
      switch kind {
      case SlotNumber.plain: return "numbers"
      case SlotNumber.delta: return "deltas"
      case SlotNumber.decimal: return "decimals"
      default: return "raw bits"
      }
    default: return "constant"
    }
  }
}

/// What a block's new strings cost.
struct TextCosts {
  /// As stored, with everything around them.
  var bytes = 0
  var layout = ""
  /// By string; empty where they went through a backend all together.
  var each: [Int] = []
}

/// Goes through a decoded block and shares its bytes out over columns, spans, services and names.
struct BlockAccountant: ~Copyable {
  private var details = BlockDetails()
  /// By column of the segment.
  private var columns: [BlockDetails.ColumnTally]
  /// By span: bytes of the archive.
  private var costs: [Double]
  /// By string of the segment: a hash, 0 where not yet asked for; and what it cost if it is new and not yet charged.
  private var hashes: Buffer<UInt64>
  private let firstNew: Int
  private var unpaid: [Double]
  private let textLayout: String

  init(_ skeletons: borrowing Skeletons, _ strings: borrowing StringTable, spans: Int, new: Int, text: TextCosts) {
    columns = Array(repeating: BlockDetails.ColumnTally(), count: skeletons.columns.count)
    costs = Array(repeating: 0, count: spans)
    hashes = Buffer(repeating: 0, count: strings.count)
    firstNew = strings.count - new
    textLayout = text.layout
    unpaid = text.each.map(Double.init)
    if unpaid.count != new {
      // One run for all: each has its share by its length.
      unpaid = (0..<new).map { Double(strings.view(firstNew + $0).count + 1) }
    }
    let sum = unpaid.reduce(0, +)
    let scale = sum > 0 ? Double(text.bytes) / sum : 0
    for i in unpaid.indices { unpaid[i] *= scale }
  }

  /// What string `id` cost, once.
  private mutating func charge(_ id: Int) -> Double {
    guard id >= firstNew, id - firstNew < unpaid.count else { return 0 }
    defer { unpaid[id - firstNew] = 0 }
    return unpaid[id - firstNew]
  }

  private mutating func hash(_ id: Int, _ strings: borrowing StringTable) -> UInt64 {
    if hashes[id] == 0 { hashes[id] = xxHash64(strings.view(id)) | 1 << 63 }
    return hashes[id]
  }

  /// The records of one kind, whose rows stand one behind the other; `owners` are their spans. Gives the bytes that the
  /// rows take in the capture.
  private mutating func records(
    _ records: borrowing Records, owners: [Int], _ model: borrowing BlockModel, _ skeletons: borrowing Skeletons,
    _ strings: borrowing StringTable, ids: String, times: String, sizes: [Int]?
  ) {
    let n = records.templates.count
    var counts = [Int](repeating: 0, count: model.infos.count)
    for i in 0..<n { counts[Int(records.templates[i])] += 1 }
    // What a row of each template costs, its new strings not counted.
    var perRow = [Double](repeating: 0, count: counts.count)
    for t in counts.indices where counts[t] > 0 {
      let info = model.infos[t]
      for word in 0..<Int(info.words) where !info.isSpecial(Int32(word)) {
        let slot = Int(info.slots) + word
        let column = Int(model.slotInfos[slot].column)
        let tally = BlockDetails.Tally(count: counts[t], stored: Double(model.slotCosts.bytes[slot]))
        let codec = SlotCode.name(model.slotCosts.codes[slot])
        columns[column].codecs[codec, default: BlockDetails.Tally()].add(tally)
        columns[column].tally.stored += tally.stored
        details.codecs[codec, default: BlockDetails.Tally()].add(tally)
        perRow[t] += tally.stored / Double(counts[t])
      }
    }
    var byTemplate = [BlockDetails.Tally](repeating: BlockDetails.Tally(), count: counts.count)
    // Ids and times, which have models of their own.
    var special = [BlockDetails.ColumnTally(), BlockDetails.ColumnTally()]
    var row = 0
    for i in 0..<n {
      let t = Int(records.templates[i])
      let info = model.infos[t]
      let template = skeletons.templates[t]
      var cost = perRow[t]
      var word: Int32 = 0
      var size = 0
      for place in 0..<Int(template.stepCount) {
        let step = skeletons.steps[Int(skeletons.templateSteps[Int(template.stepsAt) + place])]
        let leaf = step.kind.leaf
        let value = leaf == .none ? 0 : records.leaves[row + Int(word)]
        let written = step.writtenBytes(value, strings)
        size += written
        if leaf == .none { continue }
        if info.isSpecial(word) {
          let isTime = word == info.start || word == info.end
          special[isTime ? 1 : 0].tally.original += written
          special[isTime ? 1 : 0].distinct.add((value &+ 1) &* 0x9E37_79B9_7F4A_7C15 ^ value >> 29)
        } else {
          let column = Int(step.column)
          columns[column].tally.count += 1
          columns[column].tally.original += written
          if leaf == .string {
            let paid = charge(Int(value))
            if paid > 0 {
              columns[column].tally.stored += paid
              columns[column].text.insert(textLayout)
              cost += paid
            }
            columns[column].distinct.add(hash(Int(value), strings))
            if columns[column].example == nil { columns[column].example = Self.shortened(strings.view(Int(value))) }
          } else {
            columns[column].distinct.add((value &+ 1) &* 0x9E37_79B9_7F4A_7C15 ^ value >> 29)
            if columns[column].example == nil {
              let isDouble = leaf == .word && skeletons.columns[column].value == 4
              columns[column].example = step.text(of: value, isDouble: isDouble)
            }
          }
        }
        word += Int32(leaf.words)
      }
      costs[owners[i]] += cost
      byTemplate[t].add(BlockDetails.Tally(count: 1, original: sizes?[i] ?? size, stored: cost))
      row += Int(info.words)
    }
    for (name, column) in zip([ids, times], special) where column.tally.original > 0 {
      details.columns[name, default: BlockDetails.ColumnTally()].add(column)
    }
    for t in counts.indices where counts[t] > 0 {
      details.templates[skeletons.name(ofTemplate: t), default: BlockDetails.Tally()].add(byTemplate[t])
    }
  }

  /// Values of the spine: resources, scopes and what stands between.
  private mutating func spine(
    _ block: borrowing Block, _ skeletons: borrowing Skeletons, _ strings: borrowing StringTable
  ) -> [Int: Double] {
    var paidFor: [Int: Double] = [:]
    var leaf = 0
    for i in 0..<block.spine.count {
      let step = skeletons.steps[Int(block.spine[i])]
      guard step.kind.leaf != .none else { continue }
      let value = block.spineLeaves[leaf]
      leaf += 1
      guard step.kind.leaf == .string else { continue }
      let column = Int(step.column)
      columns[column].tally.count += 1
      columns[column].tally.original += step.writtenBytes(value, strings)
      columns[column].distinct.add(hash(Int(value), strings))
      let paid = charge(Int(value))
      guard paid > 0 else { continue }
      columns[column].tally.stored += paid
      columns[column].text.insert(textLayout)
      paidFor[Int(value)] = paid
    }
    return paidFor
  }

  /// The whole block.
  /// - Parameter sizes: by span, its bytes in the capture.
  mutating func run(
    _ block: borrowing Block, _ model: borrowing BlockModel, _ skeletons: borrowing Skeletons,
    _ strings: borrowing StringTable, _ scratch: borrowing BlockScratch, sizes: [Int], text: TextCosts
  ) -> BlockDetails {
    let n = block.spans.templates.count
    let resources = spine(block, skeletons, strings)
    records(
      block.spans, owners: Array(0..<n), model, skeletons, strings, ids: "ids", times: "times", sizes: sizes)
    let events = model.children(block.spans, events: true)
    records(block.events, owners: events, model, skeletons, strings, ids: "links", times: "event times", sizes: nil)
    let links = model.children(block.spans, events: false)
    records(block.links, owners: links, model, skeletons, strings, ids: "links", times: "times", sizes: nil)
    if text.bytes > 0 {
      details.codecs["text, " + text.layout, default: BlockDetails.Tally()].add(
        BlockDetails.Tally(count: unpaid.count, stored: Double(text.bytes)))
    }

    // What is of whole records, evenly; ids by who drew them.
    let parts = model.spentParts
    if n > 0 {
      let share = Double(parts.structure + parts.times) / Double(n)
      for i in 0..<n { costs[i] += share }
    }
    for owner in events { costs[owner] += Double(parts.eventTimes) / Double(events.count) }
    for owner in links { costs[owner] += Double(parts.links) / Double(links.count) }
    let draws = model.structure.draws.count
    for i in 0..<draws {
      let draw = model.structure.draws[i]
      let isLink = draw.kind == .linkTrace || draw.kind == .linkSpan
      costs[isLink ? links[Int(draw.row)] : Int(draw.row)] += Double(parts.ids) / Double(draws)
    }
    for (name, count, bytes) in [
      ("spine", block.spine.count, parts.spine), ("structure", n, parts.structure), ("times", 2 * n, parts.times),
      ("event times", events.count, parts.eventTimes), ("links", links.count, parts.links), ("ids", draws, parts.ids),
    ] where bytes > 0 {
      details.columns[name, default: BlockDetails.ColumnTally()].tally.add(
        BlockDetails.Tally(count: count, stored: Double(bytes)))
      details.codecs[name, default: BlockDetails.Tally()].add(BlockDetails.Tally(count: count, stored: Double(bytes)))
    }

    spans(block, model, strings, scratch, sizes: sizes, resources: resources)
    for i in columns.indices where columns[i].tally.count > 0 || columns[i].tally.stored > 0 {
      let name = skeletons.path(skeletons.columns[i])
      details.columns[name, default: BlockDetails.ColumnTally()].add(columns[i])
    }
    let left = unpaid.reduce(0, +)
    if left >= 1 { details.columns["text", default: BlockDetails.ColumnTally()].tally.stored += left }
    return details
  }

  /// Spans by service and by name.
  private mutating func spans(
    _ block: borrowing Block, _ model: borrowing BlockModel, _ strings: borrowing StringTable,
    _ scratch: borrowing BlockScratch, sizes: [Int], resources: [Int: Double]
  ) {
    var services: [Int: BlockDetails.Tally] = [:]
    var names: [Int: BlockDetails.Tally] = [:]
    var row = 0
    for i in 0..<costs.count {
      let info = model.infos[Int(block.spans.templates[i])]
      let tally = BlockDetails.Tally(count: 1, original: sizes[i], stored: costs[i])
      let process = Int(model.spine.scopeProcess[Int(scratch.rows.scopes[i])])
      services[Int(model.spine.processResource[process]) - 1, default: BlockDetails.Tally()].add(tally)
      let name = info.name < 0 ? -1 : Int(block.spans.leaves[row + Int(info.name)])
      names[name, default: BlockDetails.Tally()].add(tally)
      row += Int(info.words)
    }
    for (resource, paid) in resources { services[resource]?.stored += paid }
    for (resource, tally) in services {
      let name = resource < 0 ? nil : serviceName(strings.view(resource))
      details.services[name.map { String(decoding: $0, as: UTF8.self) } ?? "", default: BlockDetails.Tally()].add(tally)
    }
    for (name, tally) in names {
      details.spanNames[name < 0 ? "" : strings.view(name).string, default: BlockDetails.Tally()].add(tally)
    }
  }

  private static func shortened(_ text: ByteView) -> String {
    var end = min(text.count, 120)
    while end > 0, end < text.count, text[end] & 0xC0 == 0x80 { end -= 1 }
    return text[0..<end].string + (end < text.count ? "…" : "")
  }
}

extension BlockModel {
  /// The span of each event (or link), in their order.
  fileprivate func children(_ spans: borrowing Records, events: Bool) -> [Int] {
    var owners: [Int] = []
    var row = 0
    for i in 0..<spans.templates.count {
      let info = infos[Int(spans.templates[i])]
      for word in 0..<Int(info.words) where slotInfos[Int(info.slots) + word].child == (events ? 1 : 2) {
        owners += Array(repeating: i, count: Int(spans.leaves[row + word]))
      }
      row += Int(info.words)
    }
    return owners
  }
}

extension Step {
  /// Bytes of the capture that the step stands for: its literal and its leaf, with the lengths between them. Lengths of
  /// nested records are with whoever holds them.
  func writtenBytes(_ value: UInt64, _ strings: borrowing StringTable) -> Int {
    let literal = Int(literalCount)
    func text() -> Int { strings.view(Int(truncatingIfNeeded: value)).count }
    func width(_ count: Int, _ kept: UInt8) -> Int { kept == 0 ? varintWidth(UInt64(count)) : Int(kept) }
    func attribute(_ inner: Int, _ width2: Int) -> Int {
      literal + width(literal - Int(tagCount) + width2 + inner, width1) + width2 + inner
    }
    switch kind {
    case .literal, .jsonEnd, .frame, .open, .openExplicit: return literal
    case .run, .jsonRun, .duplicate: return 0
    case .varint: return literal + (width1 == 0 ? varintWidth(value) : Int(width1))
    case .fixed64, .id8: return literal + 8
    case .fixed32: return literal + 4
    case .id16: return literal + 16
    case .bytes: return literal + width(text(), width1) + text()
    case .attributeString:
      let inner = 1 + width(text(), width3) + text()
      return attribute(inner, width(inner, width2))
    case .attributeVarint: return attribute(1 + (width3 == 0 ? varintWidth(value) : Int(width3)), max(1, Int(width2)))
    case .attributeOther: return attribute(text(), width(text(), width2))
    case .rest, .verbatim, .jsonString, .jsonText, .jsonRecord: return literal + text()
    case .jsonId8, .jsonUpperId8: return literal + 16
    case .jsonId16, .jsonUpperId16: return literal + 32
    case .jsonBase64Id8: return literal + 12
    case .jsonBase64Id16: return literal + 24
    case .jsonInteger, .jsonUnsigned, .jsonBool, .jsonDouble: return literal + self.text(of: value).utf8.count
    }
  }

  /// A number as it is written, or would be.
  func text(of value: UInt64, isDouble: Bool = false) -> String {
    switch kind {
    case _ where isDouble && kind != .jsonDouble: return "\(Double(bitPattern: value))"
    case .jsonInteger, .attributeVarint, .varint: return "\(Int64(bitPattern: value))"
    case .jsonBool: return value == 0 ? "false" : "true"
    case .jsonDouble:
      var text = Buffer<UInt8>()
      text.append(plainDouble: Double(bitPattern: value), style: DoubleStyle(rawValue: width1) ?? .ecmaScript)
      return text.view.string
    default: return "\(value)"
    }
  }
}

extension Skeletons {
  /// What a template is of: its kind of record and its columns.
  fileprivate func name(ofTemplate number: Int) -> String {
    let template = templates[number]
    var paths: [String] = []
    for place in 0..<Int(template.stepCount) {
      let step = steps[Int(templateSteps[Int(template.stepsAt) + place])]
      guard step.kind.leaf != .none, columns[Int(step.column)].nameCount > 0 else { continue }
      paths.append(name(columns[Int(step.column)]).string)
    }
    return "\(template.record): " + (paths.isEmpty ? "no attributes" : paths.joined(separator: ", "))
  }
}
