import AsyncHTTPClient
import Foundation
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import RookeryModel

/// The server's HTTP API, for the commands. Every failure is a `RookeryError`.
package struct APIClient: Sendable {
  package enum Method: String, Sendable { case GET, POST, DELETE, PATCH }

  let address: ServerAddress
  private let client: HTTPClient

  /// Bytes of an answer that is read whole, at most: a diff or an artifact.
  private static let answerLimit = 256 << 20

  /// Runs `body` with a client, whose connections are closed at the end.
  package static func with<Value: Sendable>(
    _ address: ServerAddress, _ body: (APIClient) async throws -> Value
  ) async throws -> Value {
    var configuration = HTTPClient.Configuration()
    configuration.timeout.connect = .seconds(10)
    // The event stream says at least every 15 s that it lives.
    configuration.timeout.read = .seconds(90)
    configuration.redirectConfiguration = .disallow
    configuration.httpVersion = .http1Only
    configuration.connectionPool.retryConnectionEstablishment = false
    let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    do {
      let value = try await body(APIClient(address: address, client: client))
      try await client.shutdown()
      return value
    } catch {
      try? await client.shutdown()
      throw error
    }
  }

  package func get<Answer: Decodable>(_ path: String, as: Answer.Type, timeout: Duration = .seconds(60)) async throws -> Answer {
    try Self.decode(await whole(request(.GET, path), timeout: timeout))
  }

  package func bytes(_ path: String) async throws -> Data { try await whole(request(.GET, path), timeout: .seconds(300)) }

  /// `timeout` covers work that the server does before it answers.
  package func post<Answer: Decodable>(
    _ path: String, _ body: some Encodable, as: Answer.Type, timeout: Duration = .seconds(60)
  ) async throws -> Answer {
    try Self.decode(await whole(request(.POST, path, body: JSON.encode(body)), timeout: timeout))
  }

  package func patch<Answer: Decodable>(_ path: String, _ body: some Encodable, as: Answer.Type) async throws -> Answer {
    try Self.decode(await whole(request(.PATCH, path, body: JSON.encode(body)), timeout: .seconds(60)))
  }

  /// A `POST` whose answer has no body.
  package func send(_ path: String, _ body: some Encodable) async throws {
    _ = try await whole(request(.POST, path, body: JSON.encode(body)), timeout: .seconds(60))
  }

  /// Sends a file for a prompt that is sent next.
  package func upload(_ content: Data, name: String) async throws -> Attachment {
    let name = name.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "file"
    var request = request(.POST, "/v1/attachments?name=\(name)", body: content)
    request.headers.replaceOrAdd(name: "Content-Type", value: "application/octet-stream")
    return try Self.decode(await whole(request, timeout: .seconds(300)))
  }

  /// A `POST` without a body.
  package func post<Answer: Decodable>(_ path: String, as: Answer.Type, timeout: Duration = .seconds(60)) async throws -> Answer {
    try Self.decode(await whole(request(.POST, path), timeout: timeout))
  }

  /// For answers that have no body.
  package func send(_ method: Method, _ path: String) async throws {
    _ = try await whole(request(method, path), timeout: .seconds(60))
  }

  /// Opens an answer that is read as it comes.
  package func stream(_ method: Method, _ path: String, accept: String) async throws -> HTTPClientResponse.Body {
    var request = request(method, path)
    request.headers.replaceOrAdd(name: "Accept", value: accept)
    // The deadline is of the whole stream, which is as long as a session.
    return try await execute(request, timeout: .seconds(30 * 86400)).body
  }

  private func request(_ method: Method, _ path: String, body: Data? = nil) -> HTTPClientRequest {
    var request = HTTPClientRequest(url: address.url(path))
    request.method = HTTPMethod(rawValue: method.rawValue)
    request.headers.add(name: "Accept", value: "application/json")
    if case .socket = address.place { request.headers.add(name: "Host", value: "localhost") }
    if let token = address.token { request.headers.add(name: "Authorization", value: "Bearer \(token.reveal())") }
    if let body {
      request.headers.add(name: "Content-Type", value: "application/json")
      request.body = .bytes(body)
    }
    return request
  }

  private func whole(_ request: HTTPClientRequest, timeout: Duration) async throws -> Data {
    let response = try await execute(request, timeout: timeout)
    do { return try await Self.collect(response.body, limit: Self.answerLimit) } catch { throw failure(error) }
  }

  /// An answer of 200 to 299; any other is thrown as what it says.
  private func execute(_ request: HTTPClientRequest, timeout: Duration) async throws -> HTTPClientResponse {
    let response: HTTPClientResponse
    do { response = try await client.execute(request, timeout: TimeAmount(timeout)) } catch { throw failure(error) }
    guard (200..<300).contains(response.status.code) else {
      let body = (try? await Self.collect(response.body, limit: 1 << 20)) ?? Data()
      if let failure = try? JSON.decode(API.Failure.self, from: body) { throw failure.error }
      throw RookeryError(
        response.status.code == 401 ? .unauthenticated : response.status.code == 403 ? .forbidden : .unavailable,
        "\(address.description) answered \(response.status.code), and not as Rookery does.",
        mend: "Check the address; something else may answer there.")
    }
    return response
  }

  /// What a broken connection means to people.
  func failure(_ error: any Error) -> any Error {
    if error is CancellationError || error is RookeryError { return error }
    if let error = error as? HTTPClientError, error == .cancelled { return CancellationError() }
    switch address.place {
    case .socket(let path):
      let exists = FileManager.default.fileExists(atPath: path)
      return RookeryError(
        .unavailable, exists ? "The server at \(path) does not answer." : "No server runs for this data directory (\(path) is missing).",
        mend: "Start it with “rookery up”, or name another with --data or --server.", context: "\(error)")
    case .url(let origin):
      return RookeryError(
        .unavailable, "The server at \(origin) does not answer.", mend: "Check the address and that the server runs.",
        context: "\(error)")
    }
  }

  private static func collect(_ body: HTTPClientResponse.Body, limit: Int) async throws -> Data {
    var data = Data()
    for try await part in body {
      guard data.count + part.readableBytes <= limit else {
        throw RookeryError(.tooLarge, "The server's answer is longer than \(limit >> 20) MiB.")
      }
      data.append(contentsOf: part.readableBytesView)
    }
    return data
  }

  private static func decode<Answer: Decodable>(_ data: Data) throws -> Answer {
    do { return try JSON.decode(Answer.self, from: data) } catch {
      throw RookeryError(
        .internal, "The server's answer is not understood.", mend: "Use the same version of the program as the server's.",
        context: "\(error)")
    }
  }
}
