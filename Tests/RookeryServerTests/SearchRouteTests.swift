import Foundation
import RookeryModel
import Testing

@testable import RookeryServer

@Suite(.timeLimit(.minutes(1))) struct SearchRouteTests {
  @Test func whatPeopleTypeIsFoundAndShownSafely() async throws {
    try await TestServer.run { server in
      let id = try await server.makeSession("Mend the <b>zebra</b> crossing")
      let found = try await server.ask("GET", "/v1/search?q=zebra", as: .role(.viewer)).decode(API.SearchResults.self)
      #expect(found.hits.map(\.session) == [id])
      #expect(try await server.ask("GET", "/v1/search?q=zebra", as: .none).failure().code == .unauthenticated)
      #expect(try await server.ask("GET", "/v1/search?q=zebra&session=nobody").failure().code == .notFound)
      let cookie = try await server.signIn(.viewer)
      let page = try await server.ask("GET", "/search?q=zebra", as: .cookie(cookie))
      #expect(page.text.contains("&lt;b&gt;zebra&lt;/b&gt;"))
      #expect(!page.text.contains("<b>zebra"))
    }
  }

  @Test func onlyOwnersAndAdminsRedact() async throws {
    try await TestServer.run { server in
      let id = try await server.makeSession(as: .member)
      let body = API.Redact(text: "a secret")
      #expect(try await server.ask("POST", "/v1/sessions/\(id)/redact", as: .role(.viewer), json: body).failure().code == .forbidden)
      let done = try await server.ask("POST", "/v1/sessions/\(id)/redact", as: .role(.member), json: body)
      #expect(try done.decode(API.Redaction.self).places == 1)
      #expect(try await server.ask("POST", "/v1/sessions/\(id)/redact", as: .role(.admin), json: body).status == 200)
    }
  }
}
