import Foundation

/// Requests to `rookery gateway`. Those about sockets are for `host` (root), the rest for `serve`; peer credentials decide.
public enum GatewayRequest: Sendable, Codable, Equatable {
  case hello(version: Int)
  /// Hands over sockets that live in the sandbox's network namespace: one descriptor for each of `sockets`, in this order.
  case adopt(SandboxID, sockets: [SandboxSocket])
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
  /// What was refused, and budgets that ran out, since `after`; reports up to `after` are forgotten.
  case reports(after: Int64, wait: Int)
  /// Waits up to `wait` seconds for sockets of sandboxes whose programs are to be named. For `host`.
  case nextSockets(wait: Int)
  /// The program that has the socket of such a question; nil: it is not known.
  case socketOwner(question: Int64, program: String?)
}

public enum GatewayResponse: Sendable, Codable, Equatable {
  case hello(version: Int)
  case done
  case adopted([SandboxID])
  case questions([CredentialQuestion])
  case usage([UsageEntry])
  case reports([GatewayReport])
  case sockets([SocketQuestion])
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

/// A socket that `host` makes in a sandbox's network namespace and the gateway reads.
public enum SandboxSocket: String, Sendable, Codable, CaseIterable {
  /// The brokers' listeners.
  case git, model
  /// Where connections to other hosts end: TLS and plain HTTP.
  case web
  /// DNS over TCP, and over UDP.
  case names, datagrams
  /// A netlink socket (NFLOG) that tells of packets that were rejected; absent where the kernel has none.
  case rejections

  /// Its port on the sandbox's loopback, high so that a repository's own servers may use the ordinary ones; nil: it has none.
  public var port: Int? {
    switch self {
    case .git: Broker.git.port
    case .model: Broker.model.port
    case .web: 61420
    case .names, .datagrams: 61421
    case .rejections: nil
    }
  }

  public init(_ broker: Broker) {
    self =
      switch broker {
      case .git: .git
      case .model: .model
      }
  }

  public var broker: Broker? {
    switch self {
    case .git: .git
    case .model: .model
    case .web, .names, .datagrams, .rejections: nil
    }
  }
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
    /// Other models of the same API that may be asked for.
    public var otherNames: [String] = []
    /// Tokens, input and output together, until calls are refused; nil: no bound.
    public var tokenAllowance: Int?
    /// Millionths of a US dollar until calls are refused; nil: no bound.
    public var costAllowance: Int?
    /// What counts against both allowances already: what the session spent before this grant.
    public var spentTokens = 0
    public var spentCost = 0
    /// By model name.
    public var prices: [String: Price] = [:]
    /// What a request may make the provider do beyond answering from what it was sent.
    public var reach: Set<Reach> = []
    public init(url: String, wire: Wire, key: Secret, name: String, tokenAllowance: Int?) {
      self.url = url
      self.wire = wire
      self.key = key
      self.name = name
      self.tokenAllowance = tokenAllowance
    }

    /// Ways in which a model's provider reaches out on behalf of a request.
    public enum Reach: String, Sendable, Codable, CaseIterable {
      /// Its own web search and fetch.
      case web
      /// Tools that it calls itself: remote MCP servers, code interpreters, connectors.
      case tools
      /// Images and files that it fetches from an address.
      case urls
      /// Files that were uploaded to it before.
      case files
    }

    /// Millionths of a US dollar for a million tokens.
    public struct Price: Sendable, Codable, Equatable {
      public var input: Int
      public var output: Int
      public init(input: Int, output: Int) {
        self.input = input
        self.output = output
      }

      /// Millionths of a US dollar, rounded up.
      public func cost(input inputTokens: Int, output outputTokens: Int) -> Int {
        let (first, overflowed) = inputTokens.multipliedReportingOverflow(by: input)
        let (second, alsoOverflowed) = outputTokens.multipliedReportingOverflow(by: output)
        let (sum, overflowedToo) = first.addingReportingOverflow(second)
        return overflowed || alsoOverflowed || overflowedToo ? .max / 2 : sum / 1_000_000 + (sum % 1_000_000 == 0 ? 0 : 1)
      }
    }
  }

  public var sandbox: SandboxID
  public var expires: Date
  public var git: [Git]
  public var model: Model?
  /// Hosts beyond the brokers; nothing else is reached.
  public var network: Network
  /// `host:port` pairs with a private address that the operator's configuration allows.
  public var privateHosts: [String]
  /// Whether the model's answers wait until another grant replaces this one: an agent can do nothing that a model told it to
  /// while its working copy is brought to the newest commit.
  public var holdsAnswers: Bool?

  public init(
    sandbox: SandboxID, expires: Date, git: [Git], model: Model?, network: Network = Network(), privateHosts: [String]
  ) {
    self.sandbox = sandbox
    self.expires = expires
    self.git = git
    self.model = model
    self.network = network
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
