import Foundation
import RookeryModel

/// `.rookery/environment.yaml` in a repository: how it is set up. Unknown keys are refused with a suggestion.
public struct EnvironmentFile: Sendable, Codable, Equatable {
  public static let path = ".rookery/environment.yaml"

  /// Shell commands run as root in the image's build, in the repository's directory, in order. They run offline.
  public var setup: [String] = []
  /// Variables for setup and for agents.
  public var env: [String: String] = [:]
  public var agent: AgentName?
  /// What it asks for; the server's configuration bounds it.
  public var limits: RequestedLimits?

  public struct RequestedLimits: Sendable, Codable, Equatable {
    public var memoryMB: Int?
    public var cpus: Double?
    public var processes: Int?
    public var diskMB: Int?
    public var runtimeSeconds: Int?
    public init() {}
  }

  public init() {}

  /// Reads the file's text, which nobody vouches for. Throws `environmentInvalid` with line and key as the cause.
  public static func parse(yaml: String) throws -> EnvironmentFile {
    var file = EnvironmentFile()
    guard let root = try YAMLDocument(name: path, code: .environmentInvalid).root(of: yaml) else { return file }
    let section = try root.section(ConfigurationKeys.Environment.self)
    if let value = section[.setup] {
      file.setup = try value.elements(limit: 200).map { command in
        let text = try command.string()
        guard !text.allSatisfy(\.isWhitespace), text.utf8.count <= 64 << 10, !text.utf8.contains(0) else {
          throw command.failure("is empty, too long or holds a NUL.", mend: "Write one shell command.")
        }
        return text
      }
    }
    if let value = section[.env] { file.env = try value.variables() }
    file.agent = try section[.agent]?.identifier(AgentKind.self)
    file.limits = try section[.limits].map(RequestedLimits.init)
    return file
  }
}
