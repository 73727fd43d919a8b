import Foundation

/// A small picture of figures over time, as SVG in the page: colours come from the style sheet, what a column says from its title.
struct Plot: Sendable {
  enum Shape: Sendable { case bars, points }
  typealias Unit = @Sendable (Double) -> String

  struct Column: Sendable {
    /// In full, for the title: `3 Nov 2026`.
    var label: String
    /// On the axis: `3 Nov`.
    var short: String
    /// Nil: no data.
    var values: [Double?]
  }

  var title: String
  /// Of each series.
  var names: [String]
  var shape: Shape
  var columns: [Column]
  var unit: Unit

  private static let width = 440.0
  private static let height = 170.0
  private static let left = 48.0
  private static let top = 8.0
  private static let bottom = 146.0

  var html: HTML {
    let known = columns.flatMap { $0.values.compactMap { $0 } }
    guard let largest = known.max() else {
      return #"<figure class="plot"><figcaption>\#(title)</figcaption><p class="plot-empty no-data">no data</p></figure>"#
    }
    let ceiling = Self.ceiling(largest)
    let legend: HTML =
      names.count < 2
      ? ""
      : names.enumerated().map { index, name -> HTML in #"<span class="key key-\#(index)">\#(name)</span>"# }.joined()
    return """
      <figure class="plot"><figcaption>\(title)<span class="keys">\(legend)</span></figcaption>\
      <svg viewBox="0 0 440 170" role="img" aria-label="\(spoken)">\(axis(ceiling))\(marks(ceiling))</svg></figure>
      """
  }

  private var spoken: String {
    let known = columns.filter { column in column.values.contains { $0 != nil } }
    return "\(title): \(known.count) of \(columns.count) with data"
  }

  private func axis(_ ceiling: Double) -> HTML {
    var html: HTML = ""
    for part in [0.0, 0.5, 1.0] {
      let y = place(part * ceiling, ceiling)
      html += """
        <line class="grid" x1="\(Self.number(Self.left))" x2="440" y1="\(Self.number(y))" y2="\(Self.number(y))"/>
        """
      // Half of an odd count is no count.
      if part != 0.5 || ceiling >= 2 {
        html += #"<text class="scale" x="42" y="\#(Self.number(y + 4))" text-anchor="end">\#(unit(part * ceiling))</text>"#
      }
    }
    let every = max(1, Int((Double(columns.count) / 5).rounded(.up)))
    for (index, column) in columns.enumerated() where index % every == 0 {
      let x = start(index) + step / 2
      html += #"<text class="scale" x="\#(Self.number(max(x, Self.left + 12)))" y="163" text-anchor="middle">\#(column.short)</text>"#
    }
    return html
  }

  private func marks(_ ceiling: Double) -> HTML {
    columns.enumerated().map { index, column -> HTML in
      let isEmpty = column.values.allSatisfy { $0 == nil }
      let said = zip(names, column.values).map { name, value in "\(name) \(value.map(unit) ?? "no data")" }.joined(separator: ", ")
      let inner: HTML =
        isEmpty
        ? #"<circle class="gap" cx="\#(Self.number(start(index) + step / 2))" cy="146" r="1"/>"#
        : column.values.enumerated().map { place, value in value.map { mark($0, index, place, ceiling) } ?? "" }.joined()
      return """
        <g class="column"><title>\(column.label): \(isEmpty ? "no data" : said)</title>\
        <rect class="hit" x="\(Self.number(start(index)))" y="0" width="\(Self.number(step))" height="150"/>\(inner)</g>
        """
    }.joined()
  }

  private func mark(_ value: Double, _ column: Int, _ series: Int, _ ceiling: Double) -> HTML {
    let y = place(value, ceiling)
    switch shape {
    case .points:
      return #"<circle class="mark mark-\#(series)" cx="\#(Self.number(start(column) + step / 2))" cy="\#(Self.number(y))" r="3"/>"#
    case .bars:
      let room = step * 0.76
      let width = room / Double(names.count)
      let x = start(column) + step * 0.12 + width * Double(series)
      // What is more than nothing is seen.
      let height = value > 0 ? max(1, Self.bottom - y) : 0
      return """
        <rect class="mark mark-\(series)" x="\(Self.number(x))" y="\(Self.number(Self.bottom - height))" \
        width="\(Self.number(max(0.5, width - 0.5)))" height="\(Self.number(height))" rx="1"/>
        """
    }
  }

  private var step: Double { (Self.width - Self.left) / Double(max(1, columns.count)) }
  private func start(_ index: Int) -> Double { Self.left + step * Double(index) }
  private func place(_ value: Double, _ ceiling: Double) -> Double {
    Self.bottom - (Self.bottom - Self.top) * value / ceiling
  }

  /// The next of 1, 2, 4, 6, 8 times a power of ten.
  static func ceiling(_ value: Double) -> Double {
    guard value > 1 else { return 1 }
    let power = pow(10, floor(log10(value)))
    return ([1, 2, 4, 6, 8, 10].first { $0 * power >= value } ?? 10) * power
  }

  private static func number(_ value: Double) -> String {
    let text = String(format: "%.1f", value)
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }
}
