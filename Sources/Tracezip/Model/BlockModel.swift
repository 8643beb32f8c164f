import Bytes
import Columns

/// The adaptive model of a segment: everything that encoder and decoder learn alike from the blocks so far. The methods
/// that code a block are generic over the coder, so each is written once and runs in both directions.
struct BlockModel: ~Copyable {
  struct Switches: BitwiseCopyable {
    var delta = true
    var derived = true
  }
  var switches = Switches()
  var models = Models()
  var contexts = SymbolContexts()
  var alphabets = Alphabets()
  var infos = Buffer<TemplateInfo>()
  var slotInfos = Buffer<SlotInfo>()
  var slots = Buffer<Slot>()
  /// Of the block at hand: its rows, and what is known of the templates that are in it, with places for words.
  var layout = RowLayout()
  var placed = Buffer<TemplateInfo>()
  /// Alphabet and number models of each column, made when first needed.
  var columnAlphabets = Buffer<Int32>()
  var columnNumbers = Buffer<UInt32>()
  /// How many numbers of a column are coded by models that all columns share, strings' apart from the others': most
  /// columns have no more.
  private static var firstNumbers: UInt32 { 3 }
  /// Where these models begin.
  private var sharedNumbers = 0
  var columnLast = Buffer<UInt64>()
  /// Slots of each column: where there is but one, no other learns from it.
  var columnSlots = Buffer<UInt32>()
  /// Encoder: whether any of them was ever told by the trace.
  var columnTraced = Buffer<Bool>()
  /// Of columns of doubles, by column, -1 where none was needed; and all there are.
  var columnDecimals = Buffer<Int32>()
  var decimals = Buffer<DecimalSlot>()
  /// Strings that have a coded id so far: the next new one gets this id.
  var stringCount = 0
  /// Encoder: shred id -> coded id.
  var codedIds = Buffer<UInt32>()
  /// The block's new strings in coding order: id (the encoder's shred id) below, column above.
  var newStrings = Buffer<UInt64>()
  /// Encoder: coded id -> shred id.
  var shredIds = Buffer<UInt32>()
  /// Decoder: how many strings the segment has after this block.
  var stringLimit = 0
  /// Bytes spent, by column, when anyone asks.
  var spent = Buffer<UInt64>()
  var columnPaths = ColumnPaths()

  var spentParts = SpentParts()
  /// For statistics: what each slot cost, and how the slot at hand was coded.
  var slotCosts = SlotCosts()
  var slotCode: UInt8 = 0

  // Traces and ids, see StructureModel.swift.
  var traces = TraceTable()
  /// Encoder: ids where the id codec has none. A decoder's are in its `IdTable`.
  var plainIds = PlainIds()
  var spine = SpineState()
  var structure = StructureState()
  var times = TimeState()

  /// Decoder: words of leaves that a block may have. Each makes a byte at least.
  var leafLimit = 0

  /// What the model's tables take, about, with a decoder's ids.
  var bytes: Int {
    models.states.count * 4 + contexts.bytes + slots.count * MemoryLayout<Slot>.stride
      + traces.nodes.count * (MemoryLayout<Node>.stride + MemoryLayout<NodeTimes>.stride)
      + traces.traces.count * MemoryLayout<Trace>.stride
      + IdTable.bytes(nodes: traces.nodes.count, traces: traces.traces.count)
  }

  // Scratch of one block.
  var rowAt = Buffer<UInt32>()
  /// Records by template, and their rows.
  var order = Buffer<UInt32>()
  var sortedRows = Buffer<UInt32>()
  /// Of the template at hand, the bits in which its rows differ, word by word.
  var differences = Buffer<UInt64>()
  var sightings = Sightings()
  /// The first values of the slot under review.
  var sampled = Buffer<UInt64>()
  /// Of some rows of the slot at hand: keys of contexts, and the contexts that they are coded in or teach.
  private var keys = Buffer<UInt64>(capacity: contextsAhead)
  private var found = Buffer<UInt32>(repeating: 0, count: contextsAhead)
  private var taught = Buffer<UInt32>(repeating: 0, count: contextsAhead)
  var starts = Buffer<UInt32>()
  /// Ids that must be stored, by the rows of the spans they were made for.
  var placedDraws = Buffer<PlacedDraw>()
  /// Decoder: the same in the order of rows. And where the next draw of each row goes.
  var arrangedDraws = Buffer<PlacedDraw>()
  var drawEnds = Buffer<UInt32>()

