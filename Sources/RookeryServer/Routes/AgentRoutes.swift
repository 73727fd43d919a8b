import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import RookeryModel

/// `/v1/agents`
enum AgentRoutes {
  /// Log lines that may wait for a slow client; beyond it the oldest are left out.
  private static let backlog = 1000

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
          // The status is sent before the work begins: the last line says how it ended.
          try await install(name, agents, to: &writer) { ErrorAnswers.failure(for: $0, request: request, context: context) }
          try await writer.finish(nil)
        })
    }
  }

  /// Writes lines as they come; a client that goes away ends the installation.
  private static func install(
    _ name: AgentName, _ agents: any AgentControl, to writer: inout any ResponseBodyWriter,
    failure: @escaping @Sendable (any Error) -> RookeryError
  ) async throws {
    let (lines, relay) = AsyncStream<BuildLine>.makeStream(bufferingPolicy: .bufferingNewest(backlog))
    try await withThrowingTaskGroup(of: API.InstallProgress.self) { group in
      group.addTask {
        defer { relay.finish() }
        do {
          _ = try await untilShutdown { try await agents.install(name) { relay.yield($0) } }
          return API.InstallProgress(installed: name)
        } catch {
          return API.InstallProgress(error: failure(error))
        }
      }
      for await line in lines { try await writer.write(frame(API.InstallProgress(line: line))) }
      for try await last in group { try await writer.write(frame(last)) }
    }
  }

  private static func frame(_ progress: API.InstallProgress) throws -> ByteBuffer {
    ByteBuffer(bytes: try JSON.encode(progress) + Data("\n".utf8))
  }
}
