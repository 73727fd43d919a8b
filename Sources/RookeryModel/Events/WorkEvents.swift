import Foundation

public struct CommitCreated: Sendable, Codable, Equatable {
  public var commit: String
  public var subject: String
  public var author: Author
  public var files: Int
  public var additions: Int
  public var deletions: Int
  /// Those who steered the turn.
  public var coauthors: [Author]?
  public init(
    commit: String, subject: String, author: Author, files: Int, additions: Int, deletions: Int, coauthors: [Author]? = nil
  ) {
    self.coauthors = coauthors
    self.commit = commit
    self.subject = subject
    self.author = author
    self.files = files
    self.additions = additions
    self.deletions = deletions
  }
}

/// Work of an interrupted or failed turn, kept on a hidden ref that never reaches the forge.
public struct WorkSaved: Sendable, Codable, Equatable {
  public var ref: String
  public var commit: String
  public init(ref: String, commit: String) {
    self.ref = ref
    self.commit = commit
  }
}

public struct BranchPushed: Sendable, Codable, Equatable {
  public var branch: String
  public var commit: String
  /// The repository's URL, without credentials.
  public var remote: String
  public init(branch: String, commit: String, remote: String) {
    self.branch = branch
    self.commit = commit
    self.remote = remote
  }
}

/// Something a turn produced whose bytes are kept beside the log.
public struct Artifact: Sendable, Codable, Equatable {
  public enum Kind: String, Sendable, Codable { case diff, bundle, file, screenshot }
  public var id: ArtifactID
  public var kind: Kind
  public var name: String
  public var mediaType: String
  public var bytes: Int
  /// SHA-256 of the content, lower-case hex.
  public var digest: String
  public init(id: ArtifactID, kind: Kind, name: String, mediaType: String, bytes: Int, digest: String) {
    self.id = id
    self.kind = kind
    self.name = name
    self.mediaType = mediaType
    self.bytes = bytes
    self.digest = digest
  }
}

public struct PullRequest: Sendable, Codable, Equatable {
  public var number: Int
  public var url: String
  public var title: String
  public var author: String
  public init(number: Int, url: String, title: String, author: String) {
    self.number = number
    self.url = url
    self.title = title
    self.author = author
  }
}
