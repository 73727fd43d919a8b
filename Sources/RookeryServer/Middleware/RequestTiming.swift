import Hummingbird
import RookeryMetrics

/// How long requests take until their answer begins, by route template: a path that is no route counts as `none`.
struct RequestTiming: RouterMiddleware {
  let instruments: Instruments

  func handle(
    _ request: Request, context: RookeryRequestContext, next: (Request, RookeryRequestContext) async throws -> Response
  ) async throws -> Response {
    let start = ContinuousClock.now
    let response = try await next(request, context)
    let elapsed = start.duration(to: .now) / .seconds(1)
    // Hummingbird's name for what is no route.
    let route = context.endpointPath.flatMap { $0 == "NotFound" ? nil : $0 } ?? "none"
    let isOurs = Self.methods.contains(request.method.rawValue)
    instruments.requests.observe(
      elapsed, [isOurs ? request.method.rawValue : "other", route, "\(response.status.code / 100)xx"])
    return response
  }

  private static let methods: Set<String> = ["GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS"]
}
