import Foundation
import RookeryModel
import Testing

@testable import RookeryCommands

@Suite struct LayoutTests {
  private func settings(_ environment: [String: String]) throws -> UpSettings {
    UpSettings(
      layout: try DataLayout(data: "/d", cache: "/c"),
      users: SystemUsers(
        serve: .init(name: "rookery-serve", uid: 901, gid: 801), gateway: .init(name: "rookery-gateway", uid: 902, gid: 802)),
      program: "/usr/bin/rookery", configurationFile: "/etc/rookery/rookery.yaml", port: 8080, localUsers: [1000],
      admin: .init(name: "Ada", email: "ada@example.com"), environment: environment, tokenVariables: ["WEB_TOKEN"],
      address: "http://127.0.0.1:8080")
  }

  @Test func pathsFollowFromTheDataDirectory() throws {
    let layout = try DataLayout(data: "/d/../e/", cache: "/c")
    #expect(layout.hostSocket == "/e/run/host.sock")
    #expect(layout.apiSocket == "/e/run/api.sock")
    #expect(layout.places.map(\.path) == ["/e", "/e/host", "/e/serve", "/e/run", "/e/run/serve", "/e/run/gateway", "/c"])
    #expect(layout.places.first { $0.path == "/e/host" }?.mode == 0o700)
    #expect(layout.places.first { $0.path == "/e/serve" } == .init(path: "/e/serve", owner: .serve, mode: 0o700))
  }

  @Test func refusesAPathTooLongForSockets() throws {
    let error = try #require(throws: RookeryError.self) {
      try DataLayout(data: "/" + String(repeating: "x", count: 60), cache: "/c")
    }
    #expect(error.code == .badRequest)
    _ = try DataLayout(data: "/" + String(repeating: "x", count: 49), cache: "/c")
  }

  @Test func onlyServeGetsSecrets() throws {
    let environment = [
      "ROOKERY_MODEL_KEY": "k", "ANTHROPIC_API_KEY": "a", "WEB_TOKEN": "t", "OTHER_SECRET": "o", "PATH": "/evil", "LD_PRELOAD": "x.so",
      "PIP_INDEX_URL": "https://u:p@mirror", "https_proxy": "http://proxy", "LANG": "C.UTF-8", "ROOKERY_TOKEN": "rky",
    ]
    let settings = try settings(environment)
    for role in [ProcessRole.host, .gateway] {
      #expect(Set(settings.specification(of: role).environment.keys) == ["PATH", "LANG"])
    }
    let serve = settings.specification(of: .serve).environment
    #expect(serve["ROOKERY_MODEL_KEY"] == "k")
    #expect(serve["WEB_TOKEN"] == "t")
    #expect(serve["https_proxy"] == "http://proxy")
    #expect(serve["PIP_INDEX_URL"] == "https://u:p@mirror")
    #expect(serve["OTHER_SECRET"] == nil && serve["LD_PRELOAD"] == nil && serve["ROOKERY_TOKEN"] == nil)
    for role in ProcessRole.allCases {
      let specification = settings.specification(of: role)
      #expect(specification.environment["PATH"]?.contains("/evil") == false)
      #expect(!specification.command.contains { ["k", "a", "t"].contains($0) }, "no secret in argv")
    }
  }

  @Test func eachProcessRunsAsItsUser() throws {
    let settings = try settings([:])
    #expect(settings.specification(of: .host).command.first == "/usr/bin/rookery")
    let gateway = settings.specification(of: .gateway).command
    #expect(gateway.starts(with: ["/usr/bin/setpriv", "--reuid=902", "--regid=802", "--init-groups", "--no-new-privs"]))
    #expect(gateway.contains("--bounding-set=-all"))
    let serve = settings.specification(of: .serve).command
    #expect(serve.contains("--reuid=901"))
    #expect(serve.suffix(4) == ["--local-user", "1000", "--admin", "Ada <ada@example.com>"])
  }

  @Test func theInvokerIsWhoUsedSudo() {
    #expect(Invoker(environment: ["SUDO_USER": "root"]).uid == nil)
    #expect(Invoker(environment: ["SUDO_USER": "no-such-user-here"]).uid == nil)
    let named = Invoker(environment: ["GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com"])
    #expect(named.author == .init(name: "Ada", email: "ada@example.com"))
  }

  @Test func demoRepositoriesGetNamesThatAreOnes() {
    #expect(DemoRepository.name(of: "/home/a/My Project").rawValue == "my-project")
    #expect(DemoRepository.name(of: "/x/.hidden").rawValue == "project")
    #expect(DemoRepository.name(of: "/").rawValue == "project")
  }
}
