import Foundation

/// What the forge says became of a session's pull request.
public struct PullRequestMerged: Sendable, Codable, Equatable {
  public var number: Int
  public var url: String
  /// When the forge merged it; the event itself may come later.
  public var at: Date?
  /// The forge's name of whoever merged it.
  public var by: String?
  /// The commit on the target branch.
  public var commit: String?
  public init(number: Int, url: String, at: Date? = nil, by: String? = nil, commit: String? = nil) {
    self.number = number
    self.url = url
    self.at = at
    self.by = by
    self.commit = commit
  }
}

/// A pull request that was closed and not merged.
public struct PullRequestClosed: Sendable, Codable, Equatable {
  public var number: Int
  public var url: String
  /// When the forge closed it; the event itself may come later.
  public var at: Date?
  /// The forge's name of whoever closed it.
  public var by: String?
  public init(number: Int, url: String, at: Date? = nil, by: String? = nil) {
    self.number = number
    self.url = url
    self.at = at
    self.by = by
  }
}
