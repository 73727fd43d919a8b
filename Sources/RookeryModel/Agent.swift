import Foundation

/// How a coding agent is installed and started: a configuration entry, since any agent that speaks ACP will do.
public struct AgentDefinition: Sendable, Codable, Equatable {
  /// How we talk to it.
  public enum Wire: String, Sendable, Codable {
    /// Agent Client Protocol over stdio.
    case acp
    /// No model: the prompt is a shell script.
    case command
  }

  /// The API dialect through which it reaches a model.
  public enum ModelWire: String, Sendable, Codable {
    case openai
    case anthropic
    case none
  }

  public var name: AgentName
  public var title: String
  public var wire: Wire
  public var model: ModelWire
  /// PyPI requirements, installed as a bundle at `/opt/rookery/agents/NAME`. Empty: nothing to install.
  public var python: [String]
  /// The program and its arguments. `{bundle}` is the bundle's directory.
  public var argv: [String]
  /// `{model.url}` (without `/v1`), `{model.name}`, `{model.key}` (a placeholder: the gateway holds the real key)
  /// and `{bundle}` are replaced.
  public var environment: [String: String]
  /// Paths, relative to the repository, that the agent litters and that are kept out of commits.
  public var litter: [String]
  /// Whether our tests run a full turn of it.
  public var tested: Bool

  public init(
    name: AgentName, title: String, wire: Wire, model: ModelWire, python: [String] = [], argv: [String],
    environment: [String: String] = [:], litter: [String] = [], tested: Bool
  ) {
    self.name = name
    self.title = title
    self.wire = wire
    self.model = model
    self.python = python
    self.argv = argv
    self.environment = environment
    self.litter = litter
    self.tested = tested
  }
}

/// What a client sees of an agent.
public struct AgentSummary: Sendable, Codable, Equatable {
  public var name: AgentName
  public var title: String
  public var installed: Bool
  public var tested: Bool

  public init(name: AgentName, title: String, installed: Bool, tested: Bool) {
    self.name = name
    self.title = title
    self.installed = installed
    self.tested = tested
  }
}
