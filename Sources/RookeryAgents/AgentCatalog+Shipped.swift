import RookeryModel

/// Entries whose package and start command come from the published packages themselves. `tested` means that our tests run a full
/// turn; the others speak ACP by their own account.
extension AgentCatalog {
  package static let shipped: [AgentDefinition] = [command, agentao, vibe, fastAgent]

  private static func name(_ text: String) -> AgentName {
    guard let name = AgentName(rawValue: text) else { preconditionFailure("a valid literal") }
    return name
  }

  /// The session appends what makes the shell read its script from stdin.
  private static let command = AgentDefinition(
    name: name("command"), title: "Shell script (the prompt is the script, no model)", wire: .command, model: .none,
    argv: ["/bin/sh", "-e"], tested: true)

  private static let agentao = AgentDefinition(
    name: name("agentao"), title: "Agentao", wire: .acp, model: .openai, python: ["agentao[cli]==0.5.17"],
    argv: ["{bundle}/bin/agentao", "--acp", "--stdio"],
    environment: [
      "LLM_PROVIDER": "OPENAI", "OPENAI_API_KEY": "{model.key}", "OPENAI_BASE_URL": "{model.url}/v1", "OPENAI_MODEL": "{model.name}",
    ],
    // Its conversations, which it needs to load one, and its log with the five that it keeps.
    litter: [".agentao", "agentao.log"] + (1...5).map { "agentao.log.\($0)" }, tested: true)

  /// Needs Python 3.12 or newer in the base.
  private static let vibe = AgentDefinition(
    name: name("vibe"), title: "Mistral Vibe", wire: .acp, model: .openai,
    python: ["mistral-vibe==2.26.1"], argv: ["{bundle}/bin/vibe-acp"],
    environment: [
      "VIBE_ACTIVE_MODEL": "rookery",
      "VIBE_PROVIDERS": #"[{"name":"rookery","api_base":"{model.url}/v1","api_key_env_var":"ROOKERY_MODEL_PLACEHOLDER"}]"#,
      "VIBE_MODELS": #"[{"name":"{model.name}","provider":"rookery","alias":"rookery"}]"#,
      "ROOKERY_MODEL_PLACEHOLDER": "{model.key}",
    ],
    tested: false)

  /// Needs Python 3.12 or newer in the base. Runs commands without asking.
  private static let fastAgent = AgentDefinition(
    name: name("fast-agent"), title: "fast-agent", wire: .acp, model: .openai,
    python: ["fast-agent-mcp==0.10.46"],
    argv: ["{bundle}/bin/fast-agent-acp", "--shell", "--prefer-local-shell", "--model", "generic.{model.name}"],
    environment: ["GENERIC_BASE_URL": "{model.url}/v1", "GENERIC_API_KEY": "{model.key}"],
    litter: [".fast-agent"], tested: false)
}
