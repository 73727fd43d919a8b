import Foundation
import RookeryConfiguration
import RookeryModel
import RookeryServer

/// What a supervisor keeps running, and how.
package struct UpSettings: Sendable {
  package var layout: DataLayout
  package var users: SystemUsers
  /// This program's own file.
  package var program: String
  /// The configuration file; nil: none.
  package var configurationFile: String?
  /// Instead of `server.port`.
  package var port: Int?
  /// Users of this machine who are the local admin when they come by the Unix socket.
  package var localUsers: [UInt32]
  /// Who the local admin is, at the first start.
  package var admin: API.NamedAuthor
  /// Our own environment: what `serve` needs of it is handed on.
  package var environment: [String: String]
  /// Variables that the configuration names as holding tokens.
  package var tokenVariables: [String]
  /// Where people reach the server.
  package var address: String

  /// The command line of a supervisor with these settings that runs in the background.
  var detachedCommand: [String] {
    var argv = [program, "up", "--is-detached", "--data", layout.data, "--cache", layout.cache]
    if let configurationFile { argv += ["--config", configurationFile] }
    if let port { argv += ["--port", String(port)] }
    return argv + ["--admin", "\(admin.name) <\(admin.email)>"]
  }

  /// How one process is started.
  package func specification(of role: ProcessRole) -> SpawnedProcess.Specification {
    let common = [program, role.rawValue, "--data", layout.data, "--cache", layout.cache]
    switch role {
    case .host: return .init(argv: common, environment: Self.plainEnvironment(environment))
    case .gateway: return .init(argv: common, environment: Self.plainEnvironment(environment), user: users.gateway)
    case .serve:
      var argv = common
      if let configurationFile { argv += ["--config", configurationFile] }
      if let port { argv += ["--port", String(port)] }
      for user in localUsers { argv += ["--local-user", String(user)] }
      argv += ["--admin", "\(admin.name) <\(admin.email)>"]
      return .init(argv: argv, environment: serveEnvironment, user: users.serve)
    }
  }

  /// Without secrets, and without anything that changes how a privileged program is loaded.
  private static func plainEnvironment(_ environment: [String: String]) -> [String: String] {
    var plain = ["PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
    for name in ["LANG", "LC_ALL", "TZ", "ROOKERY_LOG_LEVEL"] { plain[name] = environment[name] }
    return plain
  }

  /// With the model, the tokens, and how package downloads reach the network.
  private var serveEnvironment: [String: String] {
    var result = Self.plainEnvironment(environment)
    result["HOME"] = layout.serve
    let proxies = ["http_proxy", "https_proxy", "no_proxy", "all_proxy"]
    let named = Set(Configuration.environmentVariables + tokenVariables + proxies + proxies.map { $0.uppercased() })
    for (name, value) in environment
    where named.contains(name) || name.hasPrefix("PIP_") || name.hasPrefix("SSL_CERT_") || name == "REQUESTS_CA_BUNDLE" {
      result[name] = value
    }
    return result
  }
}

extension UpSettings {
  /// Settings from a configuration file (nil: none) and the environment, read and checked before anything is started.
  ///
  /// `port`: instead of the configuration's; 0, here or there, takes a free one. `admin` nil: who started this.
  package init(
    layout: DataLayout, configurationFile: String?, port: Int?, admin: API.NamedAuthor?, environment: [String: String]
  ) throws {
    let file = configurationFile.map { URL(fileURLWithPath: $0).standardizedFileURL.path }
    var configuration = try Configuration.load(file: file, environment: environment)
    if let port { configuration.server.port = port }
    if configuration.server.port == 0 { configuration.server.port = try FreePort.find() }
    let invoker = Invoker(environment: environment)
    self.init(
      layout: layout, users: try .find(), program: try Program.path(), configurationFile: file, port: configuration.server.port,
      localUsers: invoker.uid.map { [$0] } ?? [], admin: admin ?? invoker.author, environment: environment,
      tokenVariables: configuration.tokenVariables, address: configuration.server.origin)
  }
}

/// This program.
package enum Program {
  package static let version = "0.1.0"

  /// The file that runs; its symbolic links are resolved.
  package static func path() throws -> String {
    guard let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") else {
      throw RookeryError(.internal, "/proc/self/exe can't be read.", mend: "Mount /proc.")
    }
    // After an upgrade in place the old file is gone, and the new one stands at its path.
    return path.hasSuffix(" (deleted)") ? String(path.dropLast(" (deleted)".count)) : path
  }

  /// `rookery-runner`, which is installed beside this program.
  package static func runner() throws -> String {
    URL(fileURLWithPath: try path()).deletingLastPathComponent().appendingPathComponent("rookery-runner").path
  }
}
