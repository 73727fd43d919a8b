import NIOCore
import NIOHTTP1
import RookeryModel

/// Where an agent reaches the tools that Rookery gives it: MCP over HTTP, each message answered by `serve`. Who asks is which sandbox's
/// socket accepted, so no credential is needed, and none is inside.
struct ToolBroker: Sendable {
  let grants: GrantBook
  let desk: CredentialDesk

  /// Beside the model API's own endpoints.
  static let path = "/mcp"
  private static let bodyLimit = 1 << 20

  func respond(to request: BrokerRequest, writer: AnswerWriter) async throws {
    // One message, one answer: there is no stream to listen to and no session to end.
    guard request.method == .POST else { return try await writer.send(.text(.methodNotAllowed, "Send messages with POST.")) }
    let repository = try grants.repository(request.sandbox)
    var reader = try BodyReader(request, limit: Self.bodyLimit, decompress: false)
    var body = ByteBuffer()
    while var bytes = try await reader.next() { body.writeBuffer(&bytes) }
    switch try await desk.ask(request.sandbox, repository, push: false, message: String(buffer: body)) {
    case .reply(let text?): try await writer.send(BrokerAnswer(status: .ok, type: "application/json", body: Array(text.utf8)))
    case .reply(nil): try await writer.send(BrokerAnswer(status: .accepted, type: "text/plain", body: []))
    case .refused(let error): throw error
    case .anonymous, .basic: throw RookeryError(.internal, "A message was answered with a credential.")
    }
  }
}
