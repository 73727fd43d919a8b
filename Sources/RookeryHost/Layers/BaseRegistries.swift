import Foundation
import RookeryControl
import RookeryModel

/// Which package registries a base's own package managers are configured for, read from their configuration in it.
struct BaseRegistries {
  private static let fileLimit = 256 << 10
  private static let limit = 100

  /// What pip and npm ask where nothing is configured: https://pip.pypa.io/en/stable/cli/pip_install/#cmdoption-i names the index,
  /// whose files are on the second host; https://docs.npmjs.com/cli/using-npm/registry names the last.
  private static let pipDefault = ["https://pypi.org/simple", "https://files.pythonhosted.org"]
  private static let npmDefault = ["https://registry.npmjs.org"]

  private let base: Directory

  init(base: Directory) { self.base = base }

  /// Their addresses, without user names, in order and without repetition. What can't be read names none.
  func addresses() -> [String] {
    var found = apt()
    if hasAny("usr/bin", ["pip", "pip3"]) {
      let named = settings(["etc/pip.conf", "etc/xdg/pip/pip.conf"], keys: ["index-url", "extra-index-url", "find-links"])
      found += named.contains { $0.key == "index-url" } ? [] : Self.pipDefault
      found += named.map(\.value)
    }
    if hasAny("usr/bin", ["npm", "node"]) || hasAny("usr/local/bin", ["npm", "node"]) {
      let files = ["etc/npmrc", "usr/etc/npmrc", "usr/local/etc/npmrc", "usr/share/nodejs/npm/npmrc"]
      let named = settings(files, keys: ["registry"])
      found += named.isEmpty ? Self.npmDefault : named.map(\.value)
    }
    var addresses: [String] = []
    for address in found.compactMap(Self.address) where !addresses.contains(address) { addresses.append(address) }
    return Array(addresses.prefix(Self.limit))
  }

  // MARK: apt

  private func apt() -> [String] {
    var found = text("etc/apt/sources.list").map(Self.aptLines) ?? []
    let names = (try? base.directory("etc/apt/sources.list.d")?.entries(limit: 1000).map(\.name)) ?? []
    for name in names.sorted() {
      guard let text = text("etc/apt/sources.list.d/\(name)") else { continue }
      if name.hasSuffix(".list") { found += Self.aptLines(text) }
      if name.hasSuffix(".sources") { found += Self.aptStanzas(text) }
    }
    return found
  }

  /// sources.list(5), one-line style: `deb [options] URI suite component…`.
  static func aptLines(_ text: String) -> [String] {
    text.split(separator: "\n").compactMap { line in
      var words = line.split(whereSeparator: \.isWhitespace)
      guard let kind = words.first, kind == "deb" || kind == "deb-src" else { return nil }
      words.removeFirst()
      if words.first?.hasPrefix("[") == true {
        while let word = words.first {
          words.removeFirst()
          if word.hasSuffix("]") { break }
        }
      }
      return words.first.map(String.init)
    }
  }

  /// sources.list(5), deb822 style: `URIs:` with addresses, also on lines that follow it indented.
  static func aptStanzas(_ text: String) -> [String] {
    var found: [String] = []
    var isAddress = false
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) where !line.hasPrefix("#") {
      var rest = line[...]
      if let colon = line.firstIndex(of: ":"), line.first?.isWhitespace == false {
        isAddress = line[..<colon].lowercased() == "uris"
        rest = line[line.index(after: colon)...]
      } else if line.first?.isWhitespace != true {
        isAddress = false
      }
      if isAddress { found += rest.split(whereSeparator: \.isWhitespace).map(String.init) }
    }
    return found
  }

  // MARK: pip and npm

  private func settings(_ files: [String], keys: Set<String>) -> [(key: String, value: String)] {
    files.compactMap(text).flatMap { Self.settings($0, keys: keys) }
  }

  /// `key = value` lines (pip.conf's values may go on in indented lines; npmrc's scopes are `@scope:registry = …`).
  static func settings(_ text: String, keys: Set<String>) -> [(key: String, value: String)] {
    var found: [(key: String, value: String)] = []
    var current: String?
    for line in text.split(separator: "\n") where !line.hasPrefix("#") && !line.hasPrefix(";") {
      if line.first?.isWhitespace == true {
        if let current { found += line.split(whereSeparator: \.isWhitespace).map { (current, String($0)) } }
        continue
      }
      guard let equals = line.firstIndex(of: "=") else {
        current = nil
        continue
      }
      let key = line[..<equals].trimmingCharacters(in: .whitespaces).replacing("_", with: "-").lowercased()
      let name = String(key.split(separator: ":").last ?? "")
      current = keys.contains(name) ? name : nil
      let values = line[line.index(after: equals)...].split(whereSeparator: \.isWhitespace)
      if let current { found += values.map { (current, $0.trimmingCharacters(in: ["\""])) } }
    }
    return found
  }

  // MARK: Files

  private func text(_ path: String) -> String? {
    (try? base.read(path, limit: Self.fileLimit)).flatMap { $0 }.map { String(decoding: $0, as: UTF8.self) }
  }

  private func hasAny(_ directory: String, _ names: [String]) -> Bool {
    guard let directory = try? base.directory(directory) else { return false }
    return names.contains { directory.exists($0) }
  }

  /// An http or https address without its user; nil for others.
  private static func address(_ text: String) -> String? {
    guard text.utf8.count <= 2048, var parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
      scheme == "http" || scheme == "https", parts.host?.isEmpty == false
    else { return nil }
    (parts.user, parts.password, parts.query, parts.fragment) = (nil, nil, nil, nil)
    return parts.string
  }
}
