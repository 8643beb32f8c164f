import Bytes

/// One archive of a file: where it lies and what is in it.
struct FoundArchive {
  var range: Range<Int>
  var form: ArchiveForm
  var index: ArchiveIndex?
  var segments: [ArchiveReader.Segment] = []
}

/// Finds the archives of a file: from behind by their ends and indexes, else from the front by hopping over frames.
/// Payloads are not read, but for the index.
struct ArchiveScan {
  let file: ArchiveFile

  /// All archives in order. Their segments count from 0 each, `restoredOffset` within the archive.
  func archives() throws(TracezipError) -> [FoundArchive] {
    var behind: [FoundArchive] = []
    var end = file.size
    while end > 0, let archive = try archive(endingAt: end) {
      behind.append(archive)
      end = archive.range.lowerBound
    }
    var found: [FoundArchive] = []
    var at = 0
    while at < end || found.isEmpty && behind.isEmpty {
      let archive = try self.archive(at: at, fileEnd: end)
      at = archive.range.upperBound
      found.append(archive)
    }
    return found + behind.reversed()
  }

  // MARK: From behind

  /// The archive whose end frame ends at `end`; nil where none with an index does.
  private func archive(endingAt end: Int) throws(TracezipError) -> FoundArchive? {
    let tail = try file.read(max(0, end - ArchiveEnd.largest)..<end)
    guard let size = tail.last.map(Int.init), size > 1, size <= tail.count else { return nil }
    let endFrame = end - size
    guard let (kind, payload) = try frame(at: endFrame, limit: end - 1, ArchiveForm.frames.headerByte), kind == .end,
      let declared = payload.withView({ ArchiveEnd.parse($0) }),
      declared.archiveBytes <= end, declared.archiveBytes > size, declared.indexDistance > 0
    else { return nil }
    let start = end - declared.archiveBytes
    let indexAt = endFrame - declared.indexDistance
    guard indexAt > start, try file.read(start..<start + 5) == Format.magic + [ArchiveForm.frames.headerByte],
      let (indexKind, indexPayload) = try frame(at: indexAt, limit: endFrame, ArchiveForm.frames.headerByte),
      indexKind == .index, let index = indexPayload.withView({ ArchiveIndex.parse($0) })
    else { return nil }
    var archive = FoundArchive(range: start..<end, form: .frames, index: index)
    var at = start + Format.headerSize
    var restored = 0
    for summary in index.segments {
      guard summary.storedBytes <= indexAt - at else { return nil }
      var segment = ArchiveReader.Segment(summary)
      segment.offset = at
      segment.restoredOffset = restored
      at += summary.storedBytes
      let (sum, overflows) = restored.addingReportingOverflow(summary.restoredBytes)
      if overflows { return nil }
      restored = sum
      archive.segments.append(segment)
    }
    return at == indexAt && restored == declared.restoredBytes ? archive : nil
  }

  /// A frame that is whole and sound, before `limit`.
  private func frame(
    at offset: Int, limit: Int, _ headerByte: UInt8
  ) throws(TracezipError) -> (FrameKind, [UInt8])? {
    let front = try file.read(offset..<min(limit, offset + FrameHead.largest))
    guard let head = front.withView({ try? FrameHead.parse($0) }), let kind = head.known,
      head.storedCount <= limit - offset - head.size
    else { return nil }
    let payload = try file.read(offset + head.size..<offset + head.size + head.storedCount)
    let check = payload.withView { head.computeCheck(headerByte: headerByte, payload: $0) }
    return check == head.check ? (kind, payload) : nil
  }

  // MARK: From the front

  private func archive(at start: Int, fileEnd: Int) throws(TracezipError) -> FoundArchive {
    func fail(_ kind: TracezipError.Kind, _ offset: Int) -> TracezipError {
      TracezipError(kind, at: .init(offset: offset))
    }
    let header = try file.read(start..<min(fileEnd, start + Format.headerSize))
    guard header.starts(with: Format.magic.prefix(header.count)) else {
      throw fail(start == 0 ? .notAnArchive : .trailingBytes, start)
    }
    guard header.count == Format.headerSize else {
      throw fail(.truncated(needed: Format.headerSize, available: header.count), start)
    }
    let version = header[4] & 0x3F
    guard version == Format.version, let form = ArchiveForm(rawValue: header[4] >> 6) else {
      throw fail(.unsupportedVersion(found: Int(version), maximum: Int(Format.version)), start)
    }
    return form == .frames ? try frames(from: start, fileEnd: fileEnd) : try single(from: start, form, fileEnd: fileEnd)
  }

  private func frames(from start: Int, fileEnd: Int) throws(TracezipError) -> FoundArchive {
    var archive = FoundArchive(range: start..<fileEnd, form: .frames)
    var at = start + Format.headerSize
    var restored = 0
    while true {
      func fail(_ kind: TracezipError.Kind) -> TracezipError {
        TracezipError(kind, at: .init(offset: at, segment: archive.segments.isEmpty ? nil : archive.segments.count - 1))
      }
      let front = try file.read(at..<min(fileEnd, at + FrameHead.largest))
      if front.starts(with: Format.mark) {
        archive.segments.append(ArchiveReader.Segment(offset: at, restoredOffset: restored))
        at += Format.mark.count
        archive.segments[archive.segments.count - 1].storedBytes = Format.mark.count
        continue
      }
      let parsed: Result<FrameHead?, TracezipError.Kind> = front.withView { view in
        Result { () throws(TracezipError.Kind) in try FrameHead.parse(view) }
      }
      let head: FrameHead
      switch parsed {
      case .success(let found?): head = found
      case .success(nil): throw fail(.truncated(needed: front.count + 1, available: front.count))
      case .failure(let kind): throw fail(kind)
      }
      let total = head.size + head.storedCount
      guard total <= fileEnd - at else { throw fail(.truncated(needed: total, available: fileEnd - at)) }
      if head.known == .end {
        at += total + 1
        guard at <= fileEnd else { throw fail(.truncated(needed: total + 1, available: total)) }
        archive.range = start..<at
        return archive
      }
      if head.known == .index {
        archive.index = try file.read(at + head.size..<at + total).withView { ArchiveIndex.parse($0) }
      } else if head.known?.isBlock == true {
        guard !archive.segments.isEmpty else { throw fail(.malformed(reason: "a block stands outside of a segment")) }
        let last = archive.segments.count - 1
        archive.segments[last].blocks += 1
        archive.segments[last].storedBytes += total
        archive.segments[last].restoredBytes += head.restoredCount
        restored += head.restoredCount
      } else if !archive.segments.isEmpty {
        archive.segments[archive.segments.count - 1].storedBytes += total
      }
      at += total
    }
  }

  private func single(from start: Int, _ form: ArchiveForm, fileEnd: Int) throws(TracezipError) -> FoundArchive {
    // It is small: reading it is the way to find its end.
    let restorer = try Restorer(file.source(start..<fileEnd), offset: start, to: .discard, config: TracezipConfig())
    try restorer.runSingle()
    let result = restorer.result
    var segment = ArchiveReader.Segment(offset: start, storedBytes: result.archiveBytes - start)
    segment.restoredBytes = result.restoredBytes
    segment.blocks = 1
    var archive = FoundArchive(range: start..<result.archiveBytes, form: form)
    archive.segments = [segment]
    return archive
  }
}
