import NIOHTTP1
import RookeryModel

/// The requests of git's smart HTTP protocol (gitprotocol-http(5)) that are answered; there are no others.
struct GitRoute: Equatable, Sendable {
  enum Service: String, Sendable {
    case fetch = "git-upload-pack"
    case push = "git-receive-pack"
  }

  enum Step: Equatable, Sendable { case advertisement, exchange }

  var repository: RepositoryName
  var service: Service
  var step: Step

  /// What the real repository's URL is followed by.
  var suffix: String {
    switch step {
    case .advertisement: "/info/refs?service=\(service.rawValue)"
    case .exchange: "/\(service.rawValue)"
    }
  }

  /// - Throws: `notFound` or `badRequest` for everything that is not one of them.
  init(method: HTTPMethod, path: String, query: String?, contentType: [String]) throws {
    let segments = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard let first = segments.first, first.hasSuffix(".git"), let name = RepositoryName(rawValue: String(first.dropLast(4))) else {
      throw RookeryError(.notFound, "There is no repository here: the path is /NAME.git.")
    }
    repository = name
    switch (method, segments.dropFirst().joined(separator: "/")) {
    case (.GET, "info/refs"):
      guard let query else { throw RookeryError(.forbidden, "Only git's smart HTTP protocol is served.") }
      guard query.hasPrefix("service="), let service = Service(rawValue: String(query.dropFirst(8))) else {
        throw RookeryError(.badRequest, "There is no such git service.")
      }
      (self.service, step) = (service, .advertisement)
    case (.POST, let text):
      guard let service = Service(rawValue: text) else { throw RookeryError(.notFound, "There is no such git service.") }
      guard query == nil else { throw RookeryError(.badRequest, "A git service takes no query.") }
      guard contentType == ["application/x-\(text)-request"] else {
        throw RookeryError(.badRequest, "A request to \(text) has the content type application/x-\(text)-request.")
      }
      (self.service, step) = (service, .exchange)
    default: throw RookeryError(.forbidden, "Only git's smart HTTP protocol is served.")
    }
  }
}
