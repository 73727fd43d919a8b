import Foundation
import RookeryConfiguration
import RookeryModel
import RookeryTestSupport
import Testing

@testable import RookerySandbox

@Suite struct SandboxPolicyTests {
  private let name: RepositoryName
  private let url = "https://git.example.org/acme/web.git"

  init() throws { name = try RepositoryName("web") }

  private func policy(_ yaml: String, environment: [String: String] = ["KEY": "secret-value-1"]) throws -> SandboxPolicy {
    let file = try TemporaryDirectory(prefix: "rookery-policy")
    try file.write(yaml, to: "rookery.yaml")
    let configuration = try Configuration.load(file: file.path("rookery.yaml"), environment: environment)
    return SandboxPolicy(configuration: configuration, authority: try InstallationAuthority())
  }

  private func rules(_ outcome: SandboxPolicy.Outcome) -> [String] {
    outcome.network.sites.map { site in
      switch site.access {
      case .open: "\(site.host) open"
      case .read: "\(site.host) read"
      case .forge(let path): "\(site.host) forge \(path)"
      case .credential(let header, let value): "\(site.host) \(header): \(value.reveal())"
      case .git: "\(site.host) git"
      }
    }
  }

  @Test func withoutAnyConfigurationTheGitHostAndTheBasesRegistriesAreReached() throws {
    let outcome = try policy("server: {port: 1}").outcome(
      for: name, url: url, requests: .init(), registries: ["https://mirror.example.org/debian", "http://deb.example.org:8081/x"])
    #expect(rules(outcome) == ["git.example.org git", "mirror.example.org read", "deb.example.org:8081 read"])
    #expect(outcome.denied.isEmpty && outcome.exposed.isEmpty && outcome.network.certificate != nil)
  }

  @Test func theForgesApiIsReadForOneRepository() throws {
    let known = try policy("server: {port: 1}").outcome(
      for: name, url: "https://github.com/acme/web.git", requests: .init(), registries: [])
    #expect(rules(known) == ["github.com git", "api.github.com forge /repos/acme/web"])
    let own = try policy(
      "repositories: {web: {forge: {kind: github, api_url: 'https://git.example.org/api/v3', repository: acme/web}}}"
    ).outcome(for: name, url: url, requests: .init(), registries: [])
    #expect(rules(own) == ["git.example.org git", "git.example.org forge /api/v3/repos/acme/web"])
  }

  /// What a wildcard opens stays closed where git or the forge's API is.
  @Test func noWildcardOpensGitOrTheApi() throws {
    let outcome = try policy("repositories: {web: {hosts: ['*.github.com', 'github.com']}}").outcome(
      for: name, url: "https://github.com/acme/web", requests: .init(), registries: [])
    for host in ["github.com", "api.github.com"] {
      let here = outcome.network.sites.filter { HostName(host).map($0.host.matches) == true }
      #expect(here.contains { $0.access != .open }, "\(host): \(here)")
    }
  }

  @Test func aRepositoryAsksAndTheOperatorGrants() throws {
    let policy = try policy(
      """
      secrets:
        MAPS: {env: KEY, hosts: [maps.example.org, tiles.example.org], header: X-Key}
        DB: {env: KEY, hosts: [db.example.org]}
        PLAIN: {env: KEY}
      repositories:
        web: {hosts: [open.example.org], requestable_hosts: ['*.wide.example.org'], secrets: [MAPS], exposed_secrets: [PLAIN]}
      """)
    let requests = SandboxPolicy.Requests(
      hosts: ["open.example.org", "a.wide.example.org", "wide.example.org", "*.example.org", "169.254.169.254", "evil\u{1b}[2J.example"],
      secrets: [
        .init(name: "MAPS", hosts: ["maps.example.org", "evil.example.org"]), .init(name: "DB", hosts: ["db.example.org"]),
        .init(name: "PLAIN", hosts: [], exposed: true), .init(name: "MAPS", hosts: [], exposed: true),
      ])
    let outcome = try policy.outcome(for: name, url: url, requests: requests, registries: [])
    #expect(
      rules(outcome) == [
        "git.example.org git", "maps.example.org X-Key: secret-value-1", "open.example.org open", "a.wide.example.org open",
      ])
    #expect(outcome.exposed.mapValues { $0.reveal() } == ["PLAIN": "secret-value-1"])
    #expect(outcome.denied.count == 6 && !outcome.denied.joined().contains("\u{1b}"), "\(outcome.denied)")
    // Who asks for nothing is given what the operator gave, and no variable.
    let quiet = try policy.outcome(for: name, url: url, requests: .init(), registries: [])
    #expect(quiet.exposed.isEmpty && rules(quiet).filter { $0.contains("X-Key") }.count == 2)
    // Another repository has none of it.
    let other = try policy.outcome(for: RepositoryName("other"), url: url, requests: requests, registries: [])
    #expect(rules(other) == ["git.example.org git"] && other.exposed.isEmpty)
  }

  @Test func portsOfTheirOwnLeadToTheGateway() throws {
    let policy = try policy(
      """
      network: {hosts: ['a.example.org:8443', 'b.example.org:53']}
      repositories: {web: {requestable_hosts: ['c.example.org:9000'], url: 'https://git.example.org:7000/acme/web'}}
      """)
    #expect(policy.ports(registries: ["http://deb.example.org:8081/x", "https://x.example.org"]) == [7000, 8081, 8443, 9000])
  }

  @Test func anAuthorityIsKeptAndItsKeyIsOursAlone() throws {
    let directory = try TemporaryDirectory(prefix: "rookery-authority")
    let (first, second) = (try InstallationAuthority.kept(in: directory.path), try InstallationAuthority.kept(in: directory.path))
    #expect(first.certificate == second.certificate && !first.certificate.contains("PRIVATE"))
    let mode = try FileManager.default.attributesOfItem(atPath: directory.path("authority.pem"))[.posixPermissions] as? Int
    #expect(mode == 0o600)
    try directory.write("nonsense", to: "authority.pem")
    let error = #expect(throws: RookeryError.self) { try InstallationAuthority.kept(in: directory.path) }
    #expect(error?.code == .configurationInvalid)
  }
}
