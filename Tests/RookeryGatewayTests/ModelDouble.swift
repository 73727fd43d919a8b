import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import RookeryModel
import RookeryTestSupport
import Synchronization

/// A model API that knows one key and one model, in all three dialects, and records every request that breaks its contract.
final class ModelDouble: Sendable {
  static let key = "sk-real-key-0123456789"
  static let model = "rehearsal-1"

  struct State: Sendable {
    var violations: [String] = []
    var headers: [[String: String]] = []
    var paths: [String] = []
    /// Parts of the streams to send, and whether the connection is cut in place of an end.
    var cuts = false
    var reportsUsage = true
    var fault: (status: Int, body: String)?
  }

  private final class Shared: Sendable {
    let state = Mutex(State())
    /// Streams wait here between their parts.
    let gate = Mutex<AsyncStream<Void>?>(nil)
  }

  private let shared: Shared
  private let service: LoopbackService

  var url: String { "\(service.url)/prefix" }
  var authority: String { service.authority }
  var state: State { shared.state.withLock { $0 } }

  static func start() async throws -> ModelDouble {
    let shared = Shared()
    let service = try await LoopbackService.start { request, _ in try await respond(to: request, shared) }
    return ModelDouble(shared: shared, service: service)
  }

  private init(shared: Shared, service: LoopbackService) {
    self.shared = shared
    self.service = service
  }

  func set(_ change: (inout State) -> Void) { shared.state.withLock { change(&$0) } }

  /// From now on a stream sends its next part when the gate says so.
  func hold() -> AsyncStream<Void>.Continuation {
    let (gate, open) = AsyncStream<Void>.makeStream()
    shared.gate.withLock { $0 = gate }
    return open
  }

  func stop() async { await service.stop() }

  private static func respond(to request: Request, _ shared: Shared) async throws -> Response {
    var headers: [String: String] = [:]
    for field in request.headers { headers[field.name.canonicalName] = field.value }
    let path = request.uri.path
    let isAnthropic = path.contains("/messages")
    let body = try await request.body.collect(upTo: 64 << 20)
    shared.state.withLock { state in
      state.headers.append(headers)
      state.paths.append(request.uri.string)
      func note(_ text: String) { state.violations.append("\(path): \(text)") }
      let key = isAnthropic ? headers["x-api-key"] : headers["authorization"]?.replacing("Bearer ", with: "")
      if key != Self.key { note("the key is \(key ?? "missing")") }
      if headers["authorization"] != nil && headers["x-api-key"] != nil { note("two keys") }
      if isAnthropic && headers["anthropic-version"] == nil { note("no version") }
      for name in ["cookie", "openai-organization", "x-forwarded-for"] where headers[name] != nil { note("a header \(name)") }
    }
    if let fault = shared.state.withLock({ $0.fault }) {
      return Response(status: .init(code: fault.status), body: .init(byteBuffer: ByteBuffer(string: fault.body)))
    }
    if request.method == .get { return json(["data": [["id": .string(Self.model)]]]) }
    guard let value = try? JSON.decode(JSONValue.self, from: Data(body.getBytes(at: body.readerIndex, length: body.readableBytes) ?? []))
    else { return Response(status: .badRequest) }
    if value["model"]?.string != Self.model {
      shared.state.withLock { $0.violations.append("the model is \(value["model"]?.string ?? "-")") }
    }
    if path.hasSuffix("/count_tokens") { return json(["input_tokens": 7]) }
    return value["stream"]?.bool == true ? stream(path, shared) : json(answer(path))
  }

  private static func answer(_ path: String) -> JSONValue {
    switch path {
    case "/prefix/v1/chat/completions":
      ["choices": [["message": ["content": "hi"]]], "usage": ["prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15]]
    case "/prefix/v1/responses": ["output": [], "usage": ["input_tokens": 20, "output_tokens": 6]]
    default: ["content": [], "usage": ["input_tokens": 30, "cache_read_input_tokens": 3, "output_tokens": 7]]
    }
  }

  private static func events(_ path: String, usage: Bool) -> [String] {
    switch path {
    case "/prefix/v1/chat/completions":
      [#"{"choices":[{"delta":{"content":"0123456789012345"}}]}"#, #"{"choices":[{"delta":{"content":"0123"}}]}"#]
        + (usage ? [#"{"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":4}}"#] : []) + ["[DONE]"]
    case "/prefix/v1/responses":
      [
        #"{"type":"response.output_text.delta","delta":"0123456789012345"}"#,
        #"{"type":"response.completed","response":{"usage":{"input_tokens":21,"output_tokens":8}}}"#,
      ]
    default:
      [
        #"{"type":"message_start","message":{"usage":{"input_tokens":31,"cache_creation_input_tokens":2,"output_tokens":1}}}"#,
        #"{"type":"content_block_delta","delta":{"type":"text_delta","text":"01234567890123456789"}}"#,
        #"{"type":"message_delta","usage":{"output_tokens":9}}"#, #"{"type":"message_stop"}"#,
      ]
    }
  }

  private struct Cut: Error {}

  private static func stream(_ path: String, _ shared: Shared) -> Response {
    let (cuts, usage) = shared.state.withLock { ($0.cuts, $0.reportsUsage) }
    let gate = shared.gate.withLock { $0 }
    return Response(
      status: .ok, headers: [.contentType: "text/event-stream"],
      body: ResponseBody { writer in
        var turns = gate?.makeAsyncIterator()
        for (index, event) in events(path, usage: usage).enumerated() {
          if turns != nil { _ = await turns?.next() }
          if cuts && index == 2 { throw Cut() }
          try await writer.write(ByteBuffer(string: "event: x\r\ndata: \(event)\r\n\r\n"))
        }
        try await writer.finish(nil)
      })
  }

  private static func json(_ value: JSONValue) -> Response {
    let body = (try? JSON.encode(value)) ?? Data()
    return Response(status: .ok, headers: [.contentType: "application/json"], body: .init(byteBuffer: ByteBuffer(bytes: body)))
  }
}
