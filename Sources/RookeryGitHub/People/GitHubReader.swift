import Foundation
import NIOHTTP1
import RookeryModel

/// Who somebody is at GitHub, and what they may do there: questions with their own token.
package struct GitHubReader: Sendable {
  private let api: GitHubAPI

  package init(site: GitHubSite, pacing: GitHubPacing = GitHubPacing()) { api = GitHubAPI(site: site, pacing: pacing) }

  /// An account.
  package struct Profile: Sendable, Equatable {
    package var number: Int64
    package var login: String
    package var name: String
    /// An address for commits: verified and primary, else the one that GitHub gives everyone.
    package var email: String
    /// Whether `email` was verified to be theirs.
    package var isVerified: Bool
  }

  package func profile(_ token: Secret) async throws -> Profile {
    struct User: Decodable, Sendable {
      var id: Int64
      var login: String
      var name: String?
    }
    struct Email: Decodable, Sendable {
      var email: String
      var primary: Bool
      var verified: Bool
    }
    do {
      let user = try await api.call(GitHubRequest(.GET, "/user"), token: token, as: User.self)
      // An App that may not read addresses is answered 403 or 404.
      let emails = (try? await api.call(GitHubRequest(.GET, "/user/emails"), token: token, as: [Email].self)) ?? []
      let primary = emails.first { $0.primary && $0.verified }?.email
      let name = user.name.map { $0.trimmingCharacters(in: .whitespaces) }.flatMap { $0.isEmpty ? nil : $0 }
      return Profile(
        number: user.id, login: user.login, name: name ?? user.login,
        email: primary ?? "\(user.id)+\(user.login)@users.noreply.github.com", isVerified: primary != nil)
    } catch let failure as GitHubFailure { throw failure.error(trying: "asking who you are") }
  }

  /// Whether the token's owner is a member of an organisation (`acme`) or of a team of one (`acme/core`).
  package func isMember(of group: String, login: String, _ token: Secret) async throws -> Bool {
    struct Membership: Decodable, Sendable { var state: String }
    let parts = group.split(separator: "/").map(String.init)
    let path =
      parts.count == 2
      ? "/orgs/\(parts[0])/teams/\(parts[1])/memberships/\(login)" : "/user/memberships/orgs/\(parts.first ?? "")"
    do {
      return try await api.call(GitHubRequest(.GET, path), token: token, as: Membership.self).state == "active"
    } catch let failure as GitHubFailure where [403, 404].contains(failure.status) && !failure.isLimit {
      return false
    } catch let failure as GitHubFailure { throw failure.error(trying: "asking for memberships") }
  }

  /// What the token's owner may do with a repository (`owner/name`).
  package func right(on repository: String, _ token: Secret) async throws -> RepositoryRight {
    struct Answer: Decodable, Sendable {
      var permissions: Permissions?
      struct Permissions: Decodable, Sendable {
        var push: Bool?
        var pull: Bool?
      }
    }
    let name = try GitHubRepositoryName(repository)
    do {
      let answer = try await api.call(GitHubRequest(.GET, "/repos/\(name)"), token: token, as: Answer.self)
      // What is shown at all may be read.
      return answer.permissions?.push == true ? .push : .read
    } catch let failure as GitHubFailure where [403, 404, 451].contains(failure.status) && !failure.isLimit {
      return .none
    } catch let failure as GitHubFailure { throw failure.error(trying: "asking for rights on \(name)") }
  }
}

/// What somebody may do with a repository.
package enum RepositoryRight: Int, Sendable, Comparable {
  case none, read, push

  package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
