import Foundation
import RookeryConfiguration
import RookeryModel

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

  /// How one process is started.
  package func specification(of role: ProcessRole) -> ChildProcess.Specification {
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
