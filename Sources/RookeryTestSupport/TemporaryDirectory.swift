import Foundation

/// A directory of a test's own, removed with everything in it when nobody refers to it any more.
package final class TemporaryDirectory: Sendable {
  package let path: String
  package var url: URL { URL(fileURLWithPath: path, isDirectory: true) }

  package init(prefix: String = "rookery-test") throws {
    path = NSTemporaryDirectory().trimmingSuffix("/") + "/\(prefix)-\(UUID().uuidString.lowercased().prefix(13))"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
  }

  deinit { remove() }

  package func remove() { try? FileManager.default.removeItem(atPath: path) }

  /// The path of `name` inside it.
  package func path(_ name: String) -> String { "\(path)/\(name)" }

  /// Writes a file, making its directories.
  @discardableResult
  package func write(_ text: String, to name: String) throws -> String {
    let file = path(name)
    try FileManager.default.createDirectory(
      atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: URL(fileURLWithPath: file))
    return file
  }

  package func read(_ name: String) throws -> String {
    try String(decoding: Data(contentsOf: URL(fileURLWithPath: path(name))), as: UTF8.self)
  }
}

extension String {
  fileprivate func trimmingSuffix(_ suffix: String) -> String { hasSuffix(suffix) ? String(dropLast(suffix.count)) : self }
}
