import Foundation
import RookeryModel

/// Asks a remote for its branches with `serve`'s own git: `ls-remote` only, which runs no repository's code. It speaks http(s)
/// alone, follows no redirect, dials only addresses that were vetted, and reads no configuration but what is given here.
struct RemoteProbe: Sendable {
  var policy: DestinationPolicy
  var timeout = Duration.seconds(30)

  /// The head of `branch`, or of the remote's default branch. Throws `repositoryUnreachable`, `repositoryEmpty` or `conflict`
  /// (there are branches, but not this one).
  func head(of url: RepositoryURL, branch: String?, credential: CredentialAnswer) async throws -> RemoteHead {
    let addresses = try await policy.addresses(of: url)
    let first = try await refs(of: url, ["HEAD"] + (branch.map { ["refs/heads/" + $0] } ?? []), addresses, credential)
    if let branch {
      if let head = first.head(of: branch) { return head }
    } else if let head = first.defaultHead {
      return head
    }
    let every = try await refs(of: url, ["HEAD", "refs/heads/*"], addresses, credential)
    guard every.hasBranches else {
      throw RookeryError(
        .repositoryEmpty, "There are no commits at \(url.text).",
        mend: "Push a first commit to it; if it has some, check that the URL is the one from which “git clone” works.")
    }
    if let branch {
      throw RookeryError(
        .conflict, "The repository at \(url.text) has no branch “\(branch)”.", mend: "Name one that exists as the default branch.")
    }
    throw RookeryError(
      .conflict, "The repository at \(url.text) names no default branch.", mend: "Name one with “--branch” when you add it.")
  }

  private func refs(
    of url: RepositoryURL, _ patterns: [String], _ addresses: [IPAddress], _ credential: CredentialAnswer
  ) async throws -> RemoteRefs {
    var command = LocalCommand(
      argv: ["git", "ls-remote", "--symref", "--", url.text] + patterns,
      environment: try environment(for: url, addresses, credential), timeout: timeout)
    command.outputLimit = 4 << 20
    let result: LocalCommand.Result
    do {
      result = try await command.run()
    } catch LocalCommand.Failure.timedOut {
      throw RookeryError(
        .repositoryUnreachable, "\(url.text) did not answer within \(timeout.components.seconds) seconds.",
        mend: "Check the URL and that the server is up.")
    } catch LocalCommand.Failure.notStarted(let step, let errno) {
      throw RookeryError(
        .hostUnsupported, "git can't be started on the server: \(String(cString: strerror(errno))).",
        mend: "Install it: “apt-get install git”.", context: step)
    }
    guard result.code == 0 else { throw Self.failure(of: url, result.errorText) }
    guard !result.truncated else {
      throw RookeryError(.repositoryUnreachable, "\(url.text) lists more branches than can be read.", mend: "Name the default branch.")
    }
    return RemoteRefs(result.text)
  }

  /// The credential travels in the environment of git alone, never in its arguments or the URL.
  private func environment(
    for url: RepositoryURL, _ addresses: [IPAddress], _ credential: CredentialAnswer
  ) throws -> [String: String] {
    var settings = [
      ("protocol.allow", "never"), ("protocol.http.allow", "always"), ("protocol.https.allow", "always"),
      ("http.followRedirects", "false"), ("http.lowSpeedLimit", "100"), ("http.lowSpeedTime", "20"), ("credential.helper", ""),
      ("safe.bareRepository", "explicit"),
    ]
    if IPAddress(url.host) == nil {
      let pinned = addresses.map(\.literal).joined(separator: ",")
      settings.append(("http.curloptResolve", "\(url.host):\(url.port):\(pinned)"))
    }
    switch credential {
    case .anonymous: break
    case .reply: throw RookeryError(.internal, "A credential was answered with something else.")
    case .refused(let error): throw error
    case .basic(let user, let password):
      let token = Data("\(user):\(password.reveal())".utf8).base64EncodedString()
      settings.append(("http.\(url.text).extraHeader", "Authorization: Basic \(token)"))
    }
    var environment = [
      "PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1",
      "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "/bin/false", "SSH_ASKPASS": "/bin/false",
      "GIT_CEILING_DIRECTORIES": "/", "GIT_CONFIG_COUNT": "\(settings.count)",
    ]
    for (index, (key, value)) in settings.enumerated() {
      environment["GIT_CONFIG_KEY_\(index)"] = key
      environment["GIT_CONFIG_VALUE_\(index)"] = value
    }
    return environment
  }

  static func failure(of url: RepositoryURL, _ stderr: String) -> RookeryError {
    let text = stderr.lowercased()
    func error(_ cause: String, _ mend: String) -> RookeryError {
      RookeryError(.repositoryUnreachable, cause, mend: mend, context: String(stderr.prefix(2000)))
    }
    let credentialMend = "Configure a credential that may read it: “git_token_env” or “git_token_file” under “repositories:”."
    if text.contains("authentication failed") || text.contains("could not read username") || text.contains("error: 401") {
      return error("\(url.text) asks for a credential, or refuses the one that is configured.", credentialMend)
    }
    if text.contains("error: 403") { return error("\(url.text) refuses access.", credentialMend) }
    if text.contains("not found") || text.contains("error: 404") {
      return error("There is no repository at \(url.text), or it is hidden without a credential.", "Check the URL. " + credentialMend)
    }
    if text.contains("unable to update url base from redirection") || text.contains("error: 30") {
      return error("\(url.text) redirects elsewhere.", "Give the URL that it redirects to.")
    }
    if text.contains("certificate") || text.contains("ssl") {
      return error("The certificate of \(url.host) is not trusted.", "Install its authority's certificate on this machine.")
    }
    if text.contains("failed to connect") || text.contains("connection refused") || text.contains("couldn't connect") {
      return error("\(url.host) port \(url.port) can't be reached.", "Check the URL and that the server is up.")
    }
    let reason = stderr.split(separator: "\n").last { $0.hasPrefix("fatal: ") }.map { $0.dropFirst("fatal: ".count).prefix(300) }
    return error("\(url.text) can't be read: \(PlainText.line(reason ?? "git failed")).", "Check that “git ls-remote” works with it.")
  }
}
