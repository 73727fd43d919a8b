import RookeryMetrics
import RookeryModel
import RookeryStore

/// What `/metrics` says. Labels are route templates, states and repositories' names (the first hundred); never a session or a person.
enum MonitoringText {
  static func make(_ server: ServerContext) async throws -> String {
    var text = Exposition()
    text.family("rookery_info", .gauge, "The version that runs.")
    text.sample("rookery_info", [("version", server.version)], 1)
    let store = server.metrics.store
    try await sessions(server, to: &text)
    text.family("rookery_prompts_waiting", .gauge, "Prompts that wait for their turn, over all sessions.")
    text.sample("rookery_prompts_waiting", try await store.waitingPrompts())
    text.family("rookery_people_prompting", .gauge, "People who prompted in the last five minutes.")
    text.sample("rookery_people_prompting", try await store.live(withNames: false).people)
    try await pool(server, to: &text)
    await sandboxes(server, to: &text)
    text.family("rookery_event_readers", .gauge, "Event streams that are open.")
    text.sample("rookery_event_readers", server.metrics.instruments.readers)
    server.metrics.instruments.commits.write(to: &text)
    server.metrics.instruments.requests.write(to: &text)
    return text.text
  }

  private static func sessions(_ server: ServerContext, to text: inout Exposition) async throws {
    let states = try await server.registry.sessionStates()
    text.family("rookery_sessions", .gauge, "Sessions by state.")
    for state in [SessionSummary.State.idle, .queued, .running, .stopping] {
      text.sample("rookery_sessions", [("state", state.rawValue)], states[state.rawValue] ?? 0)
    }
  }

  private static func pool(_ server: ServerContext, to text: inout Exposition) async throws {
    let rows = try await server.registry.warmSandboxes()
    text.family("rookery_pool_sandboxes", .gauge, "Warm sandboxes by repository and state.")
    for state in [Registry.WarmRow.State.preparing, .ready] {
      let counts = Dictionary(rows.filter { $0.state == state }.map { ($0.repository.rawValue, 1) }, uniquingKeysWith: +)
      for (repository, count) in Exposition.bounded(counts) {
        text.sample("rookery_pool_sandboxes", [("repository", repository), ("state", state.rawValue)], count)
      }
    }
  }

  /// While the host does not answer there are no figures of its sandboxes, and `rookery_host_up` says why.
  private static func sandboxes(_ server: ServerContext, to text: inout Exposition) async {
    let counts = try? await server.metrics.sandboxes()
    text.family("rookery_host_up", .gauge, "Whether the sandbox host answers.")
    text.sample("rookery_host_up", counts == nil ? 0 : 1)
    guard let counts else { return }
    text.family("rookery_sandboxes", .gauge, "Sandboxes by state.")
    for state in [SandboxRecord.State.running, .frozen, .dead] {
      text.sample("rookery_sandboxes", [("state", state.rawValue)], counts[state.rawValue] ?? 0)
    }
  }
}
