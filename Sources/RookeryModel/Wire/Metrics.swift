import Foundation

/// Figures about the use of Rookery, all derived from sessions' events. docs/metrics.md says what each one counts.
///
/// A figure that rests on nothing is absent, never zero; every ratio says of how many.
public enum Metrics {
  /// From `from` up to, and not including, `to`.
  public struct Period: Sendable, Codable, Equatable {
    public var from: Date
    public var to: Date
    /// The time zone by whose days it is divided.
    public var zone: String
    public init(from: Date, to: Date, zone: String) {
      self.from = from
      self.to = to
      self.zone = zone
    }
  }

  public struct Ratio: Sendable, Codable, Equatable {
    public var numerator: Int
    public var denominator: Int
    /// Absent when the denominator is 0.
    public var value: Double?
    public init(_ numerator: Int, of denominator: Int) {
      self.numerator = numerator
      self.denominator = denominator
      value = denominator == 0 ? nil : Double(numerator) / Double(denominator)
    }
  }

  /// Durations in milliseconds. Percentiles are samples themselves: the smallest that so many percent don't exceed.
  public struct Latency: Sendable, Codable, Equatable {
    public var samples: Int
    /// Those that could have had a sample.
    public var of: Int
    public var mean: Int?
    public var p50: Int?
    public var p90: Int?
    public var p99: Int?

    public init(_ milliseconds: [Int], of: Int) {
      let sorted = milliseconds.sorted()
      func percentile(_ percent: Int) -> Int? {
        sorted.isEmpty ? nil : sorted[max(1, (percent * sorted.count + 99) / 100) - 1]
      }
      samples = sorted.count
      self.of = of
      mean = sorted.isEmpty ? nil : Int((sorted.reduce(0.0) { $0 + Double($1) } / Double(sorted.count)).rounded())
      p50 = percentile(50)
      p90 = percentile(90)
      p99 = percentile(99)
    }
  }

  /// What the model API was asked for.
  public struct Spend: Sendable, Codable, Equatable {
    public var inputTokens: Int
    public var outputTokens: Int
    public var requests: Int
    /// Requests of them to models without a price: their cost is not in `costMicroUSD`.
    public var unpricedRequests: Int
    /// Millionths of a US dollar; absent where no request had a price.
    public var costMicroUSD: Int?
    public init(inputTokens: Int, outputTokens: Int, requests: Int, unpricedRequests: Int, costMicroUSD: Int?) {
      self.inputTokens = inputTokens
      self.outputTokens = outputTokens
      self.requests = requests
      self.unpricedRequests = unpricedRequests
      self.costMicroUSD = costMicroUSD
    }
  }

  /// Turns that ended.
  public struct Turns: Sendable, Codable, Equatable {
    public var completed: Int
    public var failed: Int
    public var interrupted: Int
    public init(completed: Int, failed: Int, interrupted: Int) {
      self.completed = completed
      self.failed = failed
      self.interrupted = interrupted
    }
  }

  /// What happened in a period in which something did.
  public struct Figures: Sendable, Codable, Equatable {
    /// Sessions that began.
    public var sessions: Int
    /// Prompts that were asked, without those that were cancelled before they ran.
    public var prompts: Int
    public var cancelledPrompts: Int
    /// People who prompted.
    public var users: Int
    public var pullRequestsCreated: Int
    /// Merged in the period, whenever they were created.
    public var pullRequestsMerged: Int
    /// Of the pull requests created in the period, those that are merged by now.
    public var mergeRate: Ratio
    /// Of the sessions that began in the period, those with prompts by two people or more.
    public var multiplayer: Ratio
    /// Of the sessions that began in the period, those of which a turn was completed.
    public var completed: Ratio
    /// Prompts of the sessions that began in the period, by those sessions.
    public var promptsPerSession: Ratio
    /// From the first prompt to the agent's first sign, of the sessions that began in the period.
    public var timeToFirstToken: Latency
    public var turns: Turns
    public var spend: Spend

    public init(
      sessions: Int, prompts: Int, cancelledPrompts: Int, users: Int, pullRequestsCreated: Int, pullRequestsMerged: Int,
      mergeRate: Ratio, multiplayer: Ratio, completed: Ratio, promptsPerSession: Ratio, timeToFirstToken: Latency, turns: Turns,
      spend: Spend
    ) {
      self.sessions = sessions
      self.prompts = prompts
      self.cancelledPrompts = cancelledPrompts
      self.users = users
      self.pullRequestsCreated = pullRequestsCreated
      self.pullRequestsMerged = pullRequestsMerged
      self.mergeRate = mergeRate
      self.multiplayer = multiplayer
      self.completed = completed
      self.promptsPerSession = promptsPerSession
      self.timeToFirstToken = timeToFirstToken
      self.turns = turns
      self.spend = spend
    }
  }

  /// `GET /v1/metrics/summary`
  public struct Summary: Sendable, Codable, Equatable {
    public var period: Period
    public var repository: RepositoryName?
    /// Absent: nothing happened in the period, so there is no data.
    public var figures: Figures?
    public init(period: Period, repository: RepositoryName? = nil, figures: Figures?) {
      self.period = period
      self.repository = repository
      self.figures = figures
    }
  }

  public enum Step: String, Sendable, Codable, CaseIterable { case hour, day, week, month }

  /// `GET /v1/metrics/series`: a period in steps.
  public struct Series: Sendable, Codable, Equatable {
    public var period: Period
    public var step: Step
    public var repository: RepositoryName?
    /// Without gaps; the first and the last may be cut by the period.
    public var buckets: [Summary]
    public init(period: Period, step: Step, repository: RepositoryName? = nil, buckets: [Summary]) {
      self.period = period
      self.step = step
      self.repository = repository
      self.buckets = buckets
    }
  }
}
