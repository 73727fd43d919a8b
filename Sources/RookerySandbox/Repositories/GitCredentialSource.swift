import RookeryModel

/// Gives out credentials for git at the time of use: short-lived, for one repository, with no more rights than the operation needs.
package protocol GitCredentialSource: Sendable {
  /// Nil where it has none for this repository at this address.
  func credential(for repository: RepositoryName, url: String, push: Bool) async -> CredentialAnswer?
}
