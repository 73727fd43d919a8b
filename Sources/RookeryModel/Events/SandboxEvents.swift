import Foundation

public struct SandboxReady: Sendable, Codable, Equatable {
  public enum Source: String, Sendable, Codable { case running, warm, image, snapshot }
  public var sandbox: SandboxID
  public var source: Source
  public var image: ImageID?
  public var commit: String?
  public init(sandbox: SandboxID, source: Source, image: ImageID?, commit: String?) {
    self.sandbox = sandbox
    self.source = source
    self.image = image
    self.commit = commit
  }
}

public struct SandboxLost: Sendable, Codable, Equatable {
  public var sandbox: SandboxID
  public var reason: String
  public init(sandbox: SandboxID, reason: String) {
    self.sandbox = sandbox
    self.reason = reason
  }
}

public struct LimitHit: Sendable, Codable, Equatable {
  public var limit: LimitName
  public var detail: String
  public init(limit: LimitName, detail: String) {
    self.limit = limit
    self.detail = detail
  }
}

public struct SnapshotTaken: Sendable, Codable, Equatable {
  public var snapshot: SnapshotID
  public var sandbox: SandboxID
  public init(snapshot: SnapshotID, sandbox: SandboxID) {
    self.snapshot = snapshot
    self.sandbox = sandbox
  }
}

/// Starts beyond what the host has room for wait in line, fair by user.
public struct SandboxAwaited: Sendable, Codable, Equatable {
  /// What there is too little of.
  public var lacking: LimitName
  /// Sandboxes that are started before this one.
  public var ahead: Int
  public init(lacking: LimitName, ahead: Int) {
    self.lacking = lacking
    self.ahead = ahead
  }
}

/// Every process of the sandbox stands still; a prompt wakes it in milliseconds.
public struct SandboxPaused: Sendable, Codable, Equatable {
  public var sandbox: SandboxID
  public init(sandbox: SandboxID) { self.sandbox = sandbox }
}

public struct SandboxResumed: Sendable, Codable, Equatable {
  public var sandbox: SandboxID
  public init(sandbox: SandboxID) { self.sandbox = sandbox }
}

public struct LimitWarning: Sendable, Codable, Equatable {
  public var limit: LimitName
  public var detail: String
  public init(limit: LimitName, detail: String) {
    self.limit = limit
    self.detail = detail
  }
}

public struct NetworkRefused: Sendable, Codable, Equatable {
  /// The name that was asked for, or the address where no name was given.
  public var host: String
  public var port: Int
  /// Why, and what to do about it, for a person.
  public var reason: String
  /// The program's name, where it is known.
  public var process: String?
  /// Refusals of the same kind that this event stands for: they are limited in rate.
  public var count: Int
  public init(host: String, port: Int, reason: String, process: String?, count: Int) {
    self.host = host
    self.port = port
    self.reason = reason
    self.process = process
    self.count = count
  }
}

public struct ServiceChanged: Sendable, Codable, Equatable {
  public enum State: String, Sendable, Codable { case ready, failed, ended }
  public var name: String
  public var state: State
  /// The last line it wrote, or how it ended.
  public var detail: String
  public init(name: String, state: State, detail: String) {
    self.name = name
    self.state = state
    self.detail = detail
  }
}
