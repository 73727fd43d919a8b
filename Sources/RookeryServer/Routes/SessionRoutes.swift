import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import RookeryModel
import RookerySessions

/// `/v1/sessions` without the events.
enum SessionRoutes {
  static let listLimit = 500

  static func add(to routes: inout RouteTable, _ server: ServerContext) {
    addCollection(to: &routes, server)
    addQueue(to: &routes, server)
    addResults(to: &routes, server)
    addSnapshots(to: &routes, server)
  }

  private static func addCollection(to routes: inout RouteTable, _ server: ServerContext) {
    let sessions = server.sessions
    routes.get("/v1/sessions", .role(.viewer)) { request, context in
      let repository = try request.uri.queryParameters["repository"].map { try RepositoryName(String($0)) }
      let limit: Int = try request.number("limit", in: 1...listLimit, default: 100)
      let found = try await sessions.sessions(repository: repository, limit: limit)
      return try .json(API.Sessions(sessions: await server.visibility.readable(found, by: context.user())))
    }
    routes.post("/v1/sessions", .role(.member)) { request, context in
      let body = try await request.json(API.CreateSession.self)
      try Acting.check(prompt: body.prompt, requestId: body.requestId)
      let user = try await Acting.author(body.author, caller: context.user(), registry: server.registry)
      return try .json(await sessions.create(body, by: user), status: .created)
    }
    routes.get("/v1/sessions/{id}", .role(.viewer)) { _, context in
      try .json(await sessions.detail(try context.identifier("id", as: SessionID.self)))
    }
  }

  private static func addQueue(to routes: inout RouteTable, _ server: ServerContext) {
    let sessions = server.sessions
    routes.post("/v1/sessions/{id}/prompts", .role(.member)) { request, context in
      let session = try context.identifier("id", as: SessionID.self)
      let body = try await request.json(API.PostPrompt.self)
      try Acting.check(prompt: body.text, requestId: body.requestId)
      let user = try await Acting.author(body.author, caller: context.user(), registry: server.registry)
      return try .json(await sessions.prompt(session, body, by: user), status: .created)
    }
    routes.delete("/v1/sessions/{id}/prompts/{pid}", .role(.member)) { _, context in
      let prompt = try context.identifier("pid", as: PromptID.self)
      try await sessions.cancel(try context.identifier("id", as: SessionID.self), prompt: prompt, by: context.user())
      return .noContent()
    }
    routes.post("/v1/sessions/{id}/stop", .role(.member)) { _, context in
      try await sessions.stop(try context.identifier("id", as: SessionID.self), by: context.user())
      return .noContent()
    }
  }

  private static func addSnapshots(to routes: inout RouteTable, _ server: ServerContext) {
    let sessions = server.sessions
    routes.get("/v1/sessions/{id}/snapshots", .role(.viewer)) { _, context in
      try .json(API.Snapshots(snapshots: await sessions.snapshots(try context.identifier("id", as: SessionID.self))))
    }
    routes.post("/v1/sessions/{id}/snapshots", .role(.member)) { _, context in
      try .json(await sessions.snapshot(try context.identifier("id", as: SessionID.self)), status: .created)
    }
    routes.post("/v1/sessions/{id}/fork", .role(.member)) { request, context in
      let session = try context.identifier("id", as: SessionID.self)
      let body = try await request.json(API.ForkSession.self)
      try Acting.check(prompt: body.prompt, requestId: body.requestId)
      let user = try await Acting.author(body.author, caller: context.user(), registry: server.registry)
      return try .json(await sessions.fork(session, body, by: user), status: .created)
    }
    routes.delete("/v1/sessions/{id}", .role(.member)) { _, context in
      let id = try context.identifier("id", as: SessionID.self)
      let user = try context.user()
      let owner = try await sessions.detail(id).session.owner.user
      guard owner == user.id || user.role == .admin else {
        throw RookeryError(.forbidden, "Only its owner or an admin deletes a session.", mend: "Ask them.")
      }
      try await sessions.delete(id, by: user)
      return .noContent()
    }
  }

  private static func addResults(to routes: inout RouteTable, _ server: ServerContext) {
    let sessions = server.sessions
    routes.get("/v1/sessions/{id}/artifacts/{aid}", .role(.viewer)) { _, context in
      let (artifact, data) = try await sessions.artifact(
        try context.identifier("id", as: SessionID.self), try context.identifier("aid", as: ArtifactID.self))
      return download(artifact, data)
    }
    routes.get("/v1/sessions/{id}/diff", .role(.viewer)) { _, context in
      let session = try context.identifier("id", as: SessionID.self)
      guard let newest = try await sessions.detail(session).artifacts.last(where: { $0.kind == .diff }) else {
        throw RookeryError(.notFound, "This session has made no changes so far.", mend: "A diff is there when a turn has ended.")
      }
      return .bytes(try await sessions.artifact(session, newest.id).1, type: "text/x-diff; charset=utf-8")
    }
  }

  /// What a sandbox made is only ever saved by a browser, never shown: its type is not to be trusted.
  private static func download(_ artifact: Artifact, _ data: Data) -> Response {
    var response = Response.bytes(data, type: isPlain(mediaType: artifact.mediaType) ? artifact.mediaType : "application/octet-stream")
    response.headers[.contentDisposition] = disposition(fileName: artifact.name)
    if let policy = HTTPField.Name("Content-Security-Policy") { response.headers[policy] = "default-src 'none'; sandbox" }
    return response
  }

  /// `type/subtype` and possibly a parameter, and nothing that could end a header.
  static func isPlain(mediaType: String) -> Bool {
    mediaType.utf8.count <= 100 && mediaType.split(separator: "/").count == 2
      && mediaType.utf8.allSatisfy { byte in
        (0x61...0x7a).contains(byte) || (0x41...0x5a).contains(byte) || (0x30...0x39).contains(byte) || "/.+-;= ".utf8.contains(byte)
      }
  }

  /// RFC 6266: the name in ASCII for old clients, and as it is.
  static func disposition(fileName: String) -> String {
    let name = fileName.split(separator: "/").last.map(String.init) ?? "artifact"
    let plain = String(
      name.unicodeScalars.map { scalar in
        scalar.isASCII && scalar.value >= 0x20 && scalar != "\"" && scalar != "\\" && scalar.value != 0x7f ? Character(scalar) : "_"
      })
    var allowed = CharacterSet(charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
    allowed.insert(charactersIn: "-._~")
    let encoded = name.addingPercentEncoding(withAllowedCharacters: allowed) ?? plain
    return "attachment; filename=\"\(plain)\"; filename*=UTF-8''\(encoded)"
  }
}
