import HTTPTypes
import Hummingbird
import RookeryGitHub
import RookeryModel
import RookerySessions

/// Who may know of a repository and its sessions, and who may change something there: what GitHub says, where there is an App. What
/// somebody may not see looks as if it were not there.
struct Visibility: Sendable {
  let github: GitHubIdentity?
  let sessions: any SessionService
  let repositories: any RepositoryControl

  /// Whether GitHub decides anything.
  var isOn: Bool { get async { await github?.isConnected == true } }

  /// Looks at routes about one session or one repository: reading takes the right to read, anything else the right to push.
  func admit(path: String, method: HTTPRequest.Method, _ context: RookeryRequestContext) async throws {
    guard await isOn, let caller = context.caller else { return }
    let name: RepositoryName
    let missing: RookeryError
    if path.hasPrefix("/v1/sessions/{id}") || path.hasPrefix("/sessions/{id}") {
      let id = try context.identifier("id", as: SessionID.self)
      name = try await sessions.detail(id).session.repository
      missing = RookeryError(.notFound, "There is no session “\(id)”.", mend: "“rookery sessions” lists those you may see.")
    } else if path.hasPrefix("/v1/repositories/{name}") || path.hasPrefix("/repositories/{name}") {
      name = try context.identifier("name", as: RepositoryName.self)
      missing = .repositoryUnknown(name)
    } else {
      return
    }
    guard let right = try await right(of: caller.user, on: repositories.get(name)) else { return }
    guard right >= .read else { throw missing }
    guard [.get, .head].contains(method) || right == .push else {
      throw RookeryError(
        .forbidden, "You may read “\(name)” at GitHub, but not push to it.", mend: "Ask for write access there.")
    }
  }

  /// The repositories that somebody may know of. Where GitHub gives no answer, they are left out.
  func readable(_ all: [Repository], by user: User) async -> [Repository] {
    guard await isOn else { return all }
    var found: [Repository] = []
    for repository in all {
      do {
        if try await right(of: user, on: repository) ?? .push >= .read { found.append(repository) }
      } catch { continue }
    }
    return found
  }

  func readable(_ all: [SessionSummary], by user: User) async throws -> [SessionSummary] {
    guard await isOn else { return all }
    let names = Set(await readable(try await repositories.list(), by: user).map(\.name))
    return all.filter { names.contains($0.repository) }
  }

  private func right(of user: User, on repository: Repository) async throws -> RepositoryRight? {
    try await github?.right(of: user, on: repository.name, url: repository.url)
  }
}

extension ServerContext {
  var visibility: Visibility { Visibility(github: github, sessions: sessions, repositories: repositories) }
}
