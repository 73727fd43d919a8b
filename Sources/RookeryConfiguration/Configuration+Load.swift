import Foundation
import Glibc
import RookeryModel

extension Configuration {
  /// Reads `file` (nil: none) and the variables of `environment` that docs/configuration.md names.
  ///
  /// Throws `configurationInvalid` with file, line and key as the cause, for anything that is not understood, out of bounds, or
  /// a secret that is not protected.
  public static func load(file: String?, environment: [String: String]) throws -> Configuration {
    guard let file else { return try parse(yaml: "", file: "rookery.yaml", environment: environment) }
    let descriptor = open(file, O_RDONLY | O_CLOEXEC)
    let reason = errno
    guard descriptor >= 0, let data = try? FileHandle(fileDescriptor: descriptor, closeOnDealloc: true).readToEnd() ?? Data() else {
      throw RookeryError(
        .configurationInvalid,
        "The configuration file \(file) can't be read: \(descriptor < 0 ? String(cString: strerror(reason)) : "it is not a file").",
        mend: "Check the path and that the user that “rookery serve” runs as may read it.")
    }
    guard let text = String(data: data, encoding: .utf8) else {
      throw RookeryError(.configurationInvalid, "\(file) is not UTF-8 text.", mend: "Save it as UTF-8.")
    }
    return try parse(yaml: text, file: file, environment: environment)
  }

  /// The same for a text; `file` is its name in complaints, and relative paths in it are resolved beside it.
  static func parse(yaml: String, file: String, environment: [String: String]) throws -> Configuration {
    var configuration = Configuration()
    let root = try YAMLDocument(name: file, code: .configurationInvalid).root(of: yaml)?.section(ConfigurationKeys.Root.self)
    if let value = root?[.server] { configuration.server = try Server(value) }
    if let value = root?[.network] { configuration.network = try Network(value) }
    if let value = root?[.sandbox] { configuration.sandbox = try Sandbox(value) }
    if let value = root?[.snapshots] { configuration.snapshots = try Snapshots(value) }
    if let value = root?[.images] { configuration.images = try Images(value) }
    if let value = root?[.pool] { configuration.pool = try Pool(value) }
    if let value = root?[.agents] { configuration.agents = try Agents(value) }
    if let value = root?[.repositories] {
      for (key, settings) in try value.entries() {
        guard let name = RepositoryName(rawValue: key) else {
          throw settings.failure("is not a valid repository name.", mend: "Use the name under which the repository was added.")
        }
        configuration.repositories[name] = try RepositorySettings(
          settings, defaults: configuration.sandbox.limits, environment: environment)
        if let pool = try settings.section(ConfigurationKeys.Repository.self)[.pool] {
          configuration.repositories[name]?.pool = try Pool.Kept(pool, defaults: configuration.pool.kept)
        }
        if let variable = try settings.section(ConfigurationKeys.Repository.self)[.gitTokenEnv]?.string() {
          configuration.tokenVariables.append(variable)
        }
      }
    }
    for (name, settings) in try root?[.secrets]?.entries(limit: 200) ?? [] {
      guard YAMLValue.isSecretName(name) else {
        throw settings.failure("is no name for a secret.", mend: "Use letters, digits and “_”.")
      }
      configuration.secrets[name] = try WireSecret(settings, environment: environment, variables: &configuration.tokenVariables)
    }
    try configuration.checkSecrets(in: root?[.repositories])
    configuration.github = try GitHub(root?[.github], environment: environment, variables: &configuration.tokenVariables)
    if let keys = environment[ConfigurationVariable.secretsKeys.rawValue], !keys.isEmpty {
      configuration.server.secretsKeys = .text(Secret(keys))
    }
    configuration.model = try ModelSource(file: root?[.model], environment: environment).model()
    configuration.admitModelOnLoopback()
    return configuration
  }

  /// A model on this machine is named by the operator, who so allows its address.
  private mutating func admitModelOnLoopback() {
    guard let model, let address = try? WebAddress(model.url), address.isLoopback else { return }
    let entry = "\(address.host):\(address.port)"
    if !network.privateHosts.contains(entry) { network.privateHosts.append(entry) }
  }
}
