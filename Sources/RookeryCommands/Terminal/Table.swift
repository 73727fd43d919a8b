/// Rows under headings, in columns as wide as their widest cell.
package struct Table {
  package let headings: [String]
  package private(set) var rows: [[String]] = []

  package init(_ headings: String...) { self.headings = headings }

  /// Cells are cleaned: they come from servers and repositories.
  package mutating func add(_ cells: String...) { rows.append(cells.map { PrintableText.clean($0, oneLine: true) }) }

  package func text(_ palette: Palette) -> String {
    let widths = headings.indices.map { column in
      ([headings] + rows).map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    func line(_ cells: [String]) -> String {
      var text = ""
      for (column, cell) in cells.enumerated() {
        text += column == cells.count - 1 ? cell : cell + String(repeating: " ", count: widths[column] - cell.count + 2)
      }
      return text
    }
    return ([palette.paint(line(headings), .bold)] + rows.map(line)).joined(separator: "\n")
  }
}
