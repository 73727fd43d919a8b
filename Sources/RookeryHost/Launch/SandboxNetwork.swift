import CSandbox
import Glibc
import RookeryControl
import RookeryModel
import Synchronization

/// A network namespace with nothing but its loopback, and the sockets in it that the gateway reads. Connections to other hosts are
/// redirected to those sockets, and everything else is rejected at once.
struct SandboxNetwork: Sendable {
  /// Sockets in a sandbox's namespace, by what they are for.
  struct Sockets: Sendable {
    var held: [(kind: SandboxSocket, descriptor: OwnedDescriptor)]
    var kinds: [SandboxSocket] { held.map(\.kind) }
    var numbers: [Int32] { held.map(\.descriptor.number) }
  }

  /// How the namespaces of a host are made.
  struct Plan: Sendable, Equatable {
    /// The program of nftables; nil: there is none, and only the brokers are reached.
    var nft: String?
    /// TCP ports beside 80 and 443 that lead to the gateway.
    var ports: [UInt16] = []
  }

  var namespace: OwnedDescriptor
  var listeners: Sockets

  static func make(_ plan: Plan) throws -> SandboxNetwork {
    var namespace: Int32 = -1
    let sockets = try withPlan(plan) { pointer, sockets, stage in cs_make_network(pointer, &namespace, sockets, stage) }
    return SandboxNetwork(namespace: OwnedDescriptor(adopting: namespace), listeners: sockets)
  }

  /// New sockets in the namespace of a running process, after both holders of the first ones died.
  static func listeners(inNamespaceOf pid: pid_t) throws -> Sockets {
    let namespace = try OwnedDescriptor(opening: "/proc/\(pid)/ns/net", O_RDONLY)
    return try withPlan(Plan(nft: nil)) { pointer, sockets, stage in cs_listen_in_network(namespace.number, pointer, sockets, stage) }
  }

  private static func withPlan(
    _ plan: Plan,
    _ body: (UnsafePointer<cs_network_plan>, UnsafeMutablePointer<Int32>, UnsafeMutablePointer<UnsafePointer<CChar>?>) -> Int32
  ) throws -> Sockets {
    let kinds = SandboxSocket.allCases
    let planned = kinds.map { cs_socket_plan(kind: $0.plannedKind, port: UInt16($0.port ?? Int(NetworkRules.logGroup))) }
    var numbers = [Int32](repeating: -1, count: kinds.count)
    var stage: UnsafePointer<CChar>?
    let error = planned.withUnsafeBufferPointer { planned in
      (plan.nft ?? "").withCString { nft in
        NetworkRules.text(ports: plan.ports).withCString { rules in
          var network = cs_network_plan()
          network.sockets = planned.baseAddress
          network.count = planned.count
          network.nft = plan.nft == nil ? nil : nft
          network.rules = rules
          return body(&network, &numbers, &stage)
        }
      }
    }
    guard error == 0 else { throw RookeryError.system(stage.map { String(cString: $0) } ?? "network", error) }
    return Sockets(held: zip(kinds, numbers).filter { $0.1 >= 0 }.map { ($0.0, OwnedDescriptor(adopting: $0.1)) })
  }
}

extension SandboxSocket {
  fileprivate var plannedKind: cs_socket_kind {
    switch self {
    case .git, .model: CS_SOCKET_LOOPBACK
    case .web, .names: CS_SOCKET_ANY
    case .datagrams: CS_SOCKET_DATAGRAM
    case .rejections: CS_SOCKET_LOG
    }
  }
}

/// Networks made ahead of time, since the kernel takes milliseconds for one, and nftables some more.
final class SandboxNetworkPool: Sendable {
  private struct State {
    var plan: SandboxNetwork.Plan
    var spare: [SandboxNetwork] = []
  }

  private let state: Mutex<State>
  private let size: Int

  init(size: Int = 4, plan: SandboxNetwork.Plan) {
    self.size = size
    state = Mutex(State(plan: plan))
  }

  /// A fresh network that no sandbox had before. Whoever took it calls `refill` when its sandbox runs.
  func take() throws -> SandboxNetwork {
    let (ready, plan) = state.withLock { ($0.spare.popLast(), $0.plan) }
    return try ready ?? SandboxNetwork.make(plan)
  }

  /// Makes what is missing, in the background: not while a sandbox starts, which would wait for the processor.
  func refill() { BlockingThread.start(name: "network-pool") { self.fill() } }

  /// Networks that are taken from now on lead these ports to the gateway.
  func use(ports: [UInt16]) {
    let isNew = state.withLock { state in
      guard state.plan.ports != ports else { return false }
      state.plan.ports = ports
      state.spare = []
      return true
    }
    if isNew { refill() }
  }

  func fill() {
    while case let (count, plan) = state.withLock({ ($0.spare.count, $0.plan) }), count < size,
      let network = try? SandboxNetwork.make(plan)
    {
      state.withLock { if $0.spare.count < size && $0.plan == plan { $0.spare.append(network) } }
    }
  }
}
