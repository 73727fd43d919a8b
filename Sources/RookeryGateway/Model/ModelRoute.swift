import NIOHTTP1
import RookeryModel

/// The endpoints of a model API that are passed on; there are no others.
enum ModelRoute: String, Sendable, CaseIterable {
  case chatCompletions = "/v1/chat/completions"
  case responses = "/v1/responses"
  case messages = "/v1/messages"
  case countTokens = "/v1/messages/count_tokens"
  case models = "/v1/models"

  /// - Throws: `notFound` for any other path or method.
  init(method: HTTPMethod, path: String) throws {
    guard let route = ModelRoute(rawValue: path), method == (route == .models ? .GET : .POST) else {
      throw RookeryError(.notFound, "\(method.rawValue) \(path) is not among the model API's endpoints that are passed on.")
    }
    self = route
  }
}
