import Foundation
import RookeryModel
import Testing

@testable import RookeryConfiguration

@Suite struct ConfigurationLoadTests {
  private func parse(_ yaml: String, _ environment: [String: String] = [:]) throws -> Configuration {
    try Configuration.parse(yaml: yaml, file: "rookery.yaml", environment: environment)
  }

  @Test func anEmptyFileGivesTheDefaults() throws {
    #expect(try parse("") == Configuration())
    #expect(try parse("# nothing but a comment\n") == Configuration())
    #expect(try Configuration.load(file: nil, environment: [:]) == Configuration())
  }

  @Test func everyKeyArrives() throws {
    let configuration = try parse(
      """
      server:
        host: 0.0.0.0
        port: 9000
        allowed_hosts: [rookery.example.org]
        external_url: https://rookery.example.org/
      network:
        private_hosts: ["git.internal:443"]
      model:
        wire: anthropic
        url: https://models.example.org/v1
        name: large
        tokens_per_session: 2_000_000
      sandbox:
        base: debian-trixie
        limits: {memory_mb: 2048, cpus: 1.5, processes: 512, disk_mb: 4096, runtime_seconds: 600}
      repositories:
        web:
          agent: agentao
          git_user: x-access-token
          git_token_env: WEB_TOKEN
          limits: {cpus: 4}
          forge: {kind: github, repository: acme/web}
      agents:
        default_agent: agentao
        definitions:
          - name: mine
            wire: acp
            model: openai
            python: ["mine==1.0"]
            argv: ["{bundle}/bin/mine", --acp]
            environment: {LEVEL: 1.10}
            litter: [.mine]
      """, ["WEB_TOKEN": "secret-1", "ROOKERY_MODEL_KEY": "secret-2", "ROOKERY_GITHUB_TOKEN": "secret-3"])
    #expect(configuration.server.host == "0.0.0.0")
    #expect(configuration.server.port == 9000)
    #expect(configuration.server.allowedHosts == ["rookery.example.org"])
    #expect(configuration.server.externalURL == "https://rookery.example.org")
    #expect(configuration.network.privateHosts == ["git.internal:443"])
    #expect(
      configuration.model
        == .init(
          wire: .anthropic, url: "https://models.example.org", name: "large", key: Secret("secret-2"), tokensPerSession: 2_000_000))
    #expect(configuration.sandbox.base.rawValue == "debian-trixie")
    #expect(
      configuration.sandbox.limits == Limits(memoryMB: 2048, cpus: 1.5, processes: 512, diskMB: 4096, runtimeSeconds: 600))
    let web = try #require(configuration.repositories[RepositoryName("web")])
    #expect(web.gitUser == "x-access-token")
    #expect(web.gitToken == Secret("secret-1"))
    #expect(configuration.tokenVariables == ["WEB_TOKEN"])
    #expect(web.agent?.rawValue == "agentao")
    #expect(web.limits == Limits(memoryMB: 2048, cpus: 4, processes: 512, diskMB: 4096, runtimeSeconds: 600))
    #expect(web.forge == .init(kind: .github, apiURL: "https://api.github.com", repository: "acme/web"))
    #expect(configuration.agents.defaultAgent?.rawValue == "agentao")
    let agent = try #require(configuration.agents.definitions.first)
    #expect(agent.argv == ["{bundle}/bin/mine", "--acp"])
    #expect(agent.environment == ["LEVEL": "1.10"])
    #expect(!agent.tested)
    #expect(configuration.github.adminToken == Secret("secret-3"))
  }

  /// A bad text, the place that the complaint must name, and a part of what it must say.
  struct Refusal: CustomTestStringConvertible, Sendable {
    var yaml: String
    var place: String
    var says: String
    var testDescription: String { "\(place) \(says)" }
  }

  @Test(arguments: [
    Refusal(yaml: "servr: {}", place: "rookery.yaml:1: servr", says: "“server”"),
    Refusal(yaml: "server:\n  hots: x\n", place: "rookery.yaml:2: server.hots", says: "“host”"),
    Refusal(yaml: "server:\n  allowedHosts: [a]\n", place: "rookery.yaml:2: server.allowedHosts", says: "“allowed_hosts”"),
    Refusal(yaml: "server:\n  zebra: 1\n", place: "rookery.yaml:2: server.zebra", says: "Known keys here: allowed_hosts"),
    Refusal(yaml: "server:\n  port: abc\n", place: "rookery.yaml:2: server.port", says: "0 to 65535"),
    Refusal(yaml: "server:\n  port: \"80\"\n", place: "rookery.yaml:2: server.port", says: "unquoted"),
    Refusal(yaml: "server:\n  port: 70000\n", place: "rookery.yaml:2: server.port", says: "0 to 65535"),
    Refusal(yaml: "server:\n  port:\n", place: "rookery.yaml:", says: "server.port"),
    Refusal(yaml: "server: [1]\n", place: "rookery.yaml:1: server", says: "mapping"),
    Refusal(yaml: "server:\n\n  host: 0.0.0.0\n", place: "rookery.yaml:3: server.host", says: "allowed_hosts"),
    Refusal(yaml: "server:\n  external_url: ftp://x\n", place: "rookery.yaml:2: server.external_url", says: "http"),
    Refusal(yaml: "server:\n  external_url: https://u:p@x\n", place: "rookery.yaml:2: server.external_url", says: "password"),
    Refusal(yaml: "network:\n  private_hosts: [git]\n", place: "network.private_hosts[0]", says: "host:port"),
    Refusal(yaml: "model:\n  url: https://x\n", place: "model", says: "no name"),
    Refusal(yaml: "model:\n  key: abc\n  name: x\n", place: "rookery.yaml:2: model.key", says: "“key_file”"),
    Refusal(yaml: "model: {name: x, wire: grpc}\n", place: "rookery.yaml:1: model.wire", says: "“openai”, “anthropic”"),
    Refusal(yaml: "sandbox:\n  base: ../etc\n", place: "rookery.yaml:2: sandbox.base", says: "not a valid name"),
    Refusal(yaml: "sandbox: {limits: {memory_mb: 1}}\n", place: "sandbox.limits.memory_mb", says: "64 to"),
    Refusal(yaml: "sandbox: {limits: {memory: 1}}\n", place: "sandbox.limits.memory", says: "“memory_mb”"),
    Refusal(yaml: "repositories: {Web: {}}\n", place: "repositories.Web", says: "not a valid repository name"),
    Refusal(yaml: "repositories: {web: {git_token: x}}\n", place: "repositories.web.git_token", says: "Did you mean"),
    Refusal(yaml: "repositories: {web: {git_token_env: NOT_SET}}\n", place: "git_token_env", says: "NOT_SET"),
    Refusal(yaml: "repositories: {web: {git_token_file: /missing/x}}\n", place: "git_token_file", says: "can't be read"),
    Refusal(yaml: "repositories: {web: {forge: {kind: github}}}\n", place: "repositories.web.forge", says: "“repository”"),
    Refusal(yaml: "repositories: {web: {forge: {kind: github, repository: a/b/c}}}\n", place: "forge.repository", says: "owner/name"),
    Refusal(yaml: "agents: {definitions: [{name: a, wire: acp}]}\n", place: "agents.definitions[0]", says: "argv"),
    Refusal(
      yaml: "agents: {definitions: [{name: a, wire: command}, {name: a, wire: command}]}\n", place: "agents.definitions[1]",
      says: "second time"),
    Refusal(yaml: "agents: {definitions: [{name: a, wire: acp, argv: [a], python: [--pre]}]}\n", place: "python[0]", says: "requirement"),
    Refusal(yaml: "server: {port: 1}\nserver: {port: 2}\n", place: "rookery.yaml", says: "twice"),
    Refusal(yaml: "server: {port: 1\n", place: "rookery.yaml:2", says: "not valid YAML"),
    Refusal(yaml: "server:\n\tport: 1\n", place: "rookery.yaml:2", says: "not valid YAML"),
  ])
  func refusesWithPlaceAndMend(_ refusal: Refusal) throws {
    let error = try #require(throws: RookeryError.self) { try parse(refusal.yaml) }
    #expect(error.code == .configurationInvalid)
    #expect(error.message.contains(refusal.place), "\(error)")
    #expect(error.description.contains(refusal.says), "\(error)")
    #expect(!error.mend.isEmpty)
  }

  @Test(arguments: [("/no/such/rookery.yaml", "No such file or directory"), ("/tmp", "not a file")])
  func aFileThatCannotBeReadIsNamed(file: String, reason: String) throws {
    let error = try #require(throws: RookeryError.self) { try Configuration.load(file: file, environment: [:]) }
    #expect(error.code == .configurationInvalid)
    #expect(error.message.contains(file) && error.message.contains(reason))
  }
}
