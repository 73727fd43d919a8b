import Hummingbird
import RookeryModel
import RookeryRouting

/// `/v1/route`: shows where a message would begin work, and why, without beginning any.
enum RouteRoutes {
  static let messageLimit = 20_000
  static let threadLimit = 50

  static func add(to routes: inout RouteTable, _ server: ServerContext) {
    let allowance = HintAllowance()
    routes.post("/v1/route", .role(.member)) { request, context in
      let user = try context.user()
      // A model may be asked: that costs.
      try allowance.take(user.id)
      let body = try await request.json(API.Route.self)
      try check(body)
      let channel = body.channel.map { $0.hasPrefix("#") ? String($0.dropFirst()) : $0 }
      let question = try await server.routing.question(
        message: body.message, thread: body.thread ?? [], channel: channel, topic: body.topic, for: user)
      return try .json(await server.routing.router.decide(question))
    }
  }

  private static func check(_ body: API.Route) throws {
    guard body.message.utf8.count <= messageLimit, body.message.contains(where: { !$0.isWhitespace }) else {
      throw RookeryError(.badRequest, "“message” must have 1 to \(messageLimit) bytes.", mend: "Give what the person wrote.")
    }
    let thread = body.thread ?? []
    guard thread.count <= threadLimit, thread.allSatisfy({ $0.utf8.count <= messageLimit }) else {
      throw RookeryError(
        .badRequest, "“thread” may have \(threadLimit) messages of \(messageLimit) bytes.", mend: "Give the newest ones.")
    }
    guard (body.channel?.utf8.count ?? 0) <= 200, (body.topic?.utf8.count ?? 0) <= 2000 else {
      throw RookeryError(.badRequest, "“channel” or “topic” is too long.", mend: "Give them as the chat shows them.")
    }
  }
}
