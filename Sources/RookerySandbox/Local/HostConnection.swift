import RookeryControl
import RookeryModel

/// Requests to `rookery host`, whose socket only root may serve. Every request is idempotent, so one that meets a restarting
/// host is repeated for a while.
struct HostConnection: Sendable {
  private let client: ControlClient
  /// How long a request waits for a host that is away.
  private let patience: Duration

  init(socket: String, allowedServers: Set<UInt32>, patience: Duration) {
    client = ControlClient(path: socket, allowedServers: allowedServers)
    self.patience = patience
  }

  /// `timeout` bounds one attempt.
  func call(_ request: HostRequest, timeout: Duration = .seconds(30)) async throws -> HostResponse {
    let end = ContinuousClock.now + patience
    var pause = Duration.milliseconds(50)
    while true {
      let started = ContinuousClock.now
      do {
        return try await client.call(request, as: HostResponse.self, timeout: timeout)
      } catch let error as RookeryError where error.code == .unavailable {
        // A host that is there but takes longer than `timeout` is not asked again.
        let absent = ContinuousClock.now - started < timeout
        guard absent, ContinuousClock.now + pause < end else { throw error }
      }
      try await Task.sleep(for: pause)
      pause = min(pause * 2, .seconds(1))
    }
  }

  /// One attempt, without patience.
  func attempt(_ request: HostRequest, timeout: Duration) async throws -> HostResponse {
    try await client.call(request, as: HostResponse.self, timeout: timeout)
  }

  /// The host answered something that does not belong to the request.
  static func unexpected(_ response: HostResponse, to request: String) -> RookeryError {
    RookeryError(
      .internal, "The sandbox host's answer to \(request) is not understood.", mend: "Run the same version of every Rookery process.",
      context: String(describing: response))
  }
}
