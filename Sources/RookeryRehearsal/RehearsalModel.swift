import Foundation
import Hummingbird
import Logging
import NIOCore
import RookeryModel

/// A small OpenAI-compatible endpoint that plays a script: the agent before it is real, only the model is not.
///
/// It answers `POST /v1/chat/completions`, streamed or not, and `GET /v1/models`. It adapts to the tools that the agent offers, and
/// each step after the first demands a value that only the previous tool's result held; what is missing becomes an HTTP 400 that
/// names it.
package struct RehearsalModel: Sendable {
  /// The model's name, in `GET /v1/models`; requests may name any.
  package static let name = "rehearsal"

  /// Bytes of a request.
  private static let requestLimit = 64 << 20

  /// What was asked so far.
  package let journal = RehearsalJournal()
  private let player: RehearsalPlayer
  private let logger: Logger

  /// Throws `configurationInvalid` for a script without an end.
  package init(script: RehearsalScript, logger: Logger = Logger(label: "rookery.rehearsal")) throws {
    player = try RehearsalPlayer(script)
    self.logger = logger
  }

  /// Serves until the task is cancelled. `onReady` gets the port, which is a free one when `port` is 0.
  ///
  /// Throws `unavailable` when the address can't be had.
  package func run(
    host: String = "127.0.0.1", port: Int = 0, onReady: @escaping @Sendable (Int) async -> Void = { _ in }
  ) async throws {
    let router = Router()
    router.get("/v1/models") { _, _ in
      try Self.json(["object": "list", "data": [["id": .string(Self.name), "object": "model", "owned_by": "rookery"]]])
    }
    router.post("/v1/chat/completions") { request, _ in try await answer(request) }
    let application = Application(
      router: router, configuration: .init(address: .hostname(host, port: port), serverName: nil),
      onServerRunning: { channel in await onReady(channel.localAddress?.port ?? port) }, logger: logger)
    do {
      try await application.run()
    } catch let error as IOError {
      throw RookeryError(
        .unavailable, "The rehearsal model can't listen on \(host):\(port).", mend: "Choose another port; 0 takes a free one.",
        context: "\(error)")
    }
  }

  private func answer(_ request: Request) async throws -> Response {
    let body = try await request.body.collect(upTo: Self.requestLimit)
    var entry = RehearsalJournal.Entry(
      model: "", authorization: request.headers[.authorization], stream: false, failure: nil)
    do throws(RehearsalFailure) {
      let data = Data(body.readableBytesView)
      guard let value = try? JSON.decode(JSONValue.self, from: data) else { throw RehearsalFailure("The request is not JSON.") }
      let chat = try ChatRequest(value)
      entry.model = chat.model
      entry.stream = chat.stream
      entry.prompt = chat.messages.reversed().lazy.compactMap { if case .user(let text) = $0 { text } else { nil } }.first ?? ""
      let reply = try player.reply(to: chat)
      journal.append(entry)
      let answer = ChatAnswer(
        reply: reply, model: chat.model, id: "chatcmpl-\(UInt64.random(in: 0...UInt64.max))",
        created: Int64(Date().timeIntervalSince1970), promptTokens: Int64(data.count / 4))
      return try render(answer, for: chat)
    } catch {
      entry.failure = error.message
      journal.append(entry)
      logger.error("the rehearsal can't go on", metadata: ["reason": "\(error.message)"])
      return try Self.json(
        ["error": ["message": .string("Rehearsal: \(error.message)"), "type": "invalid_request_error", "code": "rehearsal_failed"]],
        status: .badRequest)
    }
  }

  private func render(_ answer: ChatAnswer, for chat: ChatRequest) throws(RehearsalFailure) -> Response {
    do {
      return chat.stream ? try stream(answer.chunks(usage: chat.usage)) : try Self.json(answer.completion)
    } catch {
      throw RehearsalFailure("The answer can't be written as JSON: \(error)")
    }
  }

  private func stream(_ chunks: [JSONValue]) throws -> Response {
    let lines = try chunks.map { "data: " + String(decoding: try JSON.encode($0), as: UTF8.self) + "\n\n" } + ["data: [DONE]\n\n"]
    let pace = player.script.pace
    let body = ResponseBody { writer in
      for line in lines {
        try await writer.write(ByteBuffer(string: line))
        // The script's own pace: what a real model's speed would be.
        if pace > 0 { try await Task.sleep(for: .milliseconds(pace)) }
      }
      try await writer.finish(nil)
    }
    return Response(status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-cache"], body: body)
  }

  private static func json(_ value: JSONValue, status: HTTPResponse.Status = .ok) throws -> Response {
    Response(
      status: status, headers: [.contentType: "application/json"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: [UInt8](try JSON.encode(value)))))
  }
}
