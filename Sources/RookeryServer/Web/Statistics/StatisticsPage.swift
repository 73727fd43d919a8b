import Foundation
import RookeryMetrics
import RookeryModel

/// How much Rookery is used, how fast it begins, what came of it and what it cost. Plots are pictures in the page: it needs no script.
struct StatisticsPage: Sendable {
  var query: StatisticsQuery
  var span: Span
  var summary: Metrics.Summary
  var series: Metrics.Series
  var live: Metrics.Live
  var repositories: [Metrics.RepositoryFigures]
  var users: [Metrics.UserFigures]
  /// Repositories that can be chosen.
  var named: [RepositoryName]
  var viewer: User

  static let userLimit = 50

  static func make(query: StatisticsQuery, _ server: ServerContext, viewer: User) async throws -> StatisticsPage {
    let store = server.metrics.store
    let span = try query.span()
    let named = try await server.repositories.list().map(\.name)
    return StatisticsPage(
      query: query, span: span, summary: try await store.summary(span, repository: query.repository),
      series: try await store.series(span, step: span.usualStep, repository: query.repository),
      live: try await store.live(withNames: false),
      repositories: try await store.repositories(span, named: named, registry: server.registry),
      users: try await store.users(span, user: viewer.role == .admin ? nil : viewer.id, limit: userLimit), named: named,
      viewer: viewer)
  }

  var page: Page {
    Page(
      title: "Statistics · Rookery", user: viewer, kind: "statistics",
      content: """
        <main class="repository statistics" id="main"><header class="session-head"><div class="session-title"><h1>Statistics</h1>\
        <span class="muted">\(Wording.plural(live.people, "person", "people")) prompting now</span></div>\
        \(StatisticsForm(query: query, span: span, named: named).html)</header>\(figures)\(repositoryTable)\(userTable)</main>
        """)
  }

  private var figures: HTML {
    guard let figures = summary.figures else {
      return #"<p class="empty">No data: nothing happened in this period.</p>"#
    }
    return """
      <section aria-label="Figures"><dl class="figures">\(StatisticsTiles(figures: figures).html)</dl></section>\
      <section class="plots" aria-label="Plots">\(plots.map(\.html))</section>
      """
  }

  private var plots: [Plot] {
    let label = BucketLabel(span: span, step: series.step)
    func plot(_ title: String, _ lines: [(String, (Metrics.Figures) -> Double?)], _ shape: Plot.Shape, _ unit: @escaping Plot.Unit) -> Plot
    {
      Plot(
        title: title + " " + label.per, names: lines.map(\.0), shape: shape,
        columns: series.buckets.map { bucket in
          Plot.Column(
            label: label.long(bucket.period.from), short: label.short(bucket.period.from),
            values: lines.map { line in bucket.figures.flatMap(line.1) })
        }, unit: unit)
    }
    let count: Plot.Unit = { Wording.count(Int($0)) }
    let wait: Plot.Unit = { Wording.duration(milliseconds: Int($0)) }
    var plots = [
      plot("Sessions", [("sessions", { Double($0.sessions) }), ("of several people", { Double($0.multiplayer.numerator) })], .bars, count),
      plot(
        "Pull requests", [("created", { Double($0.pullRequestsCreated) }), ("merged", { Double($0.pullRequestsMerged) })], .bars, count),
      plot(
        "Time to first token",
        [("median", { $0.timeToFirstToken.p50.map(Double.init) }), ("90th percentile", { $0.timeToFirstToken.p90.map(Double.init) })],
        .points, wait),
      plot(
        "Tokens", [("in", { Double($0.spend.inputTokens) }), ("out", { Double($0.spend.outputTokens) })], .bars,
        { StatisticsTiles.large(Int($0)) }),
    ]
    if summary.figures?.spend.costMicroUSD != nil {
      plots.append(
        plot("Cost", [("cost", { $0.spend.costMicroUSD.map(Double.init) })], .bars, { StatisticsTiles.dollars(Int($0)) }))
    }
    return plots
  }

  private var repositoryTable: HTML {
    guard query.repository == nil, !repositories.isEmpty else { return .empty }
    let rows = repositories.map { row -> HTML in
      let figures = row.figures
      return """
        <tr><th scope="row"><a href="/repositories/\(row.repository)">\(row.repository)</a></th>\
        \(Self.cell(figures.map { Wording.count($0.sessions) }))\
        \(Self.cell(figures?.promptsPerSession.value.map { String(format: "%.1f", $0) }, figures.map { "\($0.promptsPerSession.numerator) in \($0.promptsPerSession.denominator)" }))\
        \(Self.cell(figures.map { Wording.count($0.pullRequestsCreated) }))\
        \(Self.cell(figures.map { Wording.count($0.pullRequestsMerged) }))\
        \(Self.ratioCell(figures?.mergeRate))\(Self.ratioCell(row.mergedShare?.ratio))\
        \(Self.cell(figures.map { StatisticsTiles.large($0.spend.inputTokens + $0.spend.outputTokens) }))\
        \(Self.cell(figures?.spend.costMicroUSD.map(StatisticsTiles.dollars)))</tr>
        """
    }
    return """
      <section aria-labelledby="h-by-repository"><h2 id="h-by-repository">Repositories</h2><div class="table-box" tabindex="0" \
      role="region" aria-labelledby="h-by-repository"><table class="table"><thead><tr><th scope="col">Repository</th>\
      <th scope="col">Sessions</th><th scope="col">Prompts a session</th><th scope="col">PRs created</th><th scope="col">PRs merged</th>\
      <th scope="col">Merge rate</th><th scope="col">Share of all merged PRs</th><th scope="col">Tokens</th><th scope="col">Cost</th>\
      </tr></thead><tbody>\(rows)</tbody></table></div></section>
      """
  }

  private var userTable: HTML {
    guard !users.isEmpty else { return .empty }
    let rows = users.map { row -> HTML in
      """
      <tr><th scope="row" dir="auto">\(row.name.isEmpty ? row.user.rawValue : row.name)</th>\(Self.cell(Wording.count(row.prompts)))\
      \(Self.cell(Wording.count(row.sessions)))\
      \(Self.cell(row.spend.requests == 0 ? nil : StatisticsTiles.large(row.spend.inputTokens + row.spend.outputTokens)))\
      \(Self.cell(row.spend.costMicroUSD.map(StatisticsTiles.dollars)))</tr>
      """
    }
    let title = viewer.role == .admin ? "People" : "You"
    return """
      <section aria-labelledby="h-people"><h2 id="h-people">\(title)</h2><div class="table-box" tabindex="0" role="region" \
      aria-labelledby="h-people"><table class="table"><thead><tr><th scope="col">Name</th><th scope="col">Prompts</th>\
      <th scope="col">Sessions</th><th scope="col">Tokens</th><th scope="col">Cost</th></tr></thead><tbody>\(rows)</tbody></table></div>\
      </section>
      """
  }

  private static func ratioCell(_ ratio: Metrics.Ratio?) -> HTML {
    cell(ratio?.value.map(StatisticsTiles.percent), ratio.map { "\(Wording.count($0.numerator)) of \(Wording.count($0.denominator))" })
  }

  private static func cell(_ text: String?, _ detail: String? = nil) -> HTML {
    guard let text else { return #"<td class="no-data">no data</td>"# }
    return "<td>\(text)\(detail.map { #"<small>\#($0)</small>"# } ?? "" as HTML)</td>"
  }
}
