import Foundation
import HTTPTypes
import Hummingbird
import RookeryConfiguration

/// The web page's cookie: unreadable for scripts, never sent from another site's page.
struct SessionCookie: Sendable {
  /// How long a browser stays signed in.
  static let lifetime: TimeInterval = 30 * 24 * 3600

  private let isSecure: Bool
  private let port: Int

  init(_ server: Configuration.Server) {
    isSecure = server.origin.hasPrefix("https://")
    port = server.port
  }

  /// With TLS the `__Host-` prefix keeps other hosts of the domain from setting it. Without, the port is part of the name, since
  /// cookies know no ports and several servers may run on one machine.
  private var name: String { isSecure ? "__Host-rookery" : "rookery-\(port)" }

  func value(in request: Request) -> String? { request.cookies[name]?.value }

  /// The header that signs a browser in.
  func setting(_ secret: String) -> String { header(secret, maxAge: Int(Self.lifetime)) }

  /// The header that signs it out.
  var clearing: String { header("", maxAge: 0) }

  private func header(_ value: String, maxAge: Int) -> String {
    "\(name)=\(value); Path=/; Max-Age=\(maxAge); HttpOnly; SameSite=Strict" + (isSecure ? "; Secure" : "")
  }
}
