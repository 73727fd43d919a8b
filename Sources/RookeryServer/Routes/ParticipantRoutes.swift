import Hummingbird
import RookeryConfiguration
import RookeryModel
import RookerySessions

/// The people of a session: who takes part, who may, who is there.
enum ParticipantRoutes {
  static func add(to routes: inout RouteTable, _ server: ServerContext, _ watchers: Watchers) {
    let sessions = server.sessions
    routes.get("/v1/sessions/{id}/participants", .session(.viewer)) { _, context in
      let id = try context.identifier("id", as: SessionID.self)
      return try .json(people(await sessions.detail(id).session, watchers))
    }
    // A link's secret is what admits here; without it the session does not exist.
    routes.post("/v1/sessions/{id}/participants", .role(.viewer)) { request, context in
      let id = try context.identifier("id", as: SessionID.self)
      try await sessions.join(id, secret: try await request.json(API.JoinSession.self).secret, by: context.user())
      return try .json(people(await sessions.detail(id).session, watchers))
    }
    routes.patch("/v1/sessions/{id}/participants/{user}", .session(.owner)) { request, context in
      let id = try context.identifier("id", as: SessionID.self)
      let role = try await request.json(API.ChangeParticipant.self).role
      try await sessions.setRole(id, of: try context.identifier("user", as: UserID.self), role, by: context.user())
      return try .json(people(await sessions.detail(id).session, watchers))
    }
    routes.delete("/v1/sessions/{id}/participants/{user}", .session(.viewer)) { _, context in
      let id = try context.identifier("id", as: SessionID.self)
      let (user, participant) = (try context.user(), try context.identifier("user", as: UserID.self))
      // Everyone may leave; to remove others takes an owner.
      if participant != user.id { try await sessions.admit(user, to: id, as: .owner) }
      try await sessions.remove(id, participant: participant, by: user)
      return .noContent()
    }
    routes.patch("/v1/sessions/{id}", .session(.owner)) { request, context in
      let id = try context.identifier("id", as: SessionID.self)
      try await sessions.setAccess(id, try await request.json(API.ChangeSession.self).access, by: context.user())
      return try .json(people(await sessions.detail(id).session, watchers))
    }
    addInvitations(to: &routes, server)
    let allowance = HintAllowance("signs of typing")
    routes.post("/v1/sessions/{id}/typing", .session(.collaborator)) { request, context in
      let (user, body) = (try context.user(), try await request.json(API.SayTyping.self))
      try allowance.take(user.id)
      let signal = try SessionSignal(Typing.signal, Typing(person: user.author, active: body.active))
      try await sessions.signal(try context.identifier("id", as: SessionID.self), signal)
      return .noContent()
    }
  }

  private static func addInvitations(to routes: inout RouteTable, _ server: ServerContext) {
    let sessions = server.sessions
    routes.get("/v1/sessions/{id}/invitations", .session(.owner)) { _, context in
      try .json(API.Invitations(invitations: await sessions.invitations(try context.identifier("id", as: SessionID.self))))
    }
    routes.post("/v1/sessions/{id}/invitations", .session(.owner)) { request, context in
      let id = try context.identifier("id", as: SessionID.self)
      let (invitation, secret) = try await sessions.invite(id, request.json(API.CreateInvitation.self), by: context.user())
      // The secret stands behind “#”: browsers send that to nobody, so no log has it.
      let link = Secret("\(server.configuration.server.origin)/join#\(id)/\(secret.reveal())")
      return try .json(API.NewInvitation(url: link, invitation: invitation), status: .created)
    }
    routes.delete("/v1/sessions/{id}/invitations/{iid}", .session(.owner)) { _, context in
      try await sessions.revoke(
        try context.identifier("id", as: SessionID.self), invitation: context.parameters.get("iid") ?? "")
      return .noContent()
    }
  }

  private static func people(_ session: SessionSummary, _ watchers: Watchers) -> API.People {
    API.People(access: session.access ?? .team, participants: session.participants ?? [], watching: watchers.people(of: session.id))
  }
}
