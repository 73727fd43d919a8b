import RookeryConfiguration
import RookeryGitHub
import RookeryModel
import RookerySandbox

extension SessionServices {
  /// Where the repository's pull requests are opened; nil: nowhere.
  func forge(of repository: Repository) async -> Configuration.Forge? {
    if let github { return await github.forge(of: repository.name, url: repository.url) }
    return configuration.repositories[repository.name]?.forge
  }

  /// The author's own token; nil when they have none.
  func authorToken(_ author: Author) async throws -> Secret? {
    if let github { return try await github.userToken(of: author) }
    return configuration.github.userTokens[author.email.lowercased()]
  }

  /// Throws unless GitHub lets this person push to the repository. Whoever may not even read it is told that there is none.
  func admitWork(of user: User, on repository: Repository) async throws {
    switch try await github?.right(of: user, on: repository.name, url: repository.url) {
    case nil, .push?: return
    case .read?:
      throw RookeryError(
        .forbidden, "You may read “\(repository.name)” at GitHub, but not push to it.",
        mend: "Ask for write access there; a change is noticed within a minute.")
    case RepositoryRight.none?: throw RookeryError.repositoryUnknown(repository.name)
    }
  }
}

extension RookeryError {
  /// What whoever may not see a repository is told, and whoever names one that there is not.
  package static func repositoryUnknown(_ name: RepositoryName) -> RookeryError {
    RookeryError(
      .repositoryUnknown, "There is no repository named “\(name)”.",
      mend: "List them with “rookery repo list”, or add it with “rookery repo add \(name) URL”.")
  }
}