  init() {}

  /// Takes in the templates and columns that this block added.
  mutating func grow(_ skeletons: borrowing Skeletons) {
    columnSlots.resize(to: skeletons.columns.count, filling: 0)
    columnTraced.resize(to: skeletons.columns.count, filling: false)
    while infos.count < skeletons.templates.count {
      let first = slotInfos.count
      let info = skeletons.describe(infos.count, &slotInfos)
      for slot in first..<slotInfos.count { columnSlots[Int(slotInfos[slot].column)] += 1 }
      infos.append(info)
      placed.append(info)
      while slots.count < slotInfos.count { slots.append(Slot()) }
    }
    columnAlphabets.resize(to: skeletons.columns.count, filling: -1)
    columnNumbers.resize(to: skeletons.columns.count, filling: 0)
    columnLast.resize(to: skeletons.columns.count, filling: 0)
    columnDecimals.resize(to: skeletons.columns.count, filling: -1)
    spent.resize(to: skeletons.columns.count, filling: 0)
  }

  // MARK: - Values

  static var unassigned: UInt64 { 1 << 63 }

  /// What stands for a leaf among symbols: a number itself, a string's coded id (or `unassigned`).
  @inline(__always)
  func symbol(_ value: UInt64, isString: Bool) -> UInt64 {
    if !isString { return value }
    let id = codedIds[Int(truncatingIfNeeded: value)]
    return id == .max ? BlockModel.unassigned : UInt64(id)
  }

  @inline(__always)
  static func key(_ a: UInt64, _ b: UInt64, _ c: UInt64) -> UInt64 {
    var h = a &* 0x9E37_79B9_7F4A_7C15
    h = (h ^ h >> 32 ^ b) &* 0xD6E8_FEB8_6659_FD93
    h = (h ^ h >> 32 ^ c) &* 0xA076_1D64_78BD_642F
    return h ^ h >> 32
  }

  /// A value in a context (negative: none), then in the slot's alphabet, the column's alphabet, the segment's strings,
  /// or new. Returns the symbol.
  @inline(__always)
  mutating func codeValue<C: BitCoder & ~Copyable>(
    _ value: UInt64, slot: Int, isString: Bool, context: Int, _ c: inout C
  ) -> UInt64 {
    let sym = C.decodes ? 0 : symbol(value, isString: isString)
    if context >= 0, let found = contexts.codeFirst(sym, context, &c) {
      return checked(found, isString: isString, &c)
    }
    return codeRarer(value, sym, slot: slot, context: context, &c)
  }

  /// A symbol that was found in a context. Keys of contexts may collide: a number of one may be no string of another.
  @inline(__always)
  private func checked<C: BitCoder & ~Copyable>(_ symbol: UInt64, isString: Bool, _ c: inout C) -> UInt64 {
    if !C.decodes || !isString || symbol < UInt64(stringCount) { return symbol }
    c.fail()
    return 0
  }

  /// A value that is not its context's first candidate.
  @inline(never)
  private mutating func codeRarer<C: BitCoder & ~Copyable>(
    _ value: UInt64, _ sym: UInt64, slot: Int, context: Int, _ c: inout C
  ) -> UInt64 {
    let info = slotInfos[slot]
    if context >= 0, let found = contexts.codeOthers(sym, context, &c) {
      return checked(found, isString: info.isString, &c)
    }
    var alphabet = Int(slots[slot].alphabet)
    if alphabet < 0 {
      alphabet = alphabets.make(&models, ofStrings: info.isString)
      slots[slot].alphabet = Int32(alphabet)
    }
    if let found = alphabets.code(sym, alphabet, &models, &c) {
      slots[slot].hits &+= 1
      if context >= 0 { contexts.learn(found, context) }
      return found
    }
    let out = codeInColumn(value, sym, info, &c)
    if slots[slot].missed() {
      alphabets.add(out, alphabet, &models, encoding: !C.decodes)
    }
    if context >= 0 { contexts.learn(out, context) }
    return out
  }

