import Crypto
import Foundation
import RookeryAgents
import RookeryConfiguration
import RookeryModel

/// How an agent's process is started for a repository: the same in a session and in a sandbox that waits for one.
struct AgentStart: Sendable {
  var definition: AgentDefinition
  var repository: RepositoryName
  /// The repository's own variables.
  var environment: [String: String]
  /// Secrets of the operator's that the agent may read.
  var exposed: [String: Secret] = [:]

  /// Throws `modelMissing` when the agent needs a model and there is none.
  func process(
    _ id: ProcessID, model: Configuration.Model?, arguments: [String] = [], environment extra: [String: String] = [:]
  ) throws -> ProcessSpec {
    let launch = try definition.launch(model: model.map { (url: Broker.model.origin, name: $0.name) })
    return ProcessSpec(
      id: id, argv: launch.argv + arguments,
      // What the repository asks for never replaces what the agent needs to be reached and to reach its model.
      environment: GitScripts.environment.merging(SandboxTrust.environment) { $1 }.merging(environment) { $1 }
        .merging(exposed.mapValues { $0.reveal() }) { $1 }.merging(launch.environment) { $1 }.merging(extra) { $1 },
      directory: "/workspace/\(repository)", account: .agent, input: true)
  }

  /// Equal for two processes that can't be told apart: one that waits may take the other's place.
  static func digest(_ process: ProcessSpec) -> String {
    var hash = SHA256()
    func add(_ text: String) {
      hash.update(data: Data("\(text.utf8.count):".utf8))
      hash.update(data: Data(text.utf8))
    }
    add(process.directory)
    for argument in process.argv { add(argument) }
    add("")
    for (name, value) in process.environment.sorted(by: { $0.key < $1.key }) {
      add(name)
      add(value)
    }
    return hash.finalize().map { String(format: "%02x", $0) }.joined()
  }
}
