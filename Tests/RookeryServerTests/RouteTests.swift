import Foundation
import HTTPTypes
import RookeryConfiguration
import RookeryModel
import RookeryStore
import RookeryTestSupport
import Testing

@testable import RookeryServer

@Suite struct RouteRouteTests {
  private func add(_ name: String, hints: [String] = [], to server: TestServer) async throws {
    try await server.registry.insert(
      Repository(
        name: try RepositoryName(name), url: "https://git.example.org/\(name).git", defaultBranch: "main", hints: hints, added: Date()))
  }

  @Test func aDecisionAndItsReasons() async throws {
    let site = try RepositoryName("site")
    try await TestServer.run(configure: {
      $0.routing.channels["web"] = site
      $0.repositories[site] = .init()
      $0.repositories[site]?.hints = ["homepage"]
    }) { server in
      try await add("site", hints: ["landing"], to: server)
      try await add("api", hints: ["endpoint"], to: server)
      func ask(_ route: API.Route) async throws -> API.RouteDecision {
        let answer = try await server.ask("POST", "/v1/route", as: .role(.member), json: route)
        #expect(answer.status == 200)
        return try answer.decode(API.RouteDecision.self)
      }
      #expect(try await ask(API.Route(message: "the homepage is slow")).repository == site, "the configuration's hint")
      #expect(try await ask(API.Route(message: "the landing is slow")).repository == nil, "it replaces those of the registry")
      #expect(try await ask(API.Route(message: "make it faster", channel: "#Web")).repository == site)
      #expect(try await ask(API.Route(message: "make it faster")).reasons.isEmpty == false)
      let thread = API.Route(message: "do it", thread: ["the new endpoint should page"])
      #expect(try await ask(thread).repository?.rawValue == "api")
      // What was chosen three times in a channel is understood there.
      for _ in 0..<3 {
        try await server.registry.recordRoutingChoice(site, channel: "ops", user: try #require(server.users[.member]).id)
      }
      #expect(try await ask(API.Route(message: "make it faster", channel: "ops")).repository == site)
    }
  }

  @Test func badInputIsRefused() async throws {
    try await TestServer.run { server in
      let bad = [
        API.Route(message: " "), API.Route(message: String(repeating: "a", count: 20_001)),
        API.Route(message: "a", channel: String(repeating: "c", count: 201)),
        API.Route(message: "a", thread: Array(repeating: "t", count: 51)),
      ]
      for route in bad {
        let answer = try await server.ask("POST", "/v1/route", as: .role(.member), json: route, isValid: false)
        #expect(try answer.failure().code == .badRequest)
      }
      #expect(try await server.ask("POST", "/v1/route", as: .role(.viewer), json: bad[0], isValid: false).status == 403)
    }
  }
}
