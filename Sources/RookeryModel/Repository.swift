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
  /// Builds that failed one after another since the last good one.
  public var failures: Int?
  /// When the builder looks at the remote's tip again by itself.
  public var nextLook: Date?
  /// What its environment file asks for, and what the server's configuration says to that.
  public var requests: [EnvironmentRequest]?

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

/// Something that a repository's environment file asks for and only the server's configuration can give.
public struct EnvironmentRequest: Sendable, Codable, Equatable {
  public enum Kind: String, Sendable, Codable, CaseIterable { case host, secret, limit }
  public var kind: Kind
  /// `pypi.org`, `NPM_TOKEN for registry.npmjs.org`, `memory_mb 8192`.
  public var text: String
  public var isGranted: Bool
  /// What is given instead, or why nothing is; empty where it is granted.
  public var remark: String

  public init(kind: Kind, text: String, isGranted: Bool, remark: String = "") {
    self.kind = kind
    self.text = text
    self.isGranted = isGranted
    self.remark = remark
  }
}

/// One build of a repository's image.
public struct BuildSummary: Sendable, Codable, Equatable {
  /// `unchanged`: the tip and the environment were those of the image that serves, so nothing was built.
  public enum State: String, Sendable, Codable, CaseIterable { case running, succeeded, failed, unchanged }
  /// Why it was started: somebody asked, a session needed an image, the schedule's turn came, a push was announced.
  public enum Reason: String, Sendable, Codable, CaseIterable { case request, session, schedule, push }
  public var image: ImageID
  public var state: State
  public var started: Date
  public var finished: Date?
  public var error: RookeryError?
  public var reason: Reason?

  public init(
    image: ImageID, state: State, started: Date, finished: Date? = nil, error: RookeryError? = nil, reason: Reason? = nil
  ) {
    self.image = image
    self.state = state
    self.reason = reason
    self.started = started
    self.finished = finished
    self.error = error
  }
}

/// A line of a build's log.
public struct BuildLine: Sendable, Codable, Equatable {
  /// Dense from 1 within a build.
  public var number: Int
  /// The step that printed it: `prepare`, `clone`, `packages`, `setup 1/3`, `start`, `build 1/1`, `warm 1/1`, `scan`, `finalise`.
  public var step: String
  public var text: String

  public init(number: Int, step: String, text: String) {
    self.number = number
    self.step = step
    self.text = text
  }
}
