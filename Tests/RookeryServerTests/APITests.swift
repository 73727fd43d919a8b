import Foundation
import HTTPTypes
import RookeryConfiguration
import RookeryModel
import RookeryStore
import RookeryTestSupport
import Testing

@testable import RookeryServer

/// The routes under `/v1`; `TestServer` holds every body against openapi.yaml.
@Suite struct APITests {
  @Test func theDocumentAndTheRoutesAgree() async throws {
    try await TestServer.run { server in
      let routes = server.routes.filter { $0.path.hasPrefix("/v1/") }
      let served = Set(routes.map { OpenAPIDocument.Operation(method: $0.method.rawValue, path: $0.path) })
      #expect(served == server.document.operations)
      for route in routes {
        let operation = OpenAPIDocument.Operation(method: "\(route.method)", path: route.path)
        #expect(server.document.isOpen(operation) == (route.access == .open), "\(operation)")
      }
      let document = try await server.ask("GET", "/v1/openapi.yaml", as: .none)
      #expect(document.body == Data(PackageResources.openapi_yaml))
    }
  }

  @Test func aRepositoryFromAddingToRemoval() async throws {
    try await TestServer.run { server in
      let name = try RepositoryName("rookery")
      let request = API.AddRepository(name: name, url: "https://git.example.org/rookery.git", description: "Agents", hints: ["swift"])
      let added = try await server.ask("POST", "/v1/repositories", json: request)
      #expect(added.status == 201)
      #expect(try added.decode(Repository.self).hints == ["swift"])
      #expect(try await server.ask("POST", "/v1/repositories", json: request).status == 409)
      #expect(try await server.ask("GET", "/v1/repositories", as: .role(.viewer)).decode(API.Repositories.self).repositories.count == 1)
      #expect(try await server.ask("GET", "/v1/repositories/rookery/build/log").status == 404)
      #expect(try await server.ask("POST", "/v1/repositories/rookery/build", as: .role(.member)).status == 202)
      let pushed = try await server.ask("POST", "/v1/repositories/rookery/build?push=true", as: .role(.member))
      #expect(try pushed.decode(BuildSummary.self).reason == .push)
      #expect(try await server.ask("POST", "/v1/repositories/rookery/build?force=maybe", as: .role(.member)).status == 400)
      #expect(try await server.ask("GET", "/v1/images", as: .role(.viewer)).decode(API.Images.self).images.isEmpty)
      let log = try await server.ask("GET", "/v1/repositories/rookery/build/log?after=0&wait=0").decode(API.BuildLog.self)
      #expect(log.build.state == .running)
      #expect(try await server.ask("DELETE", "/v1/repositories/rookery").status == 204)
      #expect(try await server.ask("GET", "/v1/repositories/rookery").failure().code == .repositoryUnknown)
    }
  }

  @Test func aSessionsPromptsAreIdempotentAndCanBeCancelled() async throws {
    try await TestServer.run { server in
      let body = API.CreateSession(requestId: "r1", repository: try RepositoryName("rookery"), prompt: "Fix it")
      let first = try await server.ask("POST", "/v1/sessions", as: .role(.member), json: body)
      #expect(first.status == 201)
      let again = try await server.ask("POST", "/v1/sessions", as: .role(.member), json: body)
      #expect(again.body == first.body)
      var other = body
      other.prompt = "Break it"
      #expect(try await server.ask("POST", "/v1/sessions", as: .role(.member), json: other).status == 409)
      let id = try first.decode(API.PromptReceipt.self).session
      let second = try await server.ask(
        "POST", "/v1/sessions/\(id)/prompts", as: .role(.member), json: API.PostPrompt(requestId: "r2", text: "And test it"))
      let prompt = try second.decode(API.PromptReceipt.self).prompt
      #expect(try await server.ask("DELETE", "/v1/sessions/\(id)/prompts/\(prompt)", as: .role(.member)).status == 204)
      #expect(try await server.ask("DELETE", "/v1/sessions/\(id)/prompts/\(prompt)", as: .role(.member)).status == 409)
      #expect(try await server.ask("POST", "/v1/sessions/\(id)/stop", as: .role(.member)).status == 204)
      let detail = try await server.ask("GET", "/v1/sessions/\(id)").decode(API.SessionDetail.self)
      #expect(detail.prompts.map(\.state) == [.queued, .cancelled])
      #expect(try await server.ask("GET", "/v1/sessions?repository=rookery").decode(API.Sessions.self).sessions.count == 1)
      #expect(try await server.ask("GET", "/v1/sessions?repository=other").decode(API.Sessions.self).sessions.isEmpty)
    }
  }

