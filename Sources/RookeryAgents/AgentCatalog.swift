import RookeryModel

/// The agents that sessions may use: those shipped, and those of the configuration beside or instead of them.
package struct AgentCatalog: Sendable, Equatable {
  /// By name, `shipped` ones first, in their order.
  package let all: [AgentDefinition]

  /// - Parameter extra: entries of the configuration; one with the name of a shipped agent replaces it, a later one an earlier.
  package init(definitions extra: [AgentDefinition] = []) {
    var all = Self.shipped
    for definition in extra {
      if let index = all.firstIndex(where: { $0.name == definition.name }) { all[index] = definition } else { all.append(definition) }
    }
    self.all = all
  }

  package subscript(name: AgentName) -> AgentDefinition? { all.first { $0.name == name } }

  /// Throws `agentUnknown`, which lists the names that exist.
  package func definition(of name: AgentName) throws(RookeryError) -> AgentDefinition {
    guard let definition = self[name] else {
      throw RookeryError(
        .agentUnknown, "There is no agent “\(name)”.",
        mend: "Use one of \(all.map(\.name.rawValue).joined(separator: ", ")), or add it under `agents` in the configuration.")
    }
    return definition
  }

  /// What clients see, given the bundles that are installed.
  package func summaries(installed: Set<AgentName>) -> [AgentSummary] {
    all.map { AgentSummary(name: $0.name, title: $0.title, installed: $0.python.isEmpty || installed.contains($0.name), tested: $0.tested) }
  }
}
