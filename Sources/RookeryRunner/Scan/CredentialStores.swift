/// Files in which programs keep credentials, known by their names, and git's configuration.
enum CredentialStores {
  /// Names whose contents are judged as a whole; they are small, and `limit` bytes of them are looked at.
  static let limit = 1 << 20

  /// Whether a file of that path is one to judge.
  static func isStore(_ path: String) -> Bool { rule(path) != nil }

  /// What a store of that path holds that it must not; empty when nothing.
  static func judge(_ path: String, _ bytes: [UInt8]) -> Set<String> {
    guard let rule = rule(path) else { return [] }
    return rule(String(decoding: bytes, as: UTF8.self))
  }

  private typealias Rule = (String) -> Set<String>

  private static func rule(_ path: String) -> Rule? {
    let parts = path.split(separator: "/")
    guard let name = parts.last.map(String.init) else { return nil }
    let parent = parts.dropLast().last.map(String.init) ?? ""
    switch (parent, name) {
    case (_, ".netrc"), (_, "_netrc"): return words("a .netrc password", ["password"])
    case (_, ".git-credentials"), ("git", "credentials"): return { hasUserInfo($0) ? ["stored git credentials"] : [] }
    case (_, ".npmrc"), ("etc", "npmrc"): return npm
    case (_, ".yarnrc.yml"): return assignments("a yarn credential", ["npmAuthToken", "npmAuthIdent"])
    case (_, ".pypirc"): return assignments("a PyPI password", ["password"])
    case (_, "pip.conf"), (_, ".gitmodules"): return { hasUserInfo($0) ? ["an address with a password"] : [] }
    case (".docker", "config.json"), (_, ".dockercfg"), ("containers", "auth.json"):
      return assignments("a registry's password", ["\"auth\"", "\"identitytoken\""])
    case (".aws", "credentials"), (".aws", "config"):
      return assignments("an AWS secret", ["aws_secret_access_key", "aws_session_token"])
    case (_, "application_default_credentials.json"):
      return assignments("a Google credential", ["\"refresh_token\"", "\"private_key\"", "\"client_secret\""])
    case ("gcloud", "credentials.db"), ("gcloud", "access_tokens.db"): return { $0.isEmpty ? [] : ["a Google credential"] }
    case (".kube", "config"): return assignments("a Kubernetes credential", ["token", "client-key-data", "password"])
    case (".cargo", "credentials"), (".cargo", "credentials.toml"): return assignments("a cargo token", ["token"])
    case (".gem", "credentials"): return assignments("a gem key", [":rubygems_api_key"])
    case ("gh", "hosts.yml"): return assignments("a GitHub token", ["oauth_token"])
    case (_, ".gitconfig"), ("etc", "gitconfig"), (_, "config.worktree"): return git
    default: break
    }
    if name == "config", parent.hasSuffix(".git") || parent == "git" || parts.contains(".git") { return git }
    if name.hasPrefix("."), name.hasSuffix("_history") { return history }
    if name == "environ" || name.hasSuffix(".environ") { return dump }
    return nil
  }

  /// Remotes with a password, stored authorisation, and helpers, which are programs that hand out credentials.
  private static func git(_ text: String) -> Set<String> {
    var found: Set<String> = hasUserInfo(text) ? ["a git address with a password"] : []
    var section = ""
    for line in lines(text) {
      if line.hasPrefix("[") { section = line.lowercased() }
      let key = line.split(separator: "=", maxSplits: 1).first.map { trimmed($0).lowercased() } ?? ""
      if key == "extraheader", line.lowercased().contains("authorization") { found.insert("a git authorisation header") }
      if section.hasPrefix("[credential"), key == "helper", line.split(separator: "=", maxSplits: 1).count == 2,
        !trimmed(line.split(separator: "=", maxSplits: 1)[1]).isEmpty
      {
        found.insert("a git credential helper")
      }
    }
    return found
  }