  @Test func onlyAnAdminNamesAnAuthor() async throws {
    try await TestServer.run { server in
      let body = API.CreateSession(
        requestId: "r1", repository: try RepositoryName("rookery"), prompt: "Fix it",
        author: .init(name: "Grace Hopper", email: "grace@example.org"))
      #expect(try await server.ask("POST", "/v1/sessions", as: .role(.member), json: body).status == 403)
      let answer = try await server.ask("POST", "/v1/sessions", as: .socket, json: body)
      let id = try answer.decode(API.PromptReceipt.self).session
      let detail = try await server.ask("GET", "/v1/sessions/\(id)").decode(API.SessionDetail.self)
      #expect(detail.prompts.first?.author.name == "Grace Hopper")
      let grace = try #require(try await server.registry.user(email: "grace@example.org"))
      #expect(grace.role == .member)
      var bad = body
      bad.author?.email = "nonsense"
      bad.requestId = "r2"
      #expect(try await server.ask("POST", "/v1/sessions", json: bad).status == 400)
    }
  }

  @Test func artifactsAreSavedAndNeverShown() async throws {
    try await TestServer.run { server in
      let id = try await server.makeSession()
      #expect(try await server.ask("GET", "/v1/sessions/\(id)/diff").status == 404)
      let page = Data("<script>alert(1)</script>".utf8)
      let artifact = Artifact(
        id: .random(prefix: "a-"), kind: .file, name: "../évil\"\r\nX: y.html", mediaType: "text/html", bytes: page.count,
        digest: String(repeating: "0", count: 64))
      await server.sessions.addArtifact(id, artifact, page)
      let answer = try await server.ask("GET", "/v1/sessions/\(id)/artifacts/\(artifact.id)")
      #expect(answer.body == page)
      #expect(answer.header("content-disposition")?.hasPrefix("attachment; filename=\"_vil___X: y.html\"") == true)
      #expect(answer.header("x-content-type-options") == "nosniff")
      #expect(answer.header("content-security-policy") == "default-src 'none'; sandbox")
      #expect(answer.header("x") == nil)
      let diff = Data("diff --git a/x b/x\n".utf8)
      let second = Artifact(
        id: .random(prefix: "a-"), kind: .diff, name: "changes.diff", mediaType: "text/x-diff", bytes: diff.count,
        digest: String(repeating: "0", count: 64))
      await server.sessions.addArtifact(id, second, diff)
      #expect(try await server.ask("GET", "/v1/sessions/\(id)/diff").body == diff)
    }
  }

  @Test func tokensAreShownOnceAndRevoked() async throws {
    try await TestServer.run { server in
      let made = try await server.ask("POST", "/v1/tokens", as: .role(.viewer), json: API.CreateToken(purpose: "CI"))
      let token = try made.decode(API.NewToken.self)
      #expect(try await server.ask("GET", "/v1/me", as: .token(token.secret.reveal())).decode(User.self).role == .viewer)
      let list = try await server.ask("GET", "/v1/tokens", as: .role(.viewer))
      #expect(!list.text.contains(token.secret.reveal()))
      #expect(try list.decode(API.Tokens.self).tokens.map(\.purpose).contains("CI"))
      #expect(try await server.ask("DELETE", "/v1/tokens/\(token.token.id)", as: .role(.admin)).status == 404)
      #expect(try await server.ask("DELETE", "/v1/tokens/\(token.token.id)", as: .role(.viewer)).status == 204)
      #expect(try await server.ask("GET", "/v1/me", as: .token(token.secret.reveal())).status == 401)
      let past = API.CreateToken(purpose: "late", expires: Date(timeIntervalSinceNow: -1))
      #expect(try await server.ask("POST", "/v1/tokens", json: past).status == 400)
      #expect(!server.log.text.contains(token.secret.reveal()))
    }
  }

