import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import RookeryModel

/// Answers git's smart HTTP requests with the real thing: `git http-backend`, run as CGI (git-http-backend(1), RFC 3875).
///
/// Bodies go through in pieces both ways, so the size of a pack costs no memory. A request's body is spooled to a file before
/// the backend starts: it may answer before it has read everything, and neither side then waits for the other.
package struct GitHTTPBackend: HTTPResponder {
  package typealias Context = BasicRequestContext

  /// HTTP basic authentication, as forges ask for it.
  package struct Credential: Sendable, Equatable {
    package enum Scope: Sendable { case everything, push }
    package var user: String
    package var password: String
    package var scope: Scope

    package init(user: String, password: String, scope: Scope = .everything) {
      self.user = user
      self.password = password
      self.scope = scope
    }
  }

  /// Directory of bare repositories, each `NAME.git` with `http.receivepack` set where it may be pushed to.
  package var repositories: String
  package var credential: Credential?

  package init(repositories: String, credential: Credential? = nil) {
    self.repositories = repositories
    self.credential = credential
  }

  package func respond(to request: Request, context: Context) async throws -> Response {
    let path = request.uri.path.removingPercentEncoding ?? ""
    guard path.hasPrefix("/"), !path.split(separator: "/").contains(".."), !path.contains("\0") else {
      return Response(status: .badRequest)
    }
    guard isAuthorised(request, path: path) else {
      return Response(status: .unauthorized, headers: [.wwwAuthenticate: "Basic realm=\"git\""])
    }
    let body = try SpoolFile()
    var length = 0
    for try await chunk in request.body {
      length += chunk.readableBytes
      try await body.append(chunk.getBytes(at: chunk.readerIndex, length: chunk.readableBytes) ?? [])
    }
    body.rewind()
    let backend = try ChildProcess(
      arguments: ["/usr/bin/git", "http-backend"], environment: environment(for: request, path: path, length: length),
      input: body.descriptor)
    return try await relay(from: backend)
  }

  private func isAuthorised(_ request: Request, path: String) -> Bool {
    guard let credential else { return true }
    let isPush = path.hasSuffix("/git-receive-pack") || request.uri.query?.contains("service=git-receive-pack") == true
    if credential.scope == .push && !isPush { return true }
    let expected = Data("\(credential.user):\(credential.password)".utf8).base64EncodedString()
    return request.headers[.authorization] == "Basic \(expected)"
  }

  private func environment(for request: Request, path: String, length: Int) -> [String: String] {
    var environment = [
      "PATH": "/usr/bin:/bin", "HOME": repositories, "GIT_CONFIG_NOSYSTEM": "1", "GATEWAY_INTERFACE": "CGI/1.1",
      "GIT_PROJECT_ROOT": repositories, "GIT_HTTP_EXPORT_ALL": "1", "REQUEST_METHOD": request.method.rawValue,
      "PATH_INFO": path, "QUERY_STRING": request.uri.query ?? "", "REMOTE_ADDR": "127.0.0.1", "SERVER_PROTOCOL": "HTTP/1.1",
    ]
    if let user = credential?.user { environment["REMOTE_USER"] = user }
    if request.method == .post { environment["CONTENT_LENGTH"] = String(length) }
    if let type = request.headers[.contentType] { environment["CONTENT_TYPE"] = type }
    if let encoding = request.headers[.contentEncoding] { environment["HTTP_CONTENT_ENCODING"] = encoding }
    if let name = HTTPField.Name("Git-Protocol"), let value = request.headers[name] {
      environment["HTTP_GIT_PROTOCOL"] = value
      environment["GIT_PROTOCOL"] = value
    }
    return environment
  }

  private func relay(from backend: ChildProcess) async throws -> Response {
    var parser = CGIHead()
    while true {
      let bytes = try await backend.read()
      guard !bytes.isEmpty else { throw RookeryError(.internal, "git http-backend ended without an answer.") }
      if try parser.append(bytes) { break }
    }
    var headers = HTTPFields()
    for (name, value) in parser.fields {
      if let name = HTTPField.Name(name) { headers.append(HTTPField(name: name, value: value)) }
    }
    let start = ByteBuffer(bytes: parser.rest)
    return Response(
      status: .init(code: parser.status), headers: headers,
      body: ResponseBody { writer in
        try await writer.write(start)
        while true {
          let bytes = try await backend.read()
          if bytes.isEmpty { break }
          try await writer.write(ByteBuffer(bytes: bytes))
        }
        let code = try await backend.wait()
        guard code == 0 else { throw RookeryError(.internal, "git http-backend failed.", context: "exit code \(code)") }
        try await writer.finish(nil)
      })
  }
}
