import Foundation
import HTTPTypes
import RookeryModel
import RookeryTestSupport
import Testing

@testable import RookeryServer

@Suite struct HintAllowanceTests {
  @Test func aBurstThenOneASecond() throws {
    let allowance = HintAllowance()
    let (ada, bob) = (try UserID("ada"), try UserID("bob"))
    let start = Date(timeIntervalSince1970: 1_800_000_000)
    for _ in 0..<20 { try allowance.take(ada, now: start) }
    #expect { try allowance.take(ada, now: start) } throws: { ($0 as? RookeryError)?.code == .rateLimited }
    // Nobody pays for another.
    try allowance.take(bob, now: start)
    try allowance.take(ada, now: start + 1)
    #expect { try allowance.take(ada, now: start + 1) } throws: { ($0 as? RookeryError)?.code == .rateLimited }
  }
}

@Suite struct WarmRouteTests {
  @Test func whoeverTypesHasASandboxReady() async throws {
    try await TestServer.run { server in
      let name = try RepositoryName("site")
      let add = API.AddRepository(name: name, url: "https://git.example.org/site.git")
      _ = try await server.ask("POST", "/v1/repositories", json: add)
      let warm = API.Warm(repository: name)
      #expect(try await server.ask("POST", "/v1/warm", as: .role(.viewer), json: warm).status == 403)
      for _ in 0..<2 {
        let answer = try await server.ask("POST", "/v1/warm", as: .role(.member), json: warm)
        #expect(answer.status == 202)
        #expect(try answer.decode(API.Pool.self).ready == 1)
      }
      #expect(try await server.ask("GET", "/v1/repositories/site/pool", as: .role(.viewer)).decode(API.Pool.self).size == 3)
      let unknown = try await server.ask("POST", "/v1/warm", as: .role(.member), json: API.Warm(repository: try RepositoryName("none")))
      #expect(try unknown.failure().code == .repositoryUnknown)
      var status = 202
      for _ in 0..<25 where status == 202 { status = try await server.ask("POST", "/v1/warm", as: .role(.member), json: warm).status }
      #expect(status == 429)
    }
  }
}
