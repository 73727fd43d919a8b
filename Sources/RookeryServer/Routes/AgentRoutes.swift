import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import RookeryModel

/// `/v1/agents`
enum AgentRoutes {
  static func add(to routes: inout RouteTable, _ server: ServerContext) {
    let agents = server.agents
    routes.get("/v1/agents", .role(.viewer)) { _, _ in
      try .json(API.Agents(agents: await agents.list()))
    }
    routes.post("/v1/agents/{name}/install", .role(.admin)) { request, context in
      let name = try context.identifier("name", as: AgentName.self)
      guard try await agents.list().contains(where: { $0.name == name }) else {
        throw RookeryError(.agentUnknown, "There is no agent “\(name)”.", mend: "GET /v1/agents lists those that there are.")
      }
      return Response(
        status: .ok, headers: [.contentType: "application/x-ndjson; charset=utf-8"],
        body: ResponseBody { writer in
          do {
            for try await line in agents.install(name) { try await writer.write(frame(API.InstallProgress(line: line))) }
            try await writer.write(frame(API.InstallProgress(installed: name)))
          } catch let error where !(error is ChannelError) {
            // The status is long sent: the last line says it.
            let failure = ErrorAnswers.failure(for: error, request: request, context: context)
            try await writer.write(frame(API.InstallProgress(error: failure)))
          }
          try await writer.finish(nil)
        })
    }
  }

  private static func frame(_ progress: API.InstallProgress) throws -> ByteBuffer {
    ByteBuffer(bytes: try JSON.encode(progress) + Data("\n".utf8))
  }
}
