import Foundation
import RookeryModel

/// The JSON schema of `.rookery/environment.yaml`, for editors. docs/environment.schema.json is its text; a test holds it against
/// the parser.
public enum EnvironmentSchema {
  public static let id = "https://json-schema.org/draft/2020-12/schema"

  /// The schema as JSON text, keys sorted.
  public static func text() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(root), as: UTF8.self) + "\n"
  }

  private typealias Bounds = EnvironmentFile.Bounds
  private typealias Keys = ConfigurationKeys

  static var root: JSONValue {
    object(
      Keys.Environment.self, "How a repository is set up for Rookery.",
      [
        .base: name("The base that the image is built on."),
        .packages: object(
          Keys.Packages.self, "Installed as root, before setup.",
          [
            .apt: list("Debian packages.", text("A package."), Bounds.packages),
            .pip: list("Python packages.", text("A requirement."), Bounds.packages),
            .npm: list("Node packages, installed globally.", text("A package."), Bounds.packages),
          ]),
        .setup: commands("Run as root in the image's build, in order."),
        .inputs: list("Files whose change runs setup again on an earlier image.", text("A path."), Bounds.inputs),
        .build: commands("Run as the agent's user after setup, at each build of an image."),
        .warm: commands("Run after build; they fill caches and must end."),
        .start: list("The repository's own services.", service, Bounds.services),
        .env: ["type": "object", "description": "Variables for setup and for agents.", "additionalProperties": ["type": scalar]],
        .secrets: list("Secrets that it asks for.", secret, Bounds.secrets),
        .hosts: list("Hosts that it asks to reach.", text("name, *.name, or either with :port."), Bounds.hosts),
        .ports: list("Ports on which its services answer.", integer("A port.", Bounds.port), Bounds.ports),
        .agent: name("The agent of its sessions."),
        .limits: limits,
      ], also: ["$schema": .string(id), "title": "Rookery environment"])
  }

  private static var service: JSONValue {
    object(
      Keys.Service.self, "A service.",
      [
        .name: name("Its name."), .run: text("The command that runs it, in the foreground."),
        .ready: object(
          Keys.Readiness.self, "Tells when it can be used: one of the two.",
          [.port: integer("A TCP port on loopback that accepts.", Bounds.port), .command: text("A command that succeeds.")],
          also: ["minProperties": 1, "maxProperties": 1]),
        .user: ["enum": ["agent", "root"], "description": "Whose account it runs under.", "default": "agent"],
        .timeoutSeconds: integer("Until it counts as failed.", Bounds.timeoutSeconds),
      ], required: [.name, .run, .ready])
  }

  private static var secret: JSONValue {
    object(
      Keys.SecretRequest.self, "A secret.",
      [
        .name: text("The name of a variable."),
        .hosts: list("Where it may go.", text("name, *.name, or either with :port."), Bounds.hosts),
        .exposed: ["type": "boolean", "description": "Whether agents must be able to read it.", "default": false],
      ], required: [.name])
  }

  private static var limits: JSONValue {
    object(
      Keys.Limits.self, "What it asks for; the server's configuration bounds it.",
      [
        .memoryMB: integer("MiB of memory.", Limits.Bounds.memoryMB),
        .cpus: [
          "type": "number", "description": "Processors' worth of time.", "minimum": .number(Limits.Bounds.cpus.lowerBound),
          "maximum": .number(Limits.Bounds.cpus.upperBound),
        ],
        .processes: integer("Processes and threads at once.", Limits.Bounds.processes),
        .diskMB: integer("MiB that may be written.", Limits.Bounds.diskMB),
        .runtimeSeconds: integer("Seconds until the sandbox is stopped.", Limits.Bounds.runtimeSeconds),
        .inodes: integer("Files and directories that may be made.", Limits.Bounds.inodes),
        .openFiles: integer("Descriptors that one process may have open.", Limits.Bounds.openFiles),
        .outputKBPerSecond: integer("KiB a second that processes may write to stdout and stderr.", Limits.Bounds.outputKBPerSecond),
      ])
  }

  private static let scalar: JSONValue = ["string", "number", "boolean"]

  private static func object<Key: ConfigurationKey>(
    _: Key.Type, _ description: String, _ properties: [Key: JSONValue], required: [Key] = [], also: [String: JSONValue] = [:]
  ) -> JSONValue {
    var object: [String: JSONValue] = [
      "type": "object", "description": .string(description), "additionalProperties": false,
      "properties": .object(Dictionary(uniqueKeysWithValues: properties.map { ($0.key.rawValue, $0.value) })),
    ]
    if !required.isEmpty { object["required"] = .array(required.map { .string($0.rawValue) }) }
    return .object(object.merging(also) { $1 })
  }

  private static func text(_ description: String) -> JSONValue {
    ["type": "string", "minLength": 1, "description": .string(description)]
  }

  private static func name(_ description: String) -> JSONValue {
    ["type": "string", "pattern": "^[a-z0-9][a-z0-9._-]{0,63}$", "description": .string(description)]
  }

  private static func integer(_ description: String, _ range: ClosedRange<Int>) -> JSONValue {
    [
      "type": "integer", "minimum": .integer(Int64(range.lowerBound)), "maximum": .integer(Int64(range.upperBound)),
      "description": .string(description),
    ]
  }

  private static func list(_ description: String, _ items: JSONValue, _ limit: Int) -> JSONValue {
    ["type": "array", "items": items, "maxItems": .integer(Int64(limit)), "description": .string(description)]
  }

  private static func commands(_ description: String) -> JSONValue { list(description, text("A shell command."), Bounds.commands) }
}
