import Crypto
import Foundation

/// The page's own files, kept in the program. Their names hold a digest of their content, so browsers may keep them for good.
struct Asset: Sendable {
  let bytes: [UInt8]
  let type: String
  let path: String

  private init(_ bytes: [UInt8], name: String, suffix: String, type: String) {
    let digest = SHA256.hash(data: bytes).prefix(6).map { String($0 / 16, radix: 16) + String($0 % 16, radix: 16) }.joined()
    self.bytes = bytes
    self.type = type
    path = "/assets/\(name).\(digest).\(suffix)"
  }

  static let style = Asset(PackageResources.style_css, name: "style", suffix: "css", type: "text/css; charset=utf-8")
  static let script = Asset(PackageResources.page_js, name: "page", suffix: "js", type: "text/javascript; charset=utf-8")
  static let icon = Asset(PackageResources.icon_svg, name: "icon", suffix: "svg", type: "image/svg+xml")
  static let all = [style, script, icon]
}
