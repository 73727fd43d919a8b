import Foundation
import NIOHTTP1
import RookeryModel

/// Installation tokens: one for each repository and purpose, with the least that the purpose needs, kept until shortly before they
/// expire. Whoever asks again near the end gets a new one, so that long work never notices.
package actor AppTokens {
  private struct Slot: Hashable {
    var repository: String
    var purpose: AccessPurpose
  }
  private struct Minted: Sendable {
    var token: Secret
    var expires: Double
  }

  /// Seconds of life that a token must still have: longer than any one operation with it takes to begin.
  private static let margin = 300.0
  /// For how long a new token may be unknown to GitHub.
  private static let settling = Duration.seconds(5)

  private let app: AppCredentials
  private let api: GitHubAPI
  private let signer: AppTokenSigner
  private let now: @Sendable () -> Double
  private let onMint: @Sendable (_ repository: String, _ purpose: AccessPurpose) async -> Void
  /// Seconds by which GitHub's clock is ahead of ours.
  private var skew = 0.0
  private var installations: [String: Int64] = [:]
  private var tokens: [Slot: Minted] = [:]
  private var minting: [Slot: Task<Minted, any Error>] = [:]

  /// - Parameters:
  ///   - now: Seconds since 1970.
  ///   - onMint: Called for each token that is made, with `owner/name`.
  package init(
    app: AppCredentials, site: GitHubSite, pacing: GitHubPacing = GitHubPacing(),
    now: @escaping @Sendable () -> Double = { Date().timeIntervalSince1970 },
    onMint: @escaping @Sendable (_ repository: String, _ purpose: AccessPurpose) async -> Void = { _, _ in }
  ) throws {
    self.app = app
    api = GitHubAPI(site: site, pacing: pacing)
    signer = try AppTokenSigner(app)
    self.now = now
    self.onMint = onMint
  }

  /// A token for `repository` (`owner/name`) and nothing else. Any number of callers at once cause one request.
  /// - Throws: `forbidden` where the App is not installed on the repository, or was not granted what the purpose needs.
  package func token(for repository: String, purpose: AccessPurpose) async throws -> Secret {
    let slot = Slot(repository: repository.lowercased(), purpose: purpose)
    if let known = tokens[slot], known.expires - now() > Self.margin { return known.token }
    if let running = minting[slot] { return try await running.value.token }
    let task = Task { try await self.mint(repository, purpose) }
    minting[slot] = task
    defer { if minting[slot] == task { minting[slot] = nil } }
    let minted = try await task.value
    if minting[slot] == task { tokens[slot] = minted }
    return minted.token
  }

  /// Forgets what is known of installations: one was added, removed or suspended, or its permissions changed.
  package func forgetInstallations() {
    installations = [:]
    tokens = [:]
    minting = [:]
  }

  /// The App's name and permissions as GitHub has them: also a proof that id and key belong together.
  package func describe() async throws -> AppDescription {
    do { return try await call(GitHubRequest(.GET, "/app"), as: AppDescription.self) } catch let failure as GitHubFailure {
      throw failure.status == 401 || failure.status == 404
        ? RookeryError(
          .configurationInvalid, "GitHub does not accept the App's id and key: \(failure.message).",
          mend: "Check github.app.id and that the key is one of that App's.")
        : failure.error(trying: "looking at the App")
    }
  }

  // MARK: Minting

  private func mint(_ repository: String, _ purpose: AccessPurpose) async throws -> Minted {
    let name = try GitHubRepositoryName(repository)
    do {
      return try await mint(name, purpose, installation: installation(of: name))
    } catch let failure as GitHubFailure where failure.status == 404 && installations[repository.lowercased()] != nil {
      // Installed anew meanwhile, under another number.
      installations[repository.lowercased()] = nil
      return try await mint(name, purpose, installation: installation(of: name))
    }
  }

  private func mint(_ name: GitHubRepositoryName, _ purpose: AccessPurpose, installation: Int64) async throws -> Minted {
    struct Wish: Encodable {
      var repositories: [String]
      var permissions: [String: String]
    }
    struct Answer: Decodable {
      var token: String
      var expires_at: String
    }
    let wish = Wish(repositories: [name.name], permissions: purpose.permissions)
    let request = GitHubRequest(.POST, "/app/installations/\(installation)/access_tokens", body: try JSON.encode(wish))
    let answer: Answer
    do { answer = try await call(request, as: Answer.self) } catch let failure as GitHubFailure where failure.status == 422 {
      throw RookeryError(
        .forbidden, "The GitHub App was not granted what “\(purpose.name)” needs on \(name): \(purpose.text).",
        mend: "Grant it in the App's settings, and accept the change where it is installed.", context: failure.message)
    } catch let failure as GitHubFailure where failure.status == 403 {
      throw RookeryError(
        .forbidden, "The installation of the GitHub App for \(name) is suspended.", mend: "Unsuspend it at GitHub.",
        context: failure.message)
    }
    let minted = Minted(token: Secret(answer.token), expires: Timestamp.date(answer.expires_at)?.timeIntervalSince1970 ?? now() + 3600)
    try await settle(minted.token)
    await onMint("\(name)", purpose)
    return minted
  }

  /// A new token may be unknown for some seconds. It is handed out once it is known, so that nobody else needs to care.
  private func settle(_ token: Secret) async throws {
    let deadline = ContinuousClock.now + Self.settling
    var pause = Duration.milliseconds(100)
    while true {
      do {
        _ = try await api.requester.send(
          GitHubRequest(.GET, "/installation/repositories", query: [("per_page", "1")]), token: token, as: Ignored.self)
        return
      } catch let failure as GitHubFailure where failure.status == 401 && ContinuousClock.now < deadline {
        try await Task.sleep(for: pause)
        pause = min(pause * 2, .seconds(1))
      } catch is GitHubFailure {
        // Whatever else is wrong shows, and is named, where the token is used.
        return
      }
    }
  }

  private func installation(of name: GitHubRepositoryName) async throws -> Int64 {
    struct Installation: Decodable { var id: Int64 }
    let key = "\(name)".lowercased()
    if let known = installations[key] { return known }
    do {
      let found = try await call(GitHubRequest(.GET, "/repos/\(name)/installation"), as: Installation.self).id
      installations[key] = found
      return found
    } catch let failure as GitHubFailure where failure.status == 404 {
      throw RookeryError(
        .forbidden, "The GitHub App is not installed on \(name), or there is no such repository.",
        mend: "Install it there: \(api.site.web)/apps/\(app.slug ?? "NAME")/installations/new.")
    }
  }

  /// Asks as the App. A complaint about our clock is heeded once, with the time that the answer has.
  private func call<Value: Decodable & Sendable>(_ request: GitHubRequest, as: Value.Type) async throws -> Value {
    do { return try await api.call(request, token: signer.token(now: now() + skew), as: Value.self) } catch let failure as GitHubFailure
      where failure.status == 401
    {
      guard let time = failure.serverTime, abs(time - now() - skew) > 5 else { throw failure }
      skew = time - now()
      return try await api.call(request, token: signer.token(now: now() + skew), as: Value.self)
    }
  }
}

/// The App as GitHub describes it.
package struct AppDescription: Sendable, Decodable, Equatable {
  package var id: Int64
  package var slug: String?
  package var permissions: [String: String]?
  package var events: [String]?
}

extension AccessPurpose {
  /// “contents: write, pull_requests: write”.
  package var text: String { permissions.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ") }
}
