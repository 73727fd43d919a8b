import Foundation
import Hummingbird
import RookeryModel
import RookeryStore

/// `/v1/users`, `/v1/audit`, `/v1/secrets/rotate`: what admins look after.
enum AdministrationRoutes {
  static func add(to routes: inout RouteTable, _ server: ServerContext) {
    let registry = server.registry
    routes.get("/v1/users", .role(.admin)) { _, _ in
      try .json(API.Users(users: await registry.users()))
    }
    routes.post("/v1/users/{id}/role", .role(.admin)) { request, context in
      let id = try context.identifier("id", as: UserID.self)
      let role = try await request.json(API.SetRole.self).role
      let user = try await registry.setRole(role, of: id)
      try await registry.audit(
        .roleChanged, by: context.user(), subject: user.email, origin: context.peerAddress, detail: ["role": role.rawValue])
      return try .json(user)
    }
    routes.get("/v1/audit", .role(.admin)) { request, _ in
      let after: Int64 = try request.number("after", in: 0...Int64.max, default: 0)
      let limit: Int = try request.number("limit", in: 1...1000, default: 1000)
      return try .json(API.Audit(entries: await registry.auditLog(after: after, limit: limit)))
    }
    routes.post("/v1/secrets/rotate", .role(.admin)) { _, context in
      guard let vault = server.vault else {
        throw RookeryError(.unavailable, "This server keeps no encrypted secrets.")
      }
      let count = try await vault.rotate()
      try await registry.audit(
        .keysRotated, by: context.user(), subject: vault.keyID, origin: context.peerAddress, detail: ["secrets": "\(count)"])
      return try .json(API.Rotation(key: vault.keyID, secrets: count))
    }
  }
}
