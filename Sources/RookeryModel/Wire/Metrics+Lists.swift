import Foundation

extension Metrics {
  /// A repository's pull requests that were merged, and how many of them were made here.
  public struct MergedShare: Sendable, Codable, Equatable {
    /// Pull requests made here, of all that were merged.
    public var ratio: Ratio
    /// The part of the period for which every merge of the repository is known.
    public var from: Date
    public var to: Date
    public init(ratio: Ratio, from: Date, to: Date) {
      self.ratio = ratio
      self.from = from
      self.to = to
    }
  }

  public struct RepositoryFigures: Sendable, Codable, Equatable {
    public var repository: RepositoryName
    /// Absent: nothing happened in the period.
    public var figures: Figures?
    /// Absent: not every merge of the repository is known for any part of the period.
    public var mergedShare: MergedShare?
    public init(repository: RepositoryName, figures: Figures?, mergedShare: MergedShare?) {
      self.repository = repository
      self.figures = figures
      self.mergedShare = mergedShare
    }
  }

  /// `GET /v1/metrics/repositories`
  public struct Repositories: Sendable, Codable, Equatable {
    public var period: Period
    public var repositories: [RepositoryFigures]
    public init(period: Period, repositories: [RepositoryFigures]) {
      self.period = period
      self.repositories = repositories
    }
  }

  public struct UserFigures: Sendable, Codable, Equatable {
    public var user: UserID
    /// As the person was called in their newest session.
    public var name: String
    /// Sessions in which they prompted in the period.
    public var sessions: Int
    public var prompts: Int
    /// What their prompts' turns used in the period.
    public var spend: Spend
    public init(user: UserID, name: String, sessions: Int, prompts: Int, spend: Spend) {
      self.user = user
      self.name = name
      self.sessions = sessions
      self.prompts = prompts
      self.spend = spend
    }
  }

  /// `GET /v1/metrics/users`
  public struct Users: Sendable, Codable, Equatable {
    public var period: Period
    public var users: [UserFigures]
    public init(period: Period, users: [UserFigures]) {
      self.period = period
      self.users = users
    }
  }

  public struct PullRequestTimes: Sendable, Codable, Equatable {
    public var number: Int
    public var url: String
    public var created: Date?
    public var merged: Date?
    /// Closed without a merge.
    public var closed: Date?
    public init(number: Int, url: String, created: Date?, merged: Date?, closed: Date?) {
      self.number = number
      self.url = url
      self.created = created
      self.merged = merged
      self.closed = closed
    }
  }

  /// What is known of one session's life.
  public struct SessionFigures: Sendable, Codable, Equatable {
    public var session: SessionID
    public var repository: RepositoryName
    public var owner: UserID
    public var created: Date
    /// Its first turn began.
    public var started: Date?
    public var firstToken: Date?
    /// Its first turn that was completed, ended.
    public var completed: Date?
    /// Of its first pull request.
    public var pullRequestCreated: Date?
    /// The first merge of one of its pull requests.
    public var pullRequestMerged: Date?
    public var pullRequests: [PullRequestTimes]
    public var prompts: Int
    public var cancelledPrompts: Int
    /// The owner and everyone who prompted.
    public var participants: Int
    /// Milliseconds from the first prompt.
    public var timeToFirstToken: Int?
    public var turns: Turns
    /// Absent: the model API was not asked for anything.
    public var spend: Spend?
    public init(
      session: SessionID, repository: RepositoryName, owner: UserID, created: Date, started: Date?, firstToken: Date?,
      completed: Date?, pullRequests: [PullRequestTimes], prompts: Int, cancelledPrompts: Int, participants: Int,
      timeToFirstToken: Int?, turns: Turns, spend: Spend?
    ) {
      self.session = session
      self.repository = repository
      self.owner = owner
      self.created = created
      self.started = started
      self.firstToken = firstToken
      self.completed = completed
      pullRequestCreated = pullRequests.compactMap(\.created).min()
      pullRequestMerged = pullRequests.compactMap(\.merged).min()
      self.pullRequests = pullRequests
      self.prompts = prompts
      self.cancelledPrompts = cancelledPrompts
      self.participants = participants
      self.timeToFirstToken = timeToFirstToken
      self.turns = turns
      self.spend = spend
    }
  }

  /// `GET /v1/metrics/sessions`: those that began in the period, the newest first.
  public struct Sessions: Sendable, Codable, Equatable {
    public var period: Period
    /// All that there are; `sessions` may hold fewer.
    public var total: Int
    public var sessions: [SessionFigures]
    public init(period: Period, total: Int, sessions: [SessionFigures]) {
      self.period = period
      self.total = total
      self.sessions = sessions
    }
  }

  public struct Person: Sendable, Codable, Equatable {
    public var user: UserID
    public var name: String
    public init(user: UserID, name: String) {
      self.user = user
      self.name = name
    }
  }

  /// `GET /v1/metrics/live`: who prompts now.
  public struct Live: Sendable, Codable, Equatable {
    /// How far back “now” reaches.
    public var seconds: Int
    public var people: Int
    public var sessions: Int
    /// Who they are; absent unless an admin asks.
    public var names: [Person]?
    public init(seconds: Int, people: Int, sessions: Int, names: [Person]? = nil) {
      self.seconds = seconds
      self.people = people
      self.sessions = sessions
      self.names = names
    }
  }

  /// `POST /v1/metrics/rebuild`
  public struct Rebuilt: Sendable, Codable, Equatable {
    public var sessions: Int
    public var events: Int
    public var milliseconds: Int
    public init(sessions: Int, events: Int, milliseconds: Int) {
      self.sessions = sessions
      self.events = events
      self.milliseconds = milliseconds
    }
  }
}
