import AsyncHTTPClient
import Foundation
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import RookeryModel

/// One request to the API.
struct GitHubRequest: Sendable {
  var method: HTTPMethod
  var path: String
  var query: [(String, String)]
  var body: Data?
  /// The client id as user and its secret as password, instead of a token.
  var isBasic = false

  init(_ method: HTTPMethod, _ path: String, query: [(String, String)] = [], body: Data? = nil) {
    self.method = method
    self.path = path
    self.query = query
    self.body = body
  }

  /// Path and query, every reserved character of a value encoded.
  var target: String {
    guard !query.isEmpty else { return path }
    let allowed = CharacterSet(charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
    let pairs = query.map { "\($0.0)=\($0.1.addingPercentEncoding(withAllowedCharacters: allowed) ?? "")" }
    return path + "?" + pairs.joined(separator: "&")
  }
}

/// Sends requests, and repeats them as GitHub's limits ask for.
struct GitHubRequester: Sendable {
  let apiURL: String
  let client: HTTPClient
  let pacing: GitHubPacing

  private static let answerLimit = 4 << 20

  /// Runs `attempt` until it succeeds, fails for good, or has failed too often.
  /// - Throws: What people get to see, without `token`.
  func retrying<Value: Sendable>(
    _ name: GitHubRepositoryName, head: String = "", base: String = "", token: Secret, _ attempt: () async throws -> Value
  ) async throws -> Value {
    var number = 1
    while true {
      do { return try await attempt() } catch let failure as GitHubFailure {
        number += 1
        guard number <= pacing.attempts,
          let wait = failure.wait(before: number, pacing: pacing, isFreshToken: token.reveal().hasPrefix("ghs_"))
        else { throw Self.redacted(failure.error(repository: "\(name)", head: head, base: base), token) }
        try await Task.sleep(for: wait)
      }
    }
  }

  /// - Throws: `GitHubFailure`.
  func send<Value: Decodable & Sendable>(_ request: GitHubRequest, token: Secret, as: Value.Type) async throws -> Value {
    var outgoing = HTTPClientRequest(url: apiURL + request.target)
    outgoing.method = request.method
    outgoing.headers = [
      "Accept": "application/vnd.github+json", "X-GitHub-Api-Version": GitHubClient.apiVersion, "User-Agent": "rookery",
      "Authorization": request.isBasic ? "Basic \(Data(token.reveal().utf8).base64EncodedString())" : "Bearer \(token.reveal())",
    ]
    if let body = request.body {
      outgoing.headers.add(name: "Content-Type", value: "application/json")
      outgoing.body = .bytes(ByteBuffer(data: body))
    }
    let (response, body) = try await exchange(outgoing)
    guard (200..<300).contains(response.status.code) else {
      throw GitHubFailure(
        status: Int(response.status.code), headers: { response.headers.first(name: $0) }, body: body,
        now: Date().timeIntervalSince1970)
    }
    do { return try JSONDecoder().decode(Value.self, from: body.isEmpty ? Data("null".utf8) : body) } catch {
      throw GitHubFailure(unreachable: "its answer is not understood")
    }
  }

  func exchange(_ request: HTTPClientRequest) async throws -> (HTTPClientResponse, Data) {
    do {
      let response = try await client.execute(request, timeout: .nanoseconds(Int64(pacing.timeout / .nanoseconds(1))))
      return (response, Data(buffer: try await response.body.collect(upTo: Self.answerLimit)))
    } catch is CancellationError {
      throw CancellationError()
    } catch {
      try Task.checkCancellation()
      let isTimeout = error as? HTTPClientError == .deadlineExceeded || error as? HTTPClientError == .connectTimeout
      throw GitHubFailure(unreachable: isTimeout ? "no answer in time" : "the connection failed")
    }
  }

  private static func redacted(_ error: RookeryError, _ token: Secret) -> RookeryError {
    let secret = token.reveal()
    guard !secret.isEmpty else { return error }
    var error = error
    error.message = error.message.replacing(secret, with: "[secret]")
    error.context = error.context.replacing(secret, with: "[secret]")
    return error
  }
}
