import CSandbox
import Glibc
import RookeryControl
import RookeryModel
import Synchronization

/// A network namespace with nothing but its loopback, and the brokers' listeners in it.
struct SandboxNetwork: Sendable {
  var namespace: OwnedDescriptor
  var listeners: [OwnedDescriptor]

  private static var ports: [UInt16] { Broker.allCases.map { UInt16($0.port) } }

  static func make() throws -> SandboxNetwork {
    var namespace: Int32 = -1
    var listeners = [Int32](repeating: -1, count: ports.count)
    var stage: UnsafePointer<CChar>?
    let error = cs_make_network(ports, ports.count, &namespace, &listeners, &stage)
    guard error == 0 else { throw RookeryError.system(stage.map { String(cString: $0) } ?? "network", error) }
    return SandboxNetwork(
      namespace: OwnedDescriptor(adopting: namespace), listeners: listeners.map(OwnedDescriptor.init(adopting:)))
  }

  /// New listeners in the namespace of a running process, after both holders of the first ones died.
  static func listeners(inNamespaceOf pid: pid_t) throws -> [OwnedDescriptor] {
    let namespace = try OwnedDescriptor(opening: "/proc/\(pid)/ns/net", O_RDONLY)
    var listeners = [Int32](repeating: -1, count: ports.count)
    var stage: UnsafePointer<CChar>?
    let error = cs_listen_in_network(namespace.number, ports, ports.count, &listeners, &stage)
    guard error == 0 else { throw RookeryError.system(stage.map { String(cString: $0) } ?? "listeners", error) }
    return listeners.map(OwnedDescriptor.init(adopting:))
  }
}

/// Networks made ahead of time, since the kernel takes milliseconds for one.
final class SandboxNetworkPool: Sendable {
  private let spare = Mutex<[SandboxNetwork]>([])
  private let size: Int

  init(size: Int = 2) { self.size = size }

  /// A fresh network that no sandbox had before.
  func take() throws -> SandboxNetwork {
    let ready = spare.withLock { $0.popLast() }
    BlockingThread.start(name: "network-pool") { self.fill() }
    return try ready ?? SandboxNetwork.make()
  }

  func fill() {
    while spare.withLock({ $0.count < size }), let network = try? SandboxNetwork.make() {
      spare.withLock { if $0.count < size { $0.append(network) } }
    }
  }
}
