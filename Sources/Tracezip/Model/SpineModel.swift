import Bytes
import Columns

/// Models of the spine: each step in the context of the one before, leaves in the context of their step.
struct SpineState: ~Copyable {
  var alphabet = -1
  /// Slot of each step, -1 until it has a leaf.
  var slots = Buffer<Int32>()
  /// (resource, scope) -> dense scope number, the context of the spans below it. 0: none.
  var scopes = FlatMap()
  var scopeCount: UInt32 = 1
  /// Process of each scope: a dense number of its resource. And the resource of each process, as string id + 1.
  var scopeProcess = Buffer<UInt32>()
  var processes = FlatMap()
  var processResource = Buffer<UInt64>()
  var previous: UInt64 = .max
  var resource: UInt64 = 0
  var scope: UInt64 = 0
}

extension BlockModel {
  /// The spine of a block, and the scope of every span in it. `limit` bounds how many spans there may be.
  mutating func codeSpine<C: BitCoder & ~Copyable>(
    _ n: Int, _ block: inout Block, _ skeletons: borrowing Skeletons, scopes: inout Buffer<UInt32>, limit: Int,
    _ c: inout C
  ) {
    if spine.alphabet < 0 { spine.alphabet = alphabets.make(&models) }
    while spine.slots.count < skeletons.steps.count { spine.slots.append(-1) }
    scopes.removeAll()
    var leaf = 0
    for i in 0..<n {
      if c.failed { return }
      let sym = C.decodes ? 0 : UInt64(block.spine[i])
      let context = contexts.context(BlockModel.key(30, spine.previous, 0))
      var id: UInt64
      if let found = contexts.code(sym, context, &c) {
        id = found
      } else {
        if let found = alphabets.code(sym, spine.alphabet, &models, &c) {
          id = found
        } else {
          id = c.codeNumber(sym, &models, structure.templateNumber)
          alphabets.add(id, spine.alphabet, &models, encoding: !C.decodes)
        }
        contexts.learn(id, context)
      }
      guard id < UInt64(skeletons.steps.count), skeletons.steps[Int(id)].record == .spine else { return c.fail() }
      spine.previous = id
      if C.decodes { block.spine.append(UInt32(id)) }
      let step = skeletons.steps[Int(id)]
      if step.kind == .open {
        spine.scope = 0
        if step.level == 0 { spine.resource = 0 }
      }
      guard step.kind.leaf != .none else { continue }
      if spine.slots[Int(id)] < 0 {
        spine.slots[Int(id)] = Int32(slots.count)
        slots.append(Slot())
        slotInfos.append(SlotInfo(column: step.column, isString: step.kind.leaf == .string))
      }
      let slot = Int(spine.slots[Int(id)])
      var value = C.decodes ? 0 : block.spineLeaves[leaf]
      if step.kind.leaf == .string {
        let context = contexts.context(BlockModel.key(UInt64(slot), 1, slots[slot].last))
        value = codeValue(value, slot: slot, isString: true, context: context, &c)
        slots[slot].last = value
        let column = skeletons.columns[Int(step.column)]
        if column.isResource {
          spine.resource = value + 1
          spine.scope = 0
        } else if column.field == 1, column.value == 2 {
          spine.scope = value + 1
        }
      } else {
        if slots[slot].number == 0 { slots[slot].number = UInt32(models.allocate(ModelSize.signed)) }
        value = c.codeNumber(value, &models, Int(slots[slot].number))
        if step.kind.leaf == .count {
          guard value <= UInt64(limit - scopes.count) else { return c.fail() }
          let key = BlockModel.key(spine.resource, spine.scope, 31)
          var scope = spine.scopes[key] ?? -1
          if scope < 0 {
            scope = Int(spine.scopeCount)
            spine.scopes[key] = scope
            spine.scopeCount += 1
            var process = spine.processes[spine.resource] ?? -1
            if process < 0 {
              process = spine.processResource.count
              spine.processes[spine.resource] = process
              spine.processResource.append(spine.resource)
            }
            while spine.scopeProcess.count <= scope { spine.scopeProcess.append(0) }
            spine.scopeProcess[scope] = UInt32(process)
          }
          scopes.append(repeating: UInt32(scope), count: Int(value))
        }
      }
      if C.decodes { block.spineLeaves.append(value) } else { block.spineLeaves[leaf] = value }
      leaf += 1
    }
  }
}