  private static func npm(_ text: String) -> Set<String> {
    for line in lines(text) {
      let parts = line.split(separator: "=", maxSplits: 1).map(trimmed)
      guard parts.count == 2, ["_authtoken", "_auth", "_password"].contains(where: { parts[0].lowercased().hasSuffix($0) }) else {
        continue
      }
      if !parts[1].isEmpty, !parts[1].hasPrefix("${"), !parts[1].hasPrefix("\"${") { return ["an npm credential"] }
    }
    return hasUserInfo(text) ? ["an address with a password"] : []
  }

  private static func words(_ label: String, _ words: [String]) -> Rule {
    { text in words.contains { text.lowercased().contains($0) } ? [label] : [] }
  }

  /// `key = value`, `key: value`, with a value that is no reference to a variable.
  private static func assignments(_ label: String, _ keys: [String]) -> Rule {
    { text in
      for line in lines(text) {
        for key in keys {
          guard let place = line.range(of: key) else { continue }
          let rest = trimmed(line[place])
          guard let sign = rest.first, sign == "=" || sign == ":" else { continue }
          let value = rest.dropFirst().drop { " \t\"'".contains($0) }
          if let first = value.first, first != "$", first != "}", first != "," { return [label] }
        }
      }
      return []
    }
  }

  /// Commands that somebody typed: assignments of secrets and addresses with passwords.
  private static func history(_ text: String) -> Set<String> {
    if hasUserInfo(text) { return ["an address with a password in a history"] }
    return lines(text).contains(where: assignsSecret) ? ["a secret in a history"] : []
  }

  /// A process's environment, as `/proc/PID/environ` shows it.
  private static func dump(_ text: String) -> Set<String> {
    text.split(whereSeparator: { $0 == "\0" || $0 == "\n" }).contains { assignsSecret(String($0)) } ? ["a secret in an environment"] : []
  }

  private static func assignsSecret(_ line: String) -> Bool {
    for word in line.split(whereSeparator: { $0 == " " || $0 == "\t" }) {
      let parts = word.split(separator: "=", maxSplits: 1)
      guard parts.count == 2 else { continue }
      let name = parts[0].lowercased()
      let value = parts[1].filter { $0 != "\"" && $0 != "'" }
      if ["token", "secret", "password", "passwd", "api_key", "apikey"].contains(where: { name.hasSuffix($0) }), value.utf8.count >= 16,
        CredentialFormats.entropy(Array(value.utf8)) >= 3.2
      {
        return true
      }
    }
    return false
  }

  /// `scheme://user:password@host`, with a password that is no reference to a variable.
  private static func hasUserInfo(_ text: String) -> Bool {
    for line in lines(text) {
      var rest = line[...]
      while let place = rest.range(of: "://") {
        rest = rest[place]
        let authority = rest.prefix { !"/ \t\"'?#".contains($0) }
        guard let at = authority.lastIndex(of: "@") else { continue }
        let parts = authority[..<at].split(separator: ":", maxSplits: 1)
        if parts.count == 2, !parts[1].hasPrefix("$"), !parts[1].hasPrefix("{"), !parts[1].hasPrefix("<") { return true }
      }
    }
    return false
  }

  private static func lines(_ text: String) -> [String] {
    text.split(whereSeparator: { $0 == "\n" || $0 == "\r\n" || $0 == "\r" }).map(trimmed)
  }

  private static func trimmed(_ text: some StringProtocol) -> String {
    let head = text.drop { $0 == " " || $0 == "\t" }
    guard let last = head.lastIndex(where: { $0 != " " && $0 != "\t" }) else { return "" }
    return String(head[...last])
  }
}

extension StringProtocol {
  /// The index behind the first place where `needle` stands, as the start of what follows. The standard library has no search.
  fileprivate func range(of needle: String) -> PartialRangeFrom<Index>? {
    guard !needle.isEmpty else { return nil }
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(needle) { return index(start, offsetBy: needle.count)... }
      start = index(after: start)
    }
    return nil
  }
}
