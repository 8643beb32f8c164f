/// Rectangles whose areas are to each other as the given values, none of them too thin.
///
/// Bruls, Huizing and van Wijk, "Squarified Treemaps" (2000): values, largest first, fill rows along the shorter side;
/// a row takes one more value as long as that makes its worst rectangle less oblong.
enum Treemap {
  struct Rectangle: Equatable {
    var x: Double
    var y: Double
    var width: Double
    var height: Double
  }

  /// - Parameter values: positive, largest first.
  static func layout(_ values: [Double], in space: Rectangle) -> [Rectangle] {
    let total = values.reduce(0, +)
    guard total > 0, space.width > 0, space.height > 0 else {
      return values.map { _ in Rectangle(x: space.x, y: space.y, width: 0, height: 0) }
    }
    let scale = space.width * space.height / total
    var free = space
    var placed: [Rectangle] = []
    var row: [Double] = []
    var next = 0
    while next < values.count {
      let side = min(free.width, free.height)
      let area = values[next] * scale
      if row.isEmpty || worst(row + [area], side) <= worst(row, side) {
        row.append(area)
        next += 1
      } else {
        place(row, in: &free, &placed)
        row = []
      }
    }
    place(row, in: &free, &placed)
    return placed
  }

  /// How oblong the most oblong rectangle of a row is.
  private static func worst(_ row: [Double], _ side: Double) -> Double {
    let sum = row.reduce(0, +)
    guard sum > 0, side > 0, let least = row.min(), let most = row.max(), least > 0 else { return .infinity }
    return max(side * side * most / (sum * sum), sum * sum / (side * side * least))
  }

  private static func place(_ row: [Double], in free: inout Rectangle, _ placed: inout [Rectangle]) {
    let sum = row.reduce(0, +)
    if free.width >= free.height {
      let width = free.height > 0 ? min(free.width, sum / free.height) : 0
      var y = free.y
      for area in row {
        let height = width > 0 ? area / width : 0
        placed.append(Rectangle(x: free.x, y: y, width: width, height: height))
        y += height
      }
      free.x += width
      free.width -= width
    } else {
      let height = free.width > 0 ? min(free.height, sum / free.width) : 0
      var x = free.x
      for area in row {
        let width = height > 0 ? area / height : 0
        placed.append(Rectangle(x: x, y: free.y, width: width, height: height))
        x += width
      }
      free.y += height
      free.height -= height
    }
  }
}
