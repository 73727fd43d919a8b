import Foundation
import RookeryControl
import RookeryModel
import Synchronization

/// The certificates that programs in sandboxes trust: those of the sandbox's base, and this installation's authority, which nothing
/// outside a sandbox trusts. Kept below `D/host/trust`.
final class TrustFiles: Sendable {
  private static let bundlePath = "etc/ssl/certs/ca-certificates.crt"
  private static let setupName = "network.json"
  /// Bytes of an authority's certificate.
  private static let authorityLimit = 16 << 10

  private struct State {
    var setup: NetworkSetup
    /// By the path of their base.
    var bundles: [String: String] = [:]
  }

  private let directory: Directory
  private let path: String
  private let state: Mutex<State>

  /// - Parameters:
  ///   - directory: kept open.
  ///   - path: of the same directory, for binds.
  init(directory: Directory, path: String) throws {
    self.directory = directory
    self.path = path
    let kept = try directory.read(Self.setupName).flatMap { try? JSON.decode(NetworkSetup.self, from: $0) }
    state = Mutex(State(setup: kept ?? NetworkSetup(authority: "", ports: [])))
    try directory.write(
      "apt.conf", Data("Acquire::https::CaInfo \"\(SandboxTrust.bundle)\";\n".utf8), mode: 0o644, durable: false)
  }

  var setup: NetworkSetup { state.withLock { $0.setup } }
  var aptConfiguration: String { path + "/apt.conf" }

  /// Remembers `setup`. Throws `badRequest` when its authority is not a certificate in PEM.
  func configure(_ setup: NetworkSetup) throws {
    let lines = setup.authority.split(separator: "\n")
    let isBase64 = lines.dropFirst().dropLast().allSatisfy { line in
      line.utf8.allSatisfy {
        (0x41...0x5a).contains($0) || (0x61...0x7a).contains($0) || (0x2f...0x39).contains($0) || $0 == 0x2b || $0 == 0x3d
      }
    }
    guard setup.authority.utf8.count <= Self.authorityLimit, lines.first == "-----BEGIN CERTIFICATE-----",
      lines.last == "-----END CERTIFICATE-----", isBase64, setup.ports.count <= 64, !setup.ports.contains(0), !setup.ports.contains(53)
    else { throw RookeryError(.badRequest, "The network's setup is not understood.") }
    try directory.write(Self.setupName, JSON.encode(setup), durable: true)
    state.withLock { $0 = State(setup: setup) }
  }

  /// The path of the bundle for sandboxes on `base`. Blocks.
  func bundle(base: String) throws -> String {
    let (known, setup) = state.withLock { ($0.bundles[base], $0.setup) }
    if let known { return known }
    let ours = try Directory(path: base).read(Self.bundlePath, limit: 8 << 20) ?? Data()
    let name = String((base as NSString).lastPathComponent.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }) + ".crt"
    try directory.write(name, ours + Data("\n\(setup.authority)\n".utf8), mode: 0o644, durable: false)
    let bundle = "\(path)/\(name)"
    state.withLock { if $0.setup == setup { $0.bundles[base] = bundle } }
    return bundle
  }
}
