import Foundation

extension API {
  /// `POST /v1/route`: which repository would a message begin work in?
  public struct Route: Sendable, Codable, Equatable {
    public var message: String
    /// A channel's name, without `#`.
    public var channel: String?
    public var topic: String?
    /// The thread's earlier messages, oldest first.
    public var thread: [String]?
    public init(message: String, channel: String? = nil, topic: String? = nil, thread: [String]? = nil) {
      self.message = message
      self.channel = channel
      self.topic = topic
      self.thread = thread
    }
  }

  /// What was decided about a message, and why.
  public struct RouteDecision: Sendable, Codable, Equatable {
    /// `named`: the message says it; `only`: there is no other; `rules`: by words; `model`: a model chose.
    public enum Method: String, Sendable, Codable, CaseIterable { case named, only, rules, model }
    /// Where work begins; absent: the person is asked.
    public var repository: RepositoryName?
    public var method: Method
    /// 0 to 1.
    public var confidence: Double
    /// The best first, for those who are asked.
    public var likely: [RepositoryName]
    /// For people.
    public var reasons: [String]
    /// Why a configured model had no say.
    public var modelProblem: String?
    public init(
      repository: RepositoryName?, method: Method, confidence: Double, likely: [RepositoryName], reasons: [String],
      modelProblem: String? = nil
    ) {
      self.repository = repository
      self.method = method
      self.confidence = confidence
      self.likely = likely
      self.reasons = reasons
      self.modelProblem = modelProblem
    }
  }
}
