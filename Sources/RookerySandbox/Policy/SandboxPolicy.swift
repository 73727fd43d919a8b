import Foundation
import RookeryConfiguration
import RookeryModel

/// Decides what a sandbox may reach and use: the one place that makes grants' network from the operator's configuration, the
/// repository's requests and the base's own configuration.
package struct SandboxPolicy: Sendable {
  /// What a repository's environment file asks for.
  package struct Requests: Sendable, Equatable {
    package var hosts: [String]
    package var secrets: [EnvironmentFile.SecretRequest]

    package init(hosts: [String] = [], secrets: [EnvironmentFile.SecretRequest] = []) {
      self.hosts = hosts
      self.secrets = secrets
    }

    package init(_ environment: EnvironmentFile) { self.init(hosts: environment.hosts, secrets: environment.secrets) }
  }

  /// What becomes of them.
  package struct Outcome: Sendable, Equatable {
    package var network = Grant.Network()
    /// Secrets that agents see, as environment variables: the operator granted that explicitly.
    package var exposed: [String: Secret] = [:]
    /// What was asked for and not granted, for people.
    package var denied: [String] = []
  }

  package let configuration: Configuration
  package let authority: InstallationAuthority

  package init(configuration: Configuration, authority: InstallationAuthority) {
    self.configuration = configuration
    self.authority = authority
  }

  /// - Parameters:
  ///   - url: of the repository.
  ///   - registries: addresses that the base's package managers are configured for.
  package func outcome(
    for repository: RepositoryName, url: String, requests: Requests, registries: [String]
  ) throws -> Outcome {
    var outcome = Outcome()
    let settings = configuration.repositories[repository] ?? .init()
    var sites = [Self.pattern(of: url)].compactMap { $0 }.map { Grant.Site(host: $0, access: .git) }
    if let forge = settings.forge ?? Self.forge(of: url), let host = Self.pattern(of: forge.apiURL) {
      sites.append(.init(host: host, access: .forge(path: "\(Self.path(of: forge.apiURL))/repos/\(forge.repository)")))
    }
    sites += secrets(of: settings, requests, &outcome)
    for address in registries + configuration.network.registries {
      if let host = Self.pattern(of: address) { sites.append(.init(host: host, access: .read)) }
    }
    for host in configuration.network.hosts + settings.hosts + granted(requests.hosts, settings, &outcome) {
      sites.append(.init(host: host, access: .open))
    }
    var distinct: [Grant.Site] = []
    for site in sites where !distinct.contains(site) { distinct.append(site) }
    outcome.network.sites = distinct
    let intercepted = Set(distinct.filter(\.isIntercepted).map(\.host.name))
    if !intercepted.isEmpty { outcome.network.certificate = try authority.certificate(for: intercepted) }
    return outcome
  }

  /// TCP ports beside 80 and 443 on which any sandbox may reach something.
  package func ports(registries: [String]) -> [UInt16] {
    let repositories = configuration.repositories.values
    var patterns = configuration.network.hosts + configuration.secrets.values.flatMap(\.hosts)
    patterns += repositories.flatMap { $0.hosts + $0.requestableHosts }
    let addresses =
      registries + configuration.network.registries + repositories.compactMap(\.forge?.apiURL) + repositories.compactMap(\.url)
    patterns += addresses.compactMap(Self.pattern)
    let ports = Set(patterns.compactMap(\.port)).subtracting([53, 80, 443])
    return Array(ports.sorted().prefix(64)).map(UInt16.init)
  }

  // MARK: Requests

  private func secrets(
    of settings: Configuration.RepositorySettings, _ requests: Requests, _ outcome: inout Outcome
  ) -> [Grant.Site] {
    var sites: [Grant.Site] = []
    for name in settings.secrets {
      guard let secret = configuration.secrets[name] else { continue }
      let request = requests.secrets.first { $0.name == name }
      // A repository may narrow where a secret goes, never widen it.
      let narrowed = request.flatMap { $0.hosts.isEmpty ? nil : $0.hosts.compactMap { HostPattern($0) } }
      let hosts = secret.hosts.filter { host in narrowed?.contains { $0.covers(host) } ?? true }
      let header = secret.basicUser == nil ? secret.header : "Authorization"
      sites += hosts.map { .init(host: $0, access: .credential(header: header, value: secret.headerValue)) }
    }
    for request in requests.secrets {
      if request.exposed {
        if settings.exposedSecrets.contains(request.name), let secret = configuration.secrets[request.name] {
          outcome.exposed[request.name] = secret.value
        } else {
          outcome.denied.append(
            "The secret “\(Self.shown(request.name))” as an environment variable (repositories.NAME.exposed_secrets would grant it).")
        }
      } else if !settings.secrets.contains(request.name) {
        outcome.denied.append("The secret “\(Self.shown(request.name))” (repositories.NAME.secrets would grant it).")
      }
    }
    return sites
  }

  private func granted(
    _ asked: [String], _ settings: Configuration.RepositorySettings, _ outcome: inout Outcome
  ) -> [HostPattern] {
    asked.prefix(200).compactMap { text in
      if let pattern = HostPattern(text) {
        if (settings.hosts + configuration.network.hosts).contains(where: { $0.covers(pattern) }) { return nil }
        if settings.requestableHosts.contains(where: { $0.covers(pattern) }) { return pattern }
      }
      outcome.denied.append(
        "The host “\(Self.shown(text))” (repositories.NAME.hosts or repositories.NAME.requestable_hosts would grant it).")
      return nil
    }
  }

  private static func shown(_ text: String) -> String { String(PlainText.line(text.prefix(100))) }

  // MARK: Addresses

  /// The host of an http or https address, with its port where that is not the scheme's; nil where the host is an address.
  static func pattern(of address: String) -> HostPattern? {
    guard let parts = URLComponents(string: address), let scheme = parts.scheme?.lowercased(), scheme == "http" || scheme == "https",
      let name = parts.host.flatMap({ HostName($0) })
    else { return nil }
    let port = parts.port.flatMap { [80, 443].contains($0) ? nil : $0 }
    return HostPattern(name: name, port: port)
  }

  /// The forge that a repository's address tells by itself: its API is never an open host, even if a wildcard of the operator's means it.
  private static func forge(of url: String) -> Configuration.Forge? {
    guard pattern(of: url)?.name.text == "github.com", let parts = URLComponents(string: url) else { return nil }
    let names = parts.percentEncodedPath.split(separator: "/")
    guard names.count == 2 else { return nil }
    let repository = names[1].hasSuffix(".git") ? names[1].dropLast(4) : names[1]
    return Configuration.Forge(kind: .github, apiURL: "https://api.github.com", repository: "\(names[0])/\(repository)")
  }

  private static func path(of address: String) -> String {
    let path = URLComponents(string: address)?.percentEncodedPath ?? ""
    return path.hasSuffix("/") ? String(path.dropLast()) : path
  }
}
