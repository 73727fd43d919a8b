import Foundation

/// A git repository that Rookery may work on.
public struct Repository: Sendable, Codable, Equatable {
  public var name: RepositoryName
  /// `http` or `https`, without credentials.
  public var url: String
  public var defaultBranch: String
  public var description: String
  public var hints: [String]
  /// The agent that its sessions use unless the request names one.
  public var agent: AgentName?
  public var added: Date
  /// The image that new sessions start from, when there is one.
  public var image: ImageSummary?
  /// The newest build, whatever became of it.
  public var lastBuild: BuildSummary?

  public init(
    name: RepositoryName, url: String, defaultBranch: String, description: String = "", hints: [String] = [],
    agent: AgentName? = nil, added: Date, image: ImageSummary? = nil, lastBuild: BuildSummary? = nil
  ) {
    self.name = name
    self.url = url
    self.defaultBranch = defaultBranch
    self.description = description
    self.hints = hints
    self.agent = agent
    self.added = added
    self.image = image
    self.lastBuild = lastBuild
  }
}

/// An immutable filesystem of a repository at a commit with its setup done.
public struct ImageSummary: Sendable, Codable, Equatable {
  public var id: ImageID
  public var commit: String
  /// Digest of the environment that the image was built with.
  public var environmentDigest: String
  public var created: Date

  public init(id: ImageID, commit: String, environmentDigest: String, created: Date) {
    self.id = id
    self.commit = commit
    self.environmentDigest = environmentDigest
    self.created = created
  }
}

/// One build of a repository's image.
public struct BuildSummary: Sendable, Codable, Equatable {
  public enum State: String, Sendable, Codable { case running, succeeded, failed }
  public var image: ImageID
  public var state: State
  public var started: Date
  public var finished: Date?
  public var error: RookeryError?

  public init(image: ImageID, state: State, started: Date, finished: Date? = nil, error: RookeryError? = nil) {
    self.image = image
    self.state = state
    self.started = started
    self.finished = finished
    self.error = error
  }
}

/// A line of a build's log.
public struct BuildLine: Sendable, Codable, Equatable {
  /// Dense from 1 within a build.
  public var number: Int
  /// The step that printed it: `prepare`, `clone`, `setup 1/3`, `finalise`.
  public var step: String
  public var text: String

  public init(number: Int, step: String, text: String) {
    self.number = number
    self.step = step
    self.text = text
  }
}
