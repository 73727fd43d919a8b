import Foundation
import RookeryModel

extension Configuration {
  /// Something that opens doors at certain hosts. Sandboxes use it without seeing it.
  public struct WireSecret: Sendable, Equatable {
    public var value: Secret
    /// Where it may go: names, without wildcards.
    public var hosts: [HostPattern]
    /// The header that carries it.
    public var header: String
    /// What the header says; `{secret}` stands for the value.
    public var format: String
    /// User of HTTP basic authentication; with it `header` and `format` mean nothing.
    public var basicUser: String?

    /// The header with its value.
    public var headerValue: Secret {
      if let basicUser { return Secret("Basic " + Data("\(basicUser):\(value.reveal())".utf8).base64EncodedString()) }
      return Secret(format.replacing("{secret}", with: value.reveal()))
    }
  }
}

extension Configuration.WireSecret {
  init(_ settings: YAMLValue, environment: [String: String], variables: inout [String]) throws {
    let section = try settings.section(ConfigurationKeys.WireSecret.self)
    switch (section[.env], section[.file]) {
    case (let name?, nil):
      let variable = try name.line(limit: 255)
      variables.append(variable)
      guard let text = environment[variable], SecretText.isValid(text) else {
        throw name.failure(
          "names the environment variable \(variable), which is not set or holds no secret.",
          mend: "Set it where Rookery is started, or use file.")
      }
      value = Secret(text)
    case (nil, let path?): value = try SecretFile(path).secret()
    default: throw settings.failure("needs one of env and file.", mend: "Say where the secret is.")
    }
    hosts =
      try section[.hosts]?.elements(limit: 50).map { host in
        let pattern = try host.hostPattern()
        guard !pattern.isWildcard else { throw host.failure("is a wildcard.", mend: "Name each host that the secret may go to.") }
        return pattern
      } ?? []
    header = try section[.header]?.line(limit: 100) ?? "Authorization"
    guard header.utf8.allSatisfy(Self.isHeaderByte) else {
      throw (section[.header] ?? settings).failure("is no name of a header.", mend: "Write it like Authorization or X-Api-Key.")
    }
    format = try section[.format]?.line(limit: 500) ?? (header.lowercased() == "authorization" ? "Bearer {secret}" : "{secret}")
    guard format.contains("{secret}"), format.utf8.allSatisfy({ (0x20...0x7e).contains($0) }) else {
      throw (section[.format] ?? settings).failure("has no place for the secret.", mend: "Write {secret} where it goes.")
    }
    basicUser = try section[.basicUser]?.line(limit: 255)
    if basicUser?.contains(":") == true {
      throw (section[.basicUser] ?? settings).failure("holds a colon.", mend: "Give the user alone.")
    }
  }

  private static func isHeaderByte(_ byte: UInt8) -> Bool {
    (0x61...0x7a).contains(byte) || (0x41...0x5a).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x2d || byte == 0x5f
  }
}

extension Configuration {
  /// Checks what the sections say about each other.
  func checkSecrets(in value: YAMLValue?) throws {
    for (key, settings) in try value?.entries() ?? [] {
      guard let name = RepositoryName(rawValue: key), let repository = repositories[name] else { continue }
      for secret in repository.secrets + repository.exposedSecrets where secrets[secret] == nil {
        throw settings.failure("names the secret “\(secret)”, which there is not.", mend: "Define it under secrets.")
      }
      for secret in repository.secrets where secrets[secret]?.hosts.isEmpty == true {
        throw settings.failure("grants the secret “\(secret)”, which may go to no host.", mend: "List hosts for it under secrets.")
      }
    }
  }
}

extension YAMLValue {
  /// `name`, `*.name`, or either with `:port`.
  func hostPattern() throws -> HostPattern {
    guard let pattern = HostPattern(try line(limit: 300)) else {
      throw failure(
        "is not a host.", mend: "Write a name, or *.name for the names below it, perhaps with :port; addresses can't be allowed.")
    }
    return pattern
  }

  /// The name of a secret, as an environment variable could have it.
  func secretName() throws -> String {
    let name = try line(limit: 100)
    guard Self.isSecretName(name) else { throw failure("is no name for a secret.", mend: "Use letters, digits and “_”.") }
    return name
  }

  static func isSecretName(_ name: String) -> Bool {
    !name.isEmpty && !(0x30...0x39).contains(name.utf8.first ?? 0x30)
      && name.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x5a).contains($0) || (0x61...0x7a).contains($0) || $0 == 0x5f }
  }
}
