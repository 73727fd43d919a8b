import Foundation
import RookeryConfiguration
import RookeryMetrics
import RookeryModel
import RookeryStore
import RookeryTestSupport
import Testing

@testable import RookeryServer

/// Figures over HTTP: `TestServer` holds every body against openapi.yaml.
@Suite struct MetricsTests {
  @Test func figuresAreAskedByPeriodRepositoryAndStep() async throws {
    try await TestServer.run { server in
      let sample = try SampleFigures()
      try sample.fill(server.metrics, server.users)
      let summary = try await server.ask("GET", "/v1/metrics/summary?since=40d&zone=Europe/Berlin", as: .role(.viewer))
        .decode(Metrics.Summary.self)
      #expect(summary.period.zone == "Europe/Berlin")
      let figures = try #require(summary.figures)
      #expect(figures.sessions > 20)
      #expect(figures.mergeRate.denominator == figures.pullRequestsCreated)
      let site = try await server.ask("GET", "/v1/metrics/summary?since=40d&repository=site").decode(Metrics.Summary.self)
      #expect(try #require(site.figures).sessions < figures.sessions)
      let series = try await server.ask("GET", "/v1/metrics/series?since=40d&step=day").decode(Metrics.Series.self)
      #expect(series.buckets.count == 41)
      #expect(series.buckets.contains { $0.figures == nil })
      let sessions = try await server.ask("GET", "/v1/metrics/sessions?since=40d&limit=3").decode(Metrics.Sessions.self)
      #expect(sessions.sessions.count == 3)
      #expect(sessions.total == figures.sessions)
      let one = try await server.ask("GET", "/v1/metrics/sessions/\(sessions.sessions[0].session)").decode(Metrics.SessionFigures.self)
      #expect(one == sessions.sessions[0])
      #expect(try await server.ask("GET", "/v1/metrics/sessions/none").status == 404)
      let empty = try await server.ask("GET", "/v1/metrics/summary?since=2001-01-01&until=2002-01-01")
      #expect(try empty.decode(Metrics.Summary.self).figures == nil)
      #expect(!empty.text.contains("figures"))
    }
  }

  @Test func costIsOnesOwnOrAnAdminsToSee() async throws {
    try await TestServer.run { server in
      let sample = try SampleFigures()
      try sample.fill(server.metrics, server.users)
      let all = try await server.ask("GET", "/v1/metrics/users?since=40d").decode(Metrics.Users.self)
      #expect(all.users.count > 2)
      let own = try await server.ask("GET", "/v1/metrics/users?since=40d", as: .role(.member)).decode(Metrics.Users.self)
      #expect(own.users.map(\.user) == [server.users[.member]?.id])
      #expect(try await server.ask("GET", "/v1/metrics/users?since=40d", as: .role(.viewer)).decode(Metrics.Users.self).users.isEmpty)
      #expect(try await server.ask("GET", "/v1/metrics/live").decode(Metrics.Live.self).names?.count == 1)
      let live = try await server.ask("GET", "/v1/metrics/live", as: .role(.member)).decode(Metrics.Live.self)
      #expect((live.people, live.names) == (1, nil))
      #expect(try await server.ask("POST", "/v1/metrics/rebuild", as: .role(.member)).status == 403)
      #expect(try await server.ask("POST", "/v1/metrics/rebuild").status == 200)
    }
  }

  @Test func aRepositorysShareNeedsEveryMerge() async throws {
    try await TestServer.run { server in
      let sample = try SampleFigures()
      try sample.fill(server.metrics, server.users)
      await server.repositories.put(
        Repository(name: try RepositoryName("idle"), url: "https://git/x", defaultBranch: "main", description: "", added: Date()))
      let site = try RepositoryName("site")
      func rows() async throws -> [Metrics.RepositoryFigures] {
        try await server.ask("GET", "/v1/metrics/repositories?since=40d").decode(Metrics.Repositories.self).repositories
      }
      let before = try await rows()
      #expect(before.map(\.repository.rawValue) == ["api", "idle", "site"])
      #expect(before[1].figures == nil)
      #expect(before[2].mergedShare == nil)
      let merged = try await server.metrics.sessions(Span.read(since: "40d", until: nil, zone: nil), repository: site, limit: 500)
        .sessions.flatMap(\.pullRequests)
        .compactMap { request in
          request.merged.map { Registry.MergedPullRequest(repository: site, number: request.number, url: request.url, merged: $0) }
        }
      try await server.registry.recordMerged(
        merged + [.init(repository: site, number: 999_999, url: "https://x", merged: Date(timeIntervalSinceNow: -60))])
      try await server.registry.mergesAreKnown(of: site, since: .distantPast)
      #expect(try await rows()[2].mergedShare?.ratio == .init(merged.count, of: merged.count + 1))
    }
  }

