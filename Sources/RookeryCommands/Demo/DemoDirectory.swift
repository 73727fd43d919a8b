import Foundation
import Glibc
import RookeryModel

/// A directory of the demo's own, which Rookery's users can pass through.
struct DemoDirectory: Sendable {
  let path: String

  /// Below /var/tmp: on disk, and as a rule on the file system of the cache.
  init() throws {
    var template = Array("/var/tmp/rookery-demo-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw RookeryError(.internal, "mkdtemp(/var/tmp) failed: \(String(cString: strerror(errno))).", mend: "Check /var/tmp.")
    }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    chmod(path, 0o755)
  }

  func path(_ name: String) -> String { "\(path)/\(name)" }

  /// The last lines of the supervisor's log.
  func log(_ layout: DataLayout) -> [String] {
    let text = (try? String(contentsOfFile: layout.log, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").suffix(20).map(String.init)
  }

  func remove() { try? FileManager.default.removeItem(atPath: path) }
}