  private mutating func codeInColumn<C: BitCoder & ~Copyable>(
    _ value: UInt64, _ sym: UInt64, _ info: SlotInfo, _ c: inout C
  ) -> UInt64 {
    let column = Int(info.column)
    if columnAlphabets[column] < 0 {
      columnAlphabets[column] = Int32(alphabets.make(&models, ofStrings: info.isString))
    }
    let alphabet = Int(columnAlphabets[column])
    if let found = alphabets.code(sym, alphabet, &models, &c) { return found }
    let out: UInt64
    if info.isString {
      let numbers = numberModels(of: column, isString: true)
      // Known under another column, or new.
      let known = c.codeBit(sym != BlockModel.unassigned, &models, numbers + ModelSize.signed, limit: 60)
      if known {
        let back = c.codeNumber(UInt64(stringCount) &- 1 &- sym, &models, numbers)
        if back >= UInt64(stringCount) {
          c.fail()
          out = 0
        } else {
          out = UInt64(stringCount) - 1 - back
        }
      } else {
        out = UInt64(stringCount)
        if C.decodes {
          if stringCount >= stringLimit {
            c.fail()
            return 0
          }
          newStrings.append(UInt64(stringCount) | UInt64(column) << 32)
        } else {
          codedIds[Int(value)] = UInt32(stringCount)
          newStrings.append(value | UInt64(column) << 32)
          shredIds.append(UInt32(truncatingIfNeeded: value))
        }
        stringCount += 1
      }
    } else if info.isDouble {
      if columnDecimals[column] < 0 { columnDecimals[column] = makeDecimal() }
      out = codeDecimal(sym, Int(columnDecimals[column]), &c)
    } else {
      let base = columnLast[column]
      let delta = c.codeSigned(
        Int64(bitPattern: sym &- base), &models, numberModels(of: column, isString: false))
      out = base &+ UInt64(bitPattern: delta)
      columnLast[column] = out
    }
    alphabets.add(out, alphabet, &models, encoding: !C.decodes)
    return out
  }

  /// The models of a column's next number: its own, once it has had a few. Below `firstNumbers`, what `columnNumbers`
  /// says is how many those were; no models of a column begin there, since others were made before.
  @inline(__always)
  private mutating func numberModels(of column: Int, isString: Bool) -> Int {
    let own = columnNumbers[column]
    if own > BlockModel.firstNumbers { return Int(own) }
    if own == BlockModel.firstNumbers {
      columnNumbers[column] = UInt32(models.allocate(ModelSize.signed + 2))
      return Int(columnNumbers[column])
    }
    columnNumbers[column] = own + 1
    if sharedNumbers == 0 { sharedNumbers = models.allocate(2 * (ModelSize.signed + 2)) }
    return sharedNumbers + (isString ? ModelSize.signed + 2 : 0)
  }

  // MARK: - Slots

  @inline(__always)
  static func traceKey(_ column: UInt32, _ trace: UInt32) -> UInt64 { key(UInt64(column), 3, UInt64(trace)) }

  /// Whether a word of all of one template's rows varies.
  mutating func codeVaries<C: BitCoder & ~Copyable>(_ varies: Bool, slot: Int, _ c: inout C) -> Bool {
    if slots[slot].shape == 0 { slots[slot].shape = UInt32(models.allocate(32)) }
    return c.codeBit(varies, &models, Int(slots[slot].shape) + 1, limit: 30)
  }

