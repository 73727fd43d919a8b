import Foundation

/// Requests to `rookery gateway`. `adopt` and `release` are for `host` (root), the rest for `serve`; peer credentials decide.
public enum GatewayRequest: Sendable, Codable, Equatable {
  case hello(version: Int)
  /// Hands over listening sockets that live in the sandbox's network namespace: one descriptor for each broker, in this order.
  case adopt(SandboxID, brokers: [Broker])
  case release(SandboxID)
  case adopted
  /// Replaces the sandbox's grant. In memory only; after `expires` everything is refused.
  case grant(Grant)
  case revoke(SandboxID)
  /// Waits up to `wait` seconds for questions that only `serve` can answer.
  case nextQuestions(wait: Int)
  case answer(question: Int64, CredentialAnswer)
  /// Usage counted since `after`; entries up to `after` are forgotten.
  case usage(after: Int64, wait: Int)
}

public enum GatewayResponse: Sendable, Codable, Equatable {
  case hello(version: Int)
  case done
  case adopted([SandboxID])
  case questions([CredentialQuestion])
  case usage([UsageEntry])
}

/// What answers inside a sandbox under `NAME.rookery.internal`.
public enum Broker: String, Sendable, Codable, CaseIterable {
  case git, model

  /// The port that its listener has on the sandbox's loopback: high, so that a repository's own server may use 80.
  public var port: Int {
    switch self {
    case .git: 61418
    case .model: 61419
    }
  }

  public var host: String { "\(rawValue).rookery.internal" }
  public var origin: String { "http://\(host):\(port)" }
}

/// What one sandbox may reach, for whom, until when.
public struct Grant: Sendable, Codable, Equatable {
  public struct Git: Sendable, Codable, Equatable {
    /// Served inside at `http://git.rookery.internal:PORT/NAME.git`.
    public var name: RepositoryName
    /// The real repository: http or https, without credentials.
    public var url: String
    /// The one ref that may be pushed (`refs/heads/…`); nil: read only.
    public var pushRef: String?
    public init(name: RepositoryName, url: String, pushRef: String?) {
      self.name = name
      self.url = url
      self.pushRef = pushRef
    }
  }

  public struct Model: Sendable, Codable, Equatable {
    public enum Wire: String, Sendable, Codable { case openai, anthropic }
    /// The API's origin and path prefix, without `/v1`.
    public var url: String
    public var wire: Wire
    /// Added on the way out; never seen inside.
    public var key: Secret
    public var name: String
    /// Tokens, input and output together, until calls are refused; nil: no bound.
    public var tokenAllowance: Int?
    public init(url: String, wire: Wire, key: Secret, name: String, tokenAllowance: Int?) {
      self.url = url
      self.wire = wire
      self.key = key
      self.name = name
      self.tokenAllowance = tokenAllowance
    }
  }

  public var sandbox: SandboxID
  public var expires: Date
  public var git: [Git]
  public var model: Model?
  /// `host:port` pairs with a private address that the operator's configuration allows.
  public var privateHosts: [String]

  public init(sandbox: SandboxID, expires: Date, git: [Git], model: Model?, privateHosts: [String]) {
    self.sandbox = sandbox
    self.expires = expires
    self.git = git
    self.model = model
    self.privateHosts = privateHosts
  }
}

/// A value that is never printed: its description is a placeholder.
public struct Secret: Sendable, Codable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  private let value: String
  public init(_ value: String) { self.value = value }
  public var description: String { "[secret]" }
  public var debugDescription: String { "[secret]" }
  public var customMirror: Mirror { Mirror(self, children: [:]) }
  /// The value itself, for the one place that puts it on a wire or into a store.
  public func reveal() -> String { value }

  public init(from decoder: any Decoder) throws { value = try decoder.singleValueContainer().decode(String.self) }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(value)
  }
}

/// The gateway asks for a credential at the time of use.
public struct CredentialQuestion: Sendable, Codable, Equatable {
  public var number: Int64
  public var sandbox: SandboxID
  public var repository: RepositoryName
  public var push: Bool
  public init(number: Int64, sandbox: SandboxID, repository: RepositoryName, push: Bool) {
    self.number = number
    self.sandbox = sandbox
    self.repository = repository
    self.push = push
  }
}

public enum CredentialAnswer: Sendable, Codable, Equatable {
  /// The remote needs none.
  case anonymous
  case basic(user: String, password: Secret)
  case refused(RookeryError)
}

public struct UsageEntry: Sendable, Codable, Equatable {
  public var seq: Int64
  public var sandbox: SandboxID
  public var usage: Usage
  public init(seq: Int64, sandbox: SandboxID, usage: Usage) {
    self.seq = seq
    self.sandbox = sandbox
    self.usage = usage
  }
}
