import Foundation
import HTTPTypes
import Hummingbird
import RookeryModel

/// A write that is proven by a cookie must come from our own page.
enum OriginCheck {
  /// Throws `forbidden` unless the `Origin` header is the server that the request addresses. Without the header (old browsers on
  /// forms), the browser's own word `Sec-Fetch-Site: same-origin` is needed.
  static func admit(_ request: Request) throws {
    guard ![.get, .head, .options].contains(request.method) else { return }
    try admitSocket(request)
  }

  /// A WebSocket begins with GET and is no less than a write: browsers let any page open one, cookie and all.
  static func admitSocket(_ request: Request) throws {
    if let origin = request.headers[.origin] {
      // The host was checked before; the scheme differs behind a proxy that ends TLS.
      guard let url = URLComponents(string: origin), ["http", "https"].contains(url.scheme ?? ""),
        let authority = request.head.authority?.lowercased(),
        origin.lowercased().hasSuffix("://" + authority)
      else { throw refusal }
      return
    }
    guard let name = HTTPField.Name("Sec-Fetch-Site"), request.headers[name] == "same-origin" else { throw refusal }
  }

  private static var refusal: RookeryError {
    RookeryError(
      .forbidden, "This write came from another site's page.", mend: "Use the server's own page, or the API with a token.")
  }
}
