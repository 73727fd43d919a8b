import Foundation
import Hummingbird
import RookeryModel
import RookerySessions
import RookeryStore

/// Prompts that wait, files that go with them, and what the agent asks.
enum QueueRoutes {
  static func add(to routes: inout RouteTable, _ server: ServerContext) {
    let sessions = server.sessions
    routes.patch("/v1/sessions/{id}/prompts/{pid}", .session(.collaborator)) { request, context in
      let prompt = try context.identifier("pid", as: PromptID.self)
      let body = try await request.json(API.EditPrompt.self)
      try Acting.check(prompt: body.text ?? "unchanged", requestId: body.requestId)
      guard body.before == nil || body.last != true else {
        throw RookeryError(.badRequest, "A prompt can't go before another and to the end.", mend: "Send “before” or “last”.")
      }
      let id = try context.identifier("id", as: SessionID.self)
      return try .json(await sessions.edit(id, prompt: prompt, body, by: context.user()))
    }
    routes.post("/v1/sessions/{id}/permissions/{qid}", .session(.collaborator)) { request, context in
      let body = try await request.json(API.AnswerPermission.self)
      try await sessions.answer(
        try context.identifier("id", as: SessionID.self), permission: context.parameters.get("qid") ?? "", body, by: context.user())
      return .noContent()
    }
    addFiles(to: &routes, server)
  }

  private static func addFiles(to routes: inout RouteTable, _ server: ServerContext) {
    let sessions = server.sessions
    routes.post("/v1/attachments", .role(.member)) { request, context in
      let name = request.uri.queryParameters["name"].map(String.init) ?? ""
      let content = try await request.boundedBody(Uploads.limit)
      let type = request.headers[.contentType] ?? "application/octet-stream"
      return try .json(
        await sessions.upload(Data(content.readableBytesView), name: name, mediaType: type, by: context.user()), status: .created)
    }
    routes.get("/v1/sessions/{id}/attachments/{digest}", .session(.viewer)) { _, context in
      let (attachment, content) = try await sessions.attachment(
        try context.identifier("id", as: SessionID.self), digest: context.parameters.get("digest") ?? "")
      return SessionRoutes.download(name: attachment.name, mediaType: attachment.mediaType, content)
    }
  }
}
