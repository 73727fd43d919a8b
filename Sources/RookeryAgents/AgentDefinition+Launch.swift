import RookeryModel

extension AgentDefinition {
  /// How a process of the agent is started in a sandbox.
  package struct Launch: Sendable, Equatable {
    package var argv: [String]
    /// The whole environment.
    package var environment: [String: String]
  }

  /// What stands in for the model's key inside a sandbox: the gateway puts the real one in its place.
  package static let keyPlaceholder = "held-by-the-gateway"

  /// Where the agent's bundle is, inside a sandbox.
  package var bundle: String { "/opt/rookery/agents/\(name)" }

  /// The environment of everything that runs as the agent's user.
  package static let accountEnvironment = [
    "PATH": "/home/agent/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/home/agent", "USER": "agent", "LOGNAME": "agent", "SHELL": "/bin/sh", "LANG": "C.UTF-8", "TERM": "dumb",
    // Bundles are read-only, and a repository is no place for another's byte code.
    "PYTHONDONTWRITEBYTECODE": "1",
    // Nobody is there to answer a pager, a prompt or an editor.
    "GIT_TERMINAL_PROMPT": "0", "GIT_PAGER": "cat", "PAGER": "cat", "GIT_EDITOR": "true", "EDITOR": "true",
  ]

  /// The agent's program, arguments and environment with everything replaced that the definition leaves open.
  ///
  /// The bundle's `bin` is deliberately not in `PATH`: the repository's `python` must not become the agent's.
  ///
  /// - Parameter model: the model API as the sandbox reaches it, without `/v1`, and the model's name there.
  /// - Throws: `modelMissing` when the agent needs a model and there is none.
  package func launch(model endpoint: (url: String, name: String)?) throws(RookeryError) -> Launch {
    if model != .none, endpoint == nil {
      throw RookeryError(
        .modelMissing, "\(title) needs a model, and none is configured.",
        mend: """
          Set ROOKERY_MODEL_URL, ROOKERY_MODEL and ROOKERY_MODEL_KEY (or ANTHROPIC_API_KEY or OPENAI_API_KEY), or `model` in the \
          configuration, and restart the server.
          """)
    }
    var values = ["{bundle}": bundle, "{model.key}": Self.keyPlaceholder]
    if let endpoint {
      values["{model.url}"] = endpoint.url
      values["{model.name}"] = endpoint.name
    }
    return Launch(
      argv: argv.map { Self.expand($0, values) },
      environment: Self.accountEnvironment.merging(environment.mapValues { Self.expand($0, values) }) { $1 })
  }

  /// Replaces each placeholder once, from left to right: what a value holds is never expanded again.
  private static func expand(_ text: String, _ values: [String: String]) -> String {
    var result = ""
    var rest = Substring(text)
    while let brace = rest.firstIndex(of: "{") {
      result += rest[..<brace]
      rest = rest[brace...]
      if let (key, value) = values.first(where: { rest.hasPrefix($0.key) }) {
        result += value
        rest = rest.dropFirst(key.count)
      } else {
        result.append(rest.removeFirst())
      }
    }
    return result + rest
  }
}
