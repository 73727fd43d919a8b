import Foundation

extension Grant {
  /// Which hosts a sandbox may reach, and what it may do there.
  public struct Network: Sendable, Codable, Equatable {
    public var sites: [Site]
    /// For the hosts whose TLS ends in the gateway; nil: there are none.
    public var certificate: Certificate?
    public init(sites: [Site] = [], certificate: Certificate? = nil) {
      self.sites = sites
      self.certificate = certificate
    }
  }

  public struct Site: Sendable, Codable, Equatable {
    public enum Access: Sendable, Codable, Equatable {
      /// Connections are passed through as they are: TLS by the name in its hello, plain HTTP by its `Host`.
      case open
      /// TLS ends in the gateway; only GET and HEAD are passed on, without the sandbox's credentials: package registries.
      case read
      /// As `read`, and only below this path: what belongs to the session's repository in a forge's API.
      case forge(path: String)
      /// TLS ends in the gateway, which replaces the sandbox's credentials with this header.
      case credential(header: String, value: Secret)
      /// TLS ends in the gateway and only git's protocol is served, by the git broker: hosts of the session's repositories.
      case git
    }

    public var host: HostPattern
    public var access: Access
    public init(host: HostPattern, access: Access) {
      self.host = host
      self.access = access
    }

    /// Whether the gateway ends its TLS.
    public var isIntercepted: Bool { access != .open }
  }

  /// A certificate that only sandboxes trust, and its key, both as PEM.
  public struct Certificate: Sendable, Codable, Equatable {
    public var chain: String
    public var key: Secret
    public init(chain: String, key: Secret) {
      self.chain = chain
      self.key = key
    }
  }
}

/// Something about a sandbox that its session should know.
public struct GatewayReport: Sendable, Codable, Equatable {
  public enum Kind: Sendable, Codable, Equatable {
    case refused(NetworkRefused)
    /// The session's allowance for its model is used up.
    case budgetSpent(detail: String)
  }
  public var seq: Int64
  public var sandbox: SandboxID
  public var kind: Kind
  public init(seq: Int64, sandbox: SandboxID, kind: Kind) {
    self.seq = seq
    self.sandbox = sandbox
    self.kind = kind
  }
}

/// A socket of a program in a sandbox, as it is seen from the network.
public struct SandboxPeer: Sendable, Codable, Hashable {
  public enum Transport: String, Sendable, Codable { case tcp, udp }
  public var transport: Transport
  /// Its own port.
  public var port: Int
  public init(transport: Transport, port: Int) {
    self.transport = transport
    self.port = port
  }
}

/// The gateway asks which program has a socket: it can't see processes, `host` can.
public struct SocketQuestion: Sendable, Codable, Equatable {
  public var number: Int64
  public var sandbox: SandboxID
  public var peer: SandboxPeer
  public init(number: Int64, sandbox: SandboxID, peer: SandboxPeer) {
    self.number = number
    self.sandbox = sandbox
    self.peer = peer
  }
}
