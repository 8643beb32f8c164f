/// Rows in columns as wide as they need to be; the column that may give way does so when the terminal is narrow.
struct Table {
  struct Column {
    var title: String
    var isNumber = true
    /// May be cut to fit the width.
    var isElastic = false
    /// May be left out where the width does not do even so: higher ones go first.
    var dispensable = 0
  }

  /// So much of the cut column is worth more than a dispensable one.
  private static let leastElastic = 24

  var columns: [Column]
  var rows: [[String]] = []

  init(_ columns: [Column]) { self.columns = columns }

  /// - Parameters:
  ///   - width: of the terminal; nil: as wide as it gets (in pipes nothing is cut).
  ///   - color: titles stand out.
  func rendered(width: Int?, color: Bool) -> String {
    var columns = columns
    var rows = rows.map { $0.map(\.sanitised) }
    var widths = columns.indices.map { i in max(columns[i].title.count, rows.map { $0[i].count }.max() ?? 0) }
    if let width, let elastic = columns.firstIndex(where: \.isElastic) {
      func excess() -> Int { widths.reduce(0, +) + 2 * (widths.count - 1) - width }
      let spare = widths[elastic] - min(widths[elastic], Self.leastElastic)
      while excess() > spare,
        let last = columns.indices.filter({ columns[$0].dispensable > 0 })
          .max(by: { columns[$0].dispensable < columns[$1].dispensable })
      {
        columns.remove(at: last)
        widths.remove(at: last)
        for i in rows.indices { rows[i].remove(at: last) }
      }
      if let place = columns.firstIndex(where: \.isElastic), excess() > 0 {
        widths[place] = max(8, widths[place] - excess())
      }
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