  @Test func loginLinksAreOnesOwnOrAnAdmins() async throws {
    try await TestServer.run { server in
      let own = try await server.ask("POST", "/v1/login-links", as: .role(.viewer), json: API.CreateLoginLink())
      #expect(own.status == 201)
      let url = try own.decode(API.LoginLink.self).url.reveal()
      #expect(url.hasPrefix("http://127.0.0.1:8080/login?code="))
      let code = try #require(url.split(separator: "=").last)
      #expect(try await server.ask("GET", "/login?code=\(code)", as: .none).status == 303)
      let leading = try await server.ask("POST", "/v1/login-links", json: API.CreateLoginLink(path: "/sessions/s-1"))
      #expect(try leading.decode(API.LoginLink.self).url.reveal().hasSuffix("&next=/sessions/s-1"))
      let forAdmin = API.CreateLoginLink(email: "admin@example.org")
      #expect(try await server.ask("POST", "/v1/login-links", as: .role(.member), json: forAdmin).status == 403)
      #expect(
        try await server.ask("POST", "/v1/login-links", as: .role(.admin), json: API.CreateLoginLink(email: "no@no.no")).status == 404)
    }
  }

  @Test func anInstallationReportsLineByLine() async throws {
    try await TestServer.run { server in
      #expect(try await server.ask("GET", "/v1/agents").decode(API.Agents.self).agents.count == 2)
      func lines(_ name: String) async throws -> [API.InstallProgress] {
        try await server.ask("POST", "/v1/agents/\(name)/install").body.split(separator: 10)
          .map { try JSON.decode(API.InstallProgress.self, from: Data($0)) }
      }
      let good = try await lines("goodagent")
      #expect(good.compactMap(\.line?.text) == ["Downloading goodagent", "Unpacking"])
      #expect(good.last?.installed?.rawValue == "goodagent")
      let bad = try await lines("badagent")
      #expect(bad.last?.error?.code == .agentFailed)
      #expect(try await server.ask("POST", "/v1/agents/noagent/install").failure().code == .agentUnknown)
    }
  }

  @Test func theServerSaysHowItIs() async throws {
    try await TestServer.run { server in
      let health = try await server.ask("GET", "/v1/health", as: .none).decode(API.Health.self)
      #expect(health.status == "ok")
      #expect(try await server.ask("GET", "/v1/version", as: .none).decode(API.Version.self).version == "1.2.3-test")
    }
  }

  @Test func whatIsNoRookeryErrorIsInternalWithAReference() async throws {
    try await TestServer.run { server in
      let body = API.CreateSession(requestId: "r1", repository: try RepositoryName("broken"), prompt: "x")
      let answer = try await server.ask("POST", "/v1/sessions", json: body)
      #expect(answer.status == 500)
      let failure = try answer.failure()
      #expect(failure.code == .internal)
      let reference = try #require(answer.header("x-request-id"))
      #expect(failure.mend.contains(reference))
      #expect(server.log.text.contains(reference))
      #expect(!answer.text.contains("MemoryFailure") && !answer.text.contains("hunter2"))
    }
  }

  @Test func everyAnswerCarriesThePolicies() async throws {
    try await TestServer.run { server in
      for path in ["/", "/v1/me", "/v1/health", "/nothing", "/login", Asset.style.path] {
        let answer = try await server.ask("GET", path)
        #expect(answer.header("content-security-policy") == SecurityHeaders.policy, "\(path)")
        #expect(answer.header("x-content-type-options") == "nosniff", "\(path)")
        #expect(answer.header("x-frame-options") == "DENY", "\(path)")
      }
      #expect(!SecurityHeaders.policy.contains("unsafe"))
      #expect(try await server.ask("GET", "/nothing").header("content-type")?.hasPrefix("text/html") == true)
      #expect(try await server.ask("GET", "/v1/nothing").failure().code == .notFound)
    }
  }
}
