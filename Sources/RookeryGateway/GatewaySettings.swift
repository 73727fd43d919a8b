/// What `rookery gateway` is started with.
package struct GatewaySettings: Sendable {
  /// Path of its control socket.
  package var controlSocket: String
  /// The user that `rookery host` runs as: may hand over and take back listeners.
  package var hostUser: UInt32
  /// The user that `rookery serve` runs as: may grant, answer and collect.
  package var serveUser: UInt32
  /// The user that the gateway itself must run as; nil: any.
  package var gatewayUser: UInt32?
  /// Mode of the control socket. Peers are told apart by their kernel credentials, so it may be open to all.
  package var controlMode: UInt16 = 0o666
  package var bounds = GatewayBounds()
  /// Addresses that hosts have in place of what the system's resolver says, by name.
  package var fixedAddresses: [String: [String]] = [:]
  /// Certificates (PEM file) that hosts may have beside those that this machine trusts; nil: none.
  package var extraAuthorities: String?

  package init(controlSocket: String, hostUser: UInt32 = 0, serveUser: UInt32, gatewayUser: UInt32? = nil) {
    self.controlSocket = controlSocket
    self.hostUser = hostUser
    self.serveUser = serveUser
    self.gatewayUser = gatewayUser
  }
}

/// Every bound of the gateway in one place; tests tighten them.
package struct GatewayBounds: Sendable {
  /// Connections of one sandbox at once, over all its brokers. More are answered 503.
  package var connections = 128
  /// Connections to other hosts that a sandbox may begin, a second in the long run, and five times as many at once.
  package var newConnections = 50.0
  /// Questions for names that a sandbox may ask, a second in the long run.
  package var questionsPerSecond = 500.0
  /// From a connection's start until it is clear what it wants: the whole hello, or the start of a request.
  package var opening = Duration.seconds(15)
  /// Bytes of what a sandbox sends to another host in one request.
  package var siteBody = 1 << 30
  /// The port that connections which were not redirected are taken to be meant for; nil: they are refused.
  package var undirectedPort: Int?
  /// From a connection's start, or the end of the answer before, to the end of a request's head.
  package var requestHead = Duration.seconds(75)
  /// Without a byte of a body that is being read.
  package var bodyStall = Duration.seconds(60)
  /// Without a byte of an answer being taken.
  package var writeStall = Duration.seconds(120)
  /// A whole request with its answer.
  package var exchange = Duration.seconds(2 * 3600)
  /// Until a peer has taken a connection's last answer and closed its side.
  package var linger = Duration.seconds(10)
  /// Bytes of a refused request's body that are read and dropped, so that the sender gets to see the refusal.
  package var droppedBody = 256 << 20
  /// Bytes of what a sandbox pushes, decompressed.
  package var pushBody = 4 << 30
  /// Bytes of what a sandbox sends to fetch.
  package var fetchBody = 64 << 20
  /// Bytes of the list of refs at the start of a push.
  package var pushCommands = 1 << 20
  /// Bytes of a request to the model.
  package var modelBody = 32 << 20
  /// Bytes of requests to the model held in memory at once, over all sandboxes.
  package var modelBodies = 256 << 20
  /// Until `serve` must have answered for a credential.
  package var credential = Duration.seconds(60)
  /// A question that was delivered and not answered is delivered again after this: its first reader may have died.
  package var redelivery = Duration.seconds(5)
  /// Until `host` must have said which program has a socket that was refused.
  package var socketOwner = Duration.milliseconds(500)
  /// Questions that wait at once.
  package var questions = 1024
  /// Entries of usage that wait to be collected; beyond that, entries of one sandbox are added up.
  package var usageEntries = 10_000
  package var gitTimeouts = UpstreamTimeouts(silence: .seconds(120), head: .seconds(3600))
  package var siteTimeouts = UpstreamTimeouts(silence: .seconds(300), head: .seconds(600))
  /// Reports that wait to be collected.
  package var reportEntries = 10_000
  package var modelTimeouts = UpstreamTimeouts(silence: .seconds(600), head: .seconds(600))

  package init() {}
}
