import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import RookeryModel

/// One line a request: method, route template, status, time, and the id that the answer carries. Never the query, a header or a body.
struct RequestLogging: RouterMiddleware {
  func handle(
    _ request: Request, context: RookeryRequestContext, next: (Request, RookeryRequestContext) async throws -> Response
  ) async throws -> Response {
    let start = ContinuousClock.now
    var response = try await next(request, context)
    if let name = HTTPField.Name("X-Request-Id") { response.headers[name] = context.requestID }
    let elapsed = start.duration(to: .now).components
    let isOrdinary = response.status.code < 400 && [.get, .head].contains(request.method)
    context.logger.log(
      level: isOrdinary ? .debug : .info, "answered",
      metadata: [
        "method": "\(request.method.rawValue)", "route": "\(context.endpointPath ?? "-")", "status": "\(response.status.code)",
        "ms": "\(elapsed.seconds * 1000 + elapsed.attoseconds / 1_000_000_000_000_000)",
        "user": "\(context.caller?.user.id.rawValue ?? "-")",
      ])
    return response
  }
}
