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
    routes.post("/sessions/{id}/prompts", .session(.collaborator)) { request, context in
      let session = try context.identifier("id", as: SessionID.self)
      let form = try await request.form()
      let body = API.PostPrompt(
        requestId: try form.required("requestId"), text: try form.text("text"),
        mode: form.optional("mode").flatMap { PromptMode(rawValue: $0) })
      try Acting.check(prompt: body.text, requestId: body.requestId)
      _ = try await sessions.prompt(session, body, by: context.user())
      return .seeOther("/sessions/\(session)")
    }
    routes.post("/sessions/{id}/prompts/{pid}/cancel", .session(.collaborator)) { _, context in
      let session = try context.identifier("id", as: SessionID.self)
      try await sessions.cancel(session, prompt: try context.identifier("pid", as: PromptID.self), by: context.user())
      return .seeOther("/sessions/\(session)")
    }
    routes.post("/sessions/{id}/prompts/{pid}/move", .session(.collaborator)) { request, context in
      let session = try context.identifier("id", as: SessionID.self)
      let before = try PromptID(try await request.form().required("before"))
      let body = API.EditPrompt(requestId: RequestToken.make(), before: before)
      _ = try await sessions.edit(session, prompt: try context.identifier("pid", as: PromptID.self), body, by: context.user())
      return .seeOther("/sessions/\(session)")
    }
    routes.post("/sessions/{id}/permissions/{qid}", .session(.collaborator)) { request, context in
      let session = try context.identifier("id", as: SessionID.self)
      guard let option = Int(try await request.form().required("option")) else { throw RookeryError(.badRequest, "That is no option.") }
      try await sessions.answer(
        session, permission: context.parameters.get("qid") ?? "", API.AnswerPermission(option: option), by: context.user())
      return .seeOther("/sessions/\(session)")
    }
    routes.post("/sessions/{id}/stop", .session(.collaborator)) { _, context in
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
