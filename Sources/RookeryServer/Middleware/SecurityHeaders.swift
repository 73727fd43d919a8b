import HTTPTypes
import Hummingbird

/// What every answer tells a browser: run nothing but our own files, show nothing in a frame, guess no types, keep no copy.
struct SecurityHeaders: RouterMiddleware {
  /// Scripts and styles come from our own files only: no inline code, no other origin, no images from elsewhere.
  static let policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    + "base-uri 'none'; frame-ancestors 'none'"

  private static let fixed: [(HTTPField.Name, String)] = [
    ("Content-Security-Policy", policy),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    // Not `no-referrer`: with that a browser sends `Origin: null` on our own forms.
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
  ].compactMap { name, value in HTTPField.Name(name).map { ($0, value) } }

  func handle(
    _ request: Request, context: RookeryRequestContext, next: (Request, RookeryRequestContext) async throws -> Response
  ) async throws -> Response {
    var response = try await next(request, context)
    for (name, value) in Self.fixed where !response.headers.contains(name) { response.headers[name] = value }
    return response
  }
}
