import Bytes

extension InputWindow {
  /// Whether all that is ahead, `front` bytes left out, is one segment of several modelled blocks, as far as frames are
  /// right about their lengths.
  func isOneSegment(behind front: Int) -> Bool {
    let ahead = self.ahead
    var at = front
    var (segments, blocks) = (0, 0)
    while at < ahead.count {
      if ahead[at] == FrameKind.mark.rawValue {
        segments += 1
        at += Format.mark.count
        continue
      }
      guard let head = try? FrameHead.parse(ahead[at..<ahead.count]) else { return false }
      if head.known == .modelled { blocks += 1 }
      at += head.size + head.storedCount
      // The size of the end frame stands behind it.
      if head.known == .end { at += 1 }
    }
    return segments == 1 && blocks > 1 && at == ahead.count
  }
}

/// Behind damage: where an archive makes sense again.
extension InputWindow {
  enum Intact { case segment, archive }

  /// Looks for the next segment or archive and drops what stands before it; nil, with nothing left ahead, if there is none.
  mutating func dropToIntact() throws(TracezipError) -> Intact? {
    var at = 1
    while true {
      let wanted = at + 1 << 20
      let available = try fill(wanted)
      let ahead = self.ahead
      let mark = Format.mark.word
      let magic = Format.magic.word
      var found: Int?
      while at + 5 <= available {
        let word = ahead.load(UInt32.self, at: at)
        if word == mark || word == magic {
          found = at
          break
        }
        at += 1
      }
      guard let candidate = found else {
        let isEnd = available < wanted
        drop(isEnd ? available : at)
        at = 0
        if isEnd { return nil }
        continue
      }
      let isMark = ahead.load(UInt32.self, at: candidate) == mark
      let form = ArchiveForm(rawValue: ahead[candidate + 4] >> 6)
      let isHeader = !isMark && ahead[candidate + 4] & 0x3F == Format.version
      var isGood = isHeader && form != .frames
      if isMark || isHeader && form == .frames { isGood = try standsFrame(at: candidate + (isMark ? 4 : 5)) }
      if isGood {
        drop(candidate)
        return isMark ? .segment : .archive
      }
      at = candidate + 1
    }
  }

  /// The size of the frame ahead if another stands behind it.
  mutating func intactFrame() throws(TracezipError) -> Int? {
    guard let head = try? FrameHead.parse(ahead), head.known?.isBlock == true else { return nil }
    let total = head.size + head.storedCount
    return try standsFrame(at: total) ? total : nil
  }

  /// Whether a mark, an end or a whole frame stands `at` bytes ahead.
  private mutating func standsFrame(at: Int) throws(TracezipError) -> Bool {
    let available = try fill(at + FrameHead.largest)
    guard available > at else { return false }
    let ahead = self.ahead[at..<available]
    if ahead.count >= 4, ahead.load(UInt32.self, at: 0) == Format.mark.word { return true }
    guard let head = try? FrameHead.parse(ahead) else { return false }
    let total = at + head.size + head.storedCount
    guard try fill(total) == total else { return false }
    let payload = self.ahead[at + head.size..<total]
    return head.computeCheck(headerByte: ArchiveForm.frames.headerByte, payload: payload) == head.check
  }
}
