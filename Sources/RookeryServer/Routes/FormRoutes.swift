import Hummingbird
import RookeryModel
import RookerySessions

/// What the pages' forms send. They work without the script, which sends the same through the API.
enum FormRoutes {
  static func add(to routes: inout RouteTable, _ server: ServerContext) {
    let sessions = server.sessions
    routes.post("/sessions", .role(.member)) { request, context in
      let form = try await request.form()
      let body = API.CreateSession(
        requestId: try form.required("requestId"), repository: try RepositoryName(try form.required("repository")),
        prompt: try form.text("prompt"), agent: try form.optional("agent").map { try AgentName($0) })
      try Acting.check(prompt: body.prompt, requestId: body.requestId)
      return .seeOther("/sessions/\(try await sessions.create(body, by: context.user()).session)")
    }
    routes.post("/sessions/{id}/prompts", .role(.member)) { request, context in
      let session = try context.identifier("id", as: SessionID.self)
      let form = try await request.form()
      let body = API.PostPrompt(requestId: try form.required("requestId"), text: try form.text("text"))
      try Acting.check(prompt: body.text, requestId: body.requestId)
      _ = try await sessions.prompt(session, body, by: context.user())
      return .seeOther("/sessions/\(session)")
    }
    routes.post("/sessions/{id}/prompts/{pid}/cancel", .role(.member)) { _, context in
      let session = try context.identifier("id", as: SessionID.self)
      try await sessions.cancel(session, prompt: try context.identifier("pid", as: PromptID.self), by: context.user())
      return .seeOther("/sessions/\(session)")
    }
    routes.post("/sessions/{id}/stop", .role(.member)) { _, context in
      let session = try context.identifier("id", as: SessionID.self)
      try await sessions.stop(session, by: context.user())
      return .seeOther("/sessions/\(session)")
    }
    routes.post("/repositories/{name}/build", .role(.member)) { _, context in
      let name = try context.identifier("name", as: RepositoryName.self)
      _ = try await server.repositories.build(name, reason: .request, force: false)
      return .seeOther("/repositories/\(name)")
    }
  }
}
