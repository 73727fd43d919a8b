import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import RookeryModel

/// The last step of a failed request: a typed failure becomes its status and body, anything else `internal` with a reference to our log.
struct ErrorAnswers: RouterMiddleware {
  func handle(
    _ request: Request, context: RookeryRequestContext, next: (Request, RookeryRequestContext) async throws -> Response
  ) async throws -> Response {
    do {
      return try await next(request, context)
    } catch {
      let failure = Self.failure(for: error, request: request, context: context)
      return try request.uri.path.hasPrefix("/v1") ? Self.json(failure) : ErrorPage.response(failure, caller: context.caller)
    }
  }

  private static func json(_ failure: RookeryError) throws -> Response {
    var response = try Response.json(API.Failure(error: failure), status: .init(code: failure.code.httpStatus))
    if failure.code == .unauthenticated { response.headers[.wwwAuthenticate] = "Bearer" }
    return response
  }

  static func failure(for error: any Error, request: Request, context: RookeryRequestContext) -> RookeryError {
    switch error {
    case let error as RookeryError:
      if error.code.httpStatus >= 500 || !error.context.isEmpty {
        context.logger.warning(
          "request failed", metadata: ["code": "\(error.code.rawValue)", "cause": "\(error.message)", "context": "\(error.context)"])
      }
      return error
    case let error as HTTPError where error.status == .notFound:
      return RookeryError(
        .notFound, "There is nothing at \(request.method.rawValue) \(request.uri.path.prefix(200)).",
        mend: "GET /v1/openapi.yaml lists what there is.")
    case let error as HTTPError where (400..<500).contains(error.status.code):
      return RookeryError(.badRequest, error.body ?? "The request can't be understood.")
    case is CancellationError, is ChannelError:
      return RookeryError(.unavailable, "The server is shutting down.", mend: "Try again in a moment.")
    default:
      context.logger.error("request failed", metadata: ["error": "\(String(reflecting: error))"])
      return RookeryError(
        .internal, "Something went wrong on the server.", mend: "Its log has the details under request \(context.requestID).")
    }
  }
}
