import AsyncHTTPClient
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import RookeryModel

/// Sends requests to vetted destinations: resolves the name, refuses addresses that are not public, dials exactly what it vetted,
/// verifies certificates and follows no redirect.
struct Upstream: Sendable {
  let clients: UpstreamClients
  let timeouts: UpstreamTimeouts
  let resolver: Resolver

  enum Body: Sendable {
    case none
    case bytes(ByteBuffer)
    case stream(BodyRelay, length: Int64?)
  }

  struct Request: Sendable {
    var method: HTTPMethod
    /// Below the destination's URL; starts with a slash.
    var suffix: String
    var headers: HTTPHeaders
    var body: Body
  }

  /// Sends `request` and hands its answer to `receive`, whose body is read there at the reader's pace.
  ///
  /// - Throws: `forbidden` for a refused address, `unavailable` when the destination cannot be reached; what `receive` throws.
  func send<Value: Sendable>(
    _ request: Request, to destination: RemoteURL, privateHosts: [String],
    receive: @Sendable (HTTPClientResponse) async throws -> Value
  ) async throws -> Value {
    let addresses = try await addresses(of: destination, privateHosts: privateHosts)
    var failure = RookeryError(.unavailable, "“\(destination.host)” cannot be reached.")
    for address in addresses {
      let key = UpstreamClients.Key(host: destination.host, address: address, timeouts: timeouts)
      do {
        return try await exchange(request, to: destination, with: key, receive: receive)
      } catch let error as ConnectFailure {
        failure = error.cause
        if request.body.isTouched { break }
      }
    }
    throw failure
  }

  /// The addresses at which `destination` may be dialled.
  /// - Throws: `forbidden` for a refused address, `unavailable` when there is none.
  func addresses(of destination: RemoteURL, privateHosts: [String]) async throws -> [IPAddress] {
    try Self.vetted(await resolver.addresses(of: destination.host), for: destination, privateHosts: privateHosts)
  }

  /// At most so many addresses are tried.
  private static let attempts = 3

  /// Those of `addresses` that are tried. Throws `forbidden` when none may be.
  static func vetted(_ addresses: [IPAddress], for destination: RemoteURL, privateHosts: [String]) throws -> [IPAddress] {
    do {
      let allowed = try AddressVetting(privateHosts: privateHosts).allowed(addresses, host: destination.host, port: destination.port)
      return Array(allowed.prefix(attempts))
    } catch {
      throw RookeryError(
        .forbidden, "“\(destination.authority)” has an address that is not public (\(error.kind)).",
        mend: "If that is meant, the operator lists it under network.private_hosts.")
    }
  }

  /// The address answers nothing: another one may be tried.
  private struct ConnectFailure: Error { var cause: RookeryError }

  private func exchange<Value: Sendable>(
    _ request: Request, to destination: RemoteURL, with key: UpstreamClients.Key,
    receive: @Sendable (HTTPClientResponse) async throws -> Value
  ) async throws -> Value {
    let client = await clients.borrow(key)
    do {
      let response = try await head(of: request, to: destination, with: client)
      let value = try await receive(response)
      await clients.giveBack(key)
      return value
    } catch {
      await clients.giveBack(key)
      throw error
    }
  }

  private func head(of request: Request, to destination: RemoteURL, with client: HTTPClient) async throws -> HTTPClientResponse {
    var outgoing = HTTPClientRequest(url: destination.url(request.suffix))
    outgoing.method = request.method
    outgoing.headers = request.headers
    switch request.body {
    case .none: break
    case .bytes(let bytes): outgoing.body = .bytes(bytes)
    case .stream(let relay, let length):
      outgoing.body = .stream(PacedBody(relay: relay), length: length.map { .known($0) } ?? .unknown)
    }
    // A kept connection that the other side closes just now fails the request on it. One without a body is harmless to repeat.
    var repetitions = request.method == .GET ? 1 : 0
    while true {
      do {
        return try await client.execute(outgoing, timeout: TimeAmount(timeouts.head))
      } catch {
        try Task.checkCancellation()
        if let cause = UpstreamFailure.connecting(error, to: destination) { throw ConnectFailure(cause: cause) }
        guard repetitions > 0, !(error is HTTPClientError) || error as? HTTPClientError == .remoteConnectionClosed else {
          throw UpstreamFailure.waiting(error, for: destination)
        }
        repetitions -= 1
      }
    }
  }
}

extension Upstream.Body {
  /// Whether a part of it was sent, so that it cannot be sent again.
  var isTouched: Bool { if case .stream(let relay, _) = self { relay.isTouched } else { false } }
}

/// The texts for what goes wrong on the way to an upstream.
enum UpstreamFailure {
  /// The failure to connect that `error` is; nil when it is another one, after which the request may have had an effect.
  static func connecting(_ error: any Error, to destination: RemoteURL) -> RookeryError? {
    let cause: String
    switch error {
    case let error as HTTPClientError:
      guard error == .connectTimeout else { return nil }
      cause = "it does not answer in time"
    case let error as IOError where [ECONNREFUSED, ENETUNREACH, EHOSTUNREACH, ETIMEDOUT].contains(error.errnoCode):
      cause = String(cString: strerror(error.errnoCode)).lowercased()
    case let error as ChannelError:
      guard case .connectTimeout = error else { return nil }
      cause = "it does not answer in time"
    default: return nil
    }
    return RookeryError(
      .unavailable, "“\(destination.host)” cannot be reached: \(cause).", mend: "Try again, and check that the server is up.",
      context: "\(error)")
  }

  static func waiting(_ error: any Error, for destination: RemoteURL) -> RookeryError {
    let timeouts: [HTTPClientError] = [.deadlineExceeded, .readTimeout, .writeTimeout, .getConnectionFromPoolTimeout]
    let cause: String
    if let error = error as? HTTPClientError, timeouts.contains(error) {
      cause = "did not answer in time"
    } else if String(reflecting: type(of: error)).hasPrefix("NIOSSL.") {
      cause = "has no certificate that this host trusts"
    } else {
      cause = "broke the connection"
    }
    return RookeryError(.unavailable, "“\(destination.host)” \(cause).", mend: "Try again.", context: "\(error)")
  }
}

/// A streamed body that waits for the event loops now and then. Which one writes it is the client's choice, so it waits for all.
private struct PacedBody: AsyncSequence, Sendable {
  let relay: BodyRelay

  struct AsyncIterator: AsyncIteratorProtocol {
    let relay: BodyRelay
    let pace = WritePace(loops: Array(MultiThreadedEventLoopGroup.singleton.makeIterator()))
    var previous = 0

    mutating func next() async throws -> ByteBuffer? {
      try await pace.wrote(previous)
      let part = try await relay.next()
      previous = part?.readableBytes ?? 0
      return part
    }
  }

  func makeAsyncIterator() -> AsyncIterator { AsyncIterator(relay: relay) }
}
