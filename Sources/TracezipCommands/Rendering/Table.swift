/// Rows in columns as wide as they need to be; the column that may give way does so when the terminal is narrow.
struct Table {
  struct Column {
    var title: String
    var isNumber = true
    /// May be cut to fit the width.
    var isElastic = false
  }

  var columns: [Column]
  var rows: [[String]] = []

  init(_ columns: [Column]) { self.columns = columns }

  /// - Parameters:
  ///   - width: of the terminal; nil: as wide as it gets (in pipes nothing is cut).
  ///   - color: titles stand out.
  func rendered(width: Int?, color: Bool) -> String {
    let rows = rows.map { $0.map(\.sanitised) }
    var widths = columns.indices.map { i in max(columns[i].title.count, rows.map { $0[i].count }.max() ?? 0) }
    if let width, let elastic = columns.firstIndex(where: \.isElastic) {
      let total = widths.reduce(0, +) + 2 * (widths.count - 1)
      if total > width { widths[elastic] = max(8, widths[elastic] - (total - width)) }
    }
    func line(_ cells: [String]) -> String {
      var text = ""
      for (i, cell) in cells.enumerated() {
        let cell = cell.count > widths[i] ? cell.prefix(max(1, widths[i] - 1)) + "…" : cell
        let space = String(repeating: " ", count: max(0, widths[i] - cell.count))
        text += (i == 0 ? "" : "  ") + (columns[i].isNumber ? space + cell : cell + space)
      }
      while text.hasSuffix(" ") { text.removeLast() }
      return text
    }
    let title = line(columns.map(\.title))
    let head = color ? "\u{1B}[1m\(title)\u{1B}[0m" : title
    return ([head] + rows.map(line)).map { $0 + "\n" }.joined()
  }
}