  /// Codes word `word` of all of one template's `rows`, of which is known whether it varies. Leaves become symbols in place.
  mutating func codeSlot<C: BitCoder & ~Copyable>(
    template: Int, word: Int, _ rows: TemplateRows, _ env: borrowing RowContexts, _ c: inout C
  ) {
    let slot = Int(infos[template].slots) + word
    let isString = slotInfos[slot].isString
    let shapeModels = Int(slots[slot].shape)
    let isConstant = layout.isConstant(template, word)
    let place = layout.place(template, word)
    let n = rows.count

    var shape = isConstant ? SlotShape.constant : SlotShape.symbols
    if !C.decodes {
      if isConstant {
        if slots[slot].seen > 0, symbol(rows[0, place], isString: isString) == slots[slot].last {
          shape = SlotShape.same
        }
      } else {
        review(template, word, slot, rows, env)
        if slots[slot].numeric != 0 { shape = SlotShape.numbers }
      }
    }
    // The upper bit has been coded before the rows were laid out.
    let upper = shape & 2
    shape = upper | (c.codeBit(shape & 1 != 0, &models, shapeModels + 2 + upper / 2, limit: 30) ? 1 : 0)
    slotCode = SlotCode.code(shape, 0)
    var last = slots[slot].last
    switch shape {
    case SlotShape.same, SlotShape.constant:
      if shape == SlotShape.constant {
        last = codeValue(C.decodes ? 0 : rows[0, place], slot: slot, isString: isString, context: -1, &c)
      }
      if slots[slot].seen == 0, isString, C.decodes, stringCount == 0 { c.fail() }
      if C.decodes { layout.note(constant: last, template, word) }
      if C.decodes ? place >= 0 : isString && (slotInfos[slot].isRead || slotCosts.isOn) {
        var i = 0
        while i < n {
          rows[i, place] = last
          i &+= 1
        }
      }
    case SlotShape.symbols: last = codeSymbols(template, word, place, rows, env, &c)
    default:
      if isString {
        c.fail()
        return
      }
      if slots[slot].number == 0 { slots[slot].number = UInt32(models.allocate(ModelSize.signed)) }
      let numbers = Int(slots[slot].number)
      let how = Int(truncatingIfNeeded: c.codeRaw(UInt64(slots[slot].numeric &- 1), count: 2))
      slotCode = SlotCode.code(shape, how)
      if how == SlotNumber.decimal, slots[slot].decimal < 0 { slots[slot].decimal = makeDecimal() }
      var i = 0
      while i < n {
        let value = C.decodes ? 0 : rows[i, place]
        switch how {
        case SlotNumber.decimal: last = codeDecimal(value, Int(slots[slot].decimal), &c)
        case SlotNumber.plain: last = c.codeNumber(value, &models, numbers)
        case SlotNumber.delta:
          last = last &+ UInt64(bitPattern: c.codeSigned(Int64(bitPattern: value &- last), &models, numbers))
        default: last = c.codeRaw(value, count: 64)
        }
        rows[i, place] = last
        i &+= 1
      }
    }
    slots[slot].coded(n, last: last)
  }

  /// Rows whose contexts are found before their values are coded: enough to wait for memory only once, and few enough for
  /// it to stay near.
  private static var contextsAhead: Int { 64 }