  @Test(arguments: [
    "since=soon", "since=7d&until=8d", "zone=Mars", "step=year", "step=hour&since=12m", "repository=../x", "since=2026-02-31",
  ]) func whatCantBeAnsweredIsRefused(query: String) async throws {
    try await TestServer.run { server in
      let answer = try await server.ask("GET", "/v1/metrics/series?\(query)")
      #expect(answer.status == 400)
      #expect(try answer.failure().mend.isEmpty == false)
      if !query.contains("step") { #expect(try await server.ask("GET", "/stats?\(query)").status == 400) }
    }
  }

  @Test func monitoringIsWellFormedAndSaysNothingOfSessions() async throws {
    try await TestServer.run { server in
      let sample = try SampleFigures()
      try sample.fill(server.metrics, server.users)
      for row in 0..<3 {
        try await server.registry.insertWarm(
          .init(
            sandbox: .random(prefix: "warm-"), repository: try RepositoryName(row == 0 ? "api" : "site"), state: .preparing,
            began: Date(), validity: Data()))
      }
      let id = try await server.makeSession()
      for path in ["/v1/sessions/\(id)", "/nowhere/\(id)", "/v1/version"] { try await server.ask("GET", path) }
      let answer = try await server.ask("GET", "/metrics", as: .role(.viewer))
      #expect(answer.header("content-type") == Exposition.mediaType)
      let parsed = try PrometheusText(answer.text)
      #expect(
        parsed.value("rookery_http_request_duration_seconds_count", ["method": "GET", "route": "/v1/sessions/{id}", "status": "2xx"]) == 1)
      #expect(parsed.value("rookery_http_request_duration_seconds_count", ["method": "GET", "route": "none", "status": "4xx"]) == 1)
      #expect(parsed.value("rookery_pool_sandboxes", ["repository": "site", "state": "preparing"]) == 2)
      #expect(parsed.value("rookery_sandboxes", ["state": "running"]) == 2)
      #expect(parsed.value("rookery_people_prompting") == 1)
      #expect(parsed.value("rookery_event_readers") == 0)
      #expect(parsed.value("rookery_prompts_waiting") != nil)
      #expect(parsed.types["rookery_session_commit_duration_seconds"] == "histogram")
      #expect(!answer.text.contains(id.rawValue))
      for user in server.users.values { #expect(!answer.text.contains(user.id.rawValue)) }
    }
  }

  @Test func monitoringIsOpenOnlyToNetworksThatTheConfigurationNames() async throws {
    try await TestServer.run { server in
      let refused = try await server.ask("GET", "/metrics", as: .none)
      #expect(refused.status == 401)
      #expect(try await server.ask("GET", "/metrics", as: .socket).status == 200)
    }
    let local = try #require(AddressRange("127.0.0.1/32"))
    let other = try #require(AddressRange("10.0.0.0/8"))
    try await expectMonitoring(status: 200, networks: [other, local])
    try await expectMonitoring(status: 401, networks: [other])
  }

  private func expectMonitoring(status: Int, networks: [AddressRange]) async throws {
    try await TestServer.run(configure: { $0.server.metricsNetworks = networks }) { (server: TestServer) async throws -> Void in
      let answer = try await server.ask("GET", "/metrics", as: .none)
      #expect(answer.status == status)
      let forwarded = try await server.ask("GET", "/metrics", as: .none, headers: ["X-Forwarded-For": "203.0.113.9"])
      #expect(forwarded.status == 401)
      let page = try await server.ask("GET", "/stats", as: .none)
      #expect(page.status == 401)
    }
  }

  @Test func thePageNamesWhatEachFigureRestsOn() async throws {
    try await TestServer.run { server in
      let sample = try SampleFigures()
      try sample.fill(server.metrics, server.users)
      let page = try await server.ask("GET", "/stats?since=40d", as: .role(.member))
      #expect(page.status == 200)
      let figures = try #require(
        try await server.metrics.summary(Span.read(since: "40d", until: nil, zone: nil)).figures)
      #expect(page.text.contains("\(figures.mergeRate.numerator) of \(figures.mergeRate.denominator) of those created are merged"))
      #expect(page.text.contains("<svg viewBox=\"0 0 440 170\" role=\"img\""))
      #expect(page.text.contains(": no data</title>"))
      #expect(!page.text.contains(" style=") && !page.text.contains("<style"))
      #expect(page.text.contains("Ada &lt;Lovelace&gt;") == false)
      #expect(try await server.ask("GET", "/stats?since=40d", as: .role(.admin)).text.contains("Eve &lt;b&gt;"))
      let empty = try await server.ask("GET", "/stats?since=2001-01-01&until=2002-01-01", as: .role(.member))
      #expect(empty.text.contains("No data: nothing happened in this period."))
      #expect(!empty.text.contains("<svg viewBox=\"0 0 440"))
    }
  }
}
