import Foundation
import RookeryModel

/// The address of a remote repository: `http` or `https`, without credentials, query or fragment.
struct RepositoryURL: Sendable, Equatable {
  static let maximumLength = 2048

  /// Scheme and host in lower case, no slash at the end.
  let text: String
  let isEncrypted: Bool
  let host: String
  let port: Int

  /// Throws `badRequest` with the reason.
  init(_ given: String, for repository: RepositoryName) throws {
    func refused(_ reason: String, _ mend: String = "Give the https address from which “git clone” works.") -> RookeryError {
      RookeryError(.badRequest, reason, mend: mend)
    }
    guard given.utf8.count <= Self.maximumLength else {
      throw refused("The repository's URL is longer than \(Self.maximumLength) bytes.")
    }
    guard given.utf8.allSatisfy({ (0x21...0x7e).contains($0) && $0 != 0x5c && $0 != 0x22 }) else {
      throw refused("The repository's URL holds a space, a quote or a character outside ASCII.")
    }
    guard let parts = URLComponents(string: given), let scheme = parts.scheme?.lowercased(), let host = parts.host?.lowercased(),
      !host.isEmpty
    else { throw refused("“\(given)” is not a URL with a scheme and a host.") }
    guard scheme == "https" || scheme == "http" else { throw refused("Repositories are reached over http or https, not “\(scheme)”.") }
    // Not echoed: it may hold a password.
    guard parts.user == nil, parts.password == nil, !Self.authority(of: given).contains("@") else {
      throw refused(
        "The repository's URL holds a user name or a password.",
        "Leave it out and configure the credential: “git_token_env” or “git_token_file” under “repositories: \(repository):”.")
    }
    guard parts.query == nil, parts.fragment == nil else { throw refused("The repository's URL holds a query or a fragment.") }
    let path = String(parts.percentEncodedPath.reversed().drop { $0 == "/" }.reversed())
    guard !path.isEmpty else { throw refused("“\(given)” names a server but no repository.") }
    // The gateway forwards to no other ones: they could be read in more than one way.
    let segments = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    guard path.utf8.allSatisfy(Self.isPathByte), segments.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else {
      throw refused("The path of the repository's URL holds other characters than letters, digits and “-._~+@:,=”, or an empty part.")
    }
    let port = parts.port ?? (scheme == "https" ? 443 : 80)
    guard (1...65535).contains(port) else { throw refused("The repository's URL holds the impossible port \(port).") }
    let authority = parts.port.map { "\(host):\($0)" } ?? host
    text = "\(scheme)://\(authority)\(path)"
    isEncrypted = scheme == "https"
    self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    self.port = port
  }

  private static func authority(of url: String) -> Substring {
    guard let start = url.firstRange(of: "//")?.upperBound else { return "" }
    return url[start...].prefix { $0 != "/" }
  }

  private static func isPathByte(_ byte: UInt8) -> Bool {
    (0x61...0x7a).contains(byte) || (0x41...0x5a).contains(byte) || (0x30...0x39).contains(byte) || "-._/~+@:,=".utf8.contains(byte)
  }
}

/// Names of branches as git allows them (`git check-ref-format --branch`), a little stricter.
enum BranchName {
  /// Nil when it is one, else what is wrong with it.
  static func problem(_ name: String) -> String? {
    guard (1...200).contains(name.utf8.count) else { return "is empty or longer than 200 bytes" }
    let forbidden = Set(" ~^:?*[\\\u{7f}")
    guard name.unicodeScalars.allSatisfy({ $0.value > 0x20 }), !name.contains(where: forbidden.contains) else {
      return "holds a character that git forbids"
    }
    guard !name.hasPrefix("-"), !name.hasPrefix("/"), !name.hasSuffix("/"), !name.hasSuffix("."), name != "@", name != "HEAD" else {
      return "starts or ends in a way that git forbids"
    }
    guard !name.contains(".."), !name.contains("//"), !name.contains("@{") else { return "holds a sequence that git forbids" }
    guard name.split(separator: "/").allSatisfy({ !$0.hasPrefix(".") && !$0.hasSuffix(".lock") }) else {
      return "has a part that starts with “.” or ends with “.lock”"
    }
    return nil
  }
}