  /// Codes a slot's values as symbols in their contexts; the last of them.
  @inline(__always)
  private mutating func codeSymbols<C: BitCoder & ~Copyable>(
    _ template: Int, _ word: Int, _ place: Int, _ rows: TemplateRows, _ env: borrowing RowContexts, _ c: inout C
  ) -> UInt64 {
    let slot = Int(infos[template].slots) + word
    let isString = slotInfos[slot].isString
    let shapeModels = Int(slots[slot].shape)
    let kind = c.codeTree(Int(slots[slot].context), bits: 3, &models, shapeModels + 4, limit: 30)
    var other = Int(slots[slot].other)
    if kind == SlotContext.other {
      other = Int(truncatingIfNeeded: c.codeRaw(UInt64(other), count: 8))
      if other >= word { c.fail() }
    }
    if c.failed { return 0 }
    var teaches = false
    if kind != SlotContext.trace {
      teaches = slots[slot].teaches && (slots[slot].seen == 0 || columnTraced[Int(slotInfos[slot].column)])
      teaches = c.codeBit(teaches, &models, shapeModels + 12, limit: 30)
    }
    slotCode = SlotCode.code(SlotShape.symbols, kind)
    let isOwn = SlotContext.other...SlotContext.scope ~= kind
    // Where the other slot does not vary, rows have not been filled in.
    let isSame = kind == SlotContext.other && layout.isConstant(template, other)
    let same = isSame ? slots[slot - word + other].last : 0
    let otherPlace = kind == SlotContext.other ? layout.place(template, other) : -1
    let n = rows.count
    var last: UInt64 = 0
    var start = 0
    while start < n {
      let these = start..<min(n, start &+ BlockModel.contextsAhead)
      switch kind {
      case SlotContext.other:
        findContexts(these) { BlockModel.key(UInt64(slot), 2, isSame ? same : rows[$0, otherPlace]) }
      case SlotContext.scope:
        findContexts(these) { BlockModel.key(UInt64(slot), 4, UInt64(env.scope(rows.record($0)))) }
      default: break
      }
      if teaches || kind == SlotContext.trace {
        let column = slotInfos[slot].column
        findContexts(these, taught: teaches) { BlockModel.traceKey(column, env.trace(rows.record($0))) }
      }
      for i in these {
        var context = -1
        if isOwn {
          context = Int(found[i &- start])
        } else if kind == SlotContext.previous {
          context = contexts.context(BlockModel.key(UInt64(slot), 1, last))
        }
        last = codeValue(C.decodes ? 0 : rows[i, place], slot: slot, isString: isString, context: context, &c)
        rows[i, place] = last
        if teaches { contexts.learn(last, Int(taught[i &- start])) }
      }
      start = these.upperBound
    }
    return last
  }

  /// Puts the contexts of some rows into `found`, or those that are taught, by number.
  @inline(__always)
  private mutating func findContexts(_ rows: Range<Int>, taught isTaught: Bool = false, _ key: (Int) -> UInt64) {
    keys.removeAll()
    for i in rows {
      let key = key(i)
      contexts.prefetch(key)
      keys.append(key)
    }
    let list = isTaught ? taught.elements : found.elements
    for k in 0..<keys.count {
      let context = contexts.context(keys[k])
      contexts.prefetch(context)
      list[k] = UInt32(truncatingIfNeeded: context)
    }
  }
}

/// The rows of one template in a block: where each begins among the leaves, and which record it is.
struct TemplateRows {
  let leaves: BufferView<UInt64>
  let starts: BufferView<UInt32>
  let records: BufferView<UInt32>

  var count: Int { @inline(__always) get { starts.count } }

  /// What stands at `place` of the `i`th row.
  @inline(__always)
  subscript(i: Int, place: Int) -> UInt64 {
    get { leaves[Int(starts[i]) &+ place] }
    nonmutating set { leaves[Int(starts[i]) &+ place] = newValue }
  }

  @inline(__always)
  func record(_ i: Int) -> Int { Int(records[i]) }

  /// For each of the first `words` words, the bits that are not the same in all rows.
  func differences(words: Int, into sum: inout Buffer<UInt64>) {
    sum.removeAll()
    sum.append(repeating: 0, count: words)
    let first = Int(starts[0])
    var i = 1
    while i < count {
      leaves.addDifferences(first, Int(starts[i]), count: words, to: sum.elements)
      i &+= 1
    }
  }
}

/// Which trace and scope a record stands in, for contexts.
struct RowContexts: ~Copyable {
  var traces = Buffer<UInt32>()
  var scopes = Buffer<UInt32>()

  @inline(__always) func trace(_ record: Int) -> UInt32 { traces[record] }
  @inline(__always) func scope(_ record: Int) -> UInt32 { scopes[record] }
}
