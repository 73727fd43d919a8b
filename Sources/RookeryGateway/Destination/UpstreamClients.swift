import AsyncHTTPClient
import NIOCore
import NIOPosix
import NIOSSL
import RookeryModel

/// HTTP clients by what they are pinned to.
///
/// A client's `dnsOverride` makes it dial the vetted address while `Host` and the certificate stay those of the name. Clients are
/// kept for a while so that their connections are used again.
actor UpstreamClients {
  struct Key: Hashable {
    var host: String
    var address: IPAddress
    var timeouts: UpstreamTimeouts
  }

  private struct Entry {
    var client: HTTPClient
    var users = 0
    var lastUse = ContinuousClock.now
  }

  private static let kept = 32
  private static let keptFor = Duration.seconds(60)
  private var entries: [Key: Entry] = [:]
  private let extraAuthorities: [NIOSSLCertificate]

  /// - Parameter extraAuthorities: A PEM file of certificates that are trusted beside the system's; nil: none.
  init(extraAuthorities: String? = nil) throws {
    self.extraAuthorities = try extraAuthorities.map { try NIOSSLCertificate.fromPEMFile($0) } ?? []
  }

  /// A client pinned to `key`; the caller gives it back.
  func borrow(_ key: Key) async -> HTTPClient {
    var entry = entries[key] ?? Entry(client: makeClient(key))
    entry.users += 1
    entry.lastUse = .now
    entries[key] = entry
    await dropIdle()
    return entry.client
  }

  func giveBack(_ key: Key) {
    entries[key]?.users -= 1
    entries[key]?.lastUse = .now
  }

  /// Closes every connection. Called once nobody borrows any more.
  func shutdown() async {
    let clients = entries.values.map(\.client)
    entries = [:]
    for client in clients { try? await client.shutdown() }
  }

  private func dropIdle() async {
    let idle = entries.filter { $0.value.users == 0 }.sorted { $0.value.lastUse < $1.value.lastUse }
    var surplus = entries.count - Self.kept
    var dropped: [HTTPClient] = []
    for (key, entry) in idle where surplus > 0 || entry.lastUse + Self.keptFor < .now {
      entries[key] = nil
      surplus -= 1
      dropped.append(entry.client)
    }
    for client in dropped { try? await client.shutdown() }
  }

  private func makeClient(_ key: Key) -> HTTPClient {
    var configuration = HTTPClient.Configuration(
      redirectConfiguration: .disallow,
      timeout: .init(
        connect: TimeAmount(key.timeouts.connect), read: TimeAmount(key.timeouts.silence), write: TimeAmount(key.timeouts.silence)))
    configuration.dnsOverride = [key.host: key.address.description]
    configuration.httpVersion = .http1Only
    if !extraAuthorities.isEmpty {
      var tls = TLSConfiguration.makeClientConfiguration()
      tls.additionalTrustRoots = [.certificates(extraAuthorities)]
      configuration.tlsConfiguration = tls
    }
    configuration.decompression = .disabled
    configuration.connectionPool.retryConnectionEstablishment = false
    configuration.connectionPool.idleTimeout = .seconds(30)
    return HTTPClient(
      eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton), configuration: configuration)
  }
}

/// How long an upstream may take.
package struct UpstreamTimeouts: Sendable, Hashable {
  package var connect: Duration
  /// Without a byte in either direction.
  package var silence: Duration
  /// Until the head of its answer, the request's body included.
  package var head: Duration

  package init(connect: Duration = .seconds(10), silence: Duration, head: Duration) {
    self.connect = connect
    self.silence = silence
    self.head = head
  }
}
