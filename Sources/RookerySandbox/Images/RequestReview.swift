import RookeryConfiguration
import RookeryModel

/// Which of a repository's requests the server's configuration grants.
package struct RequestReview: Sendable {
  /// The most that is given.
  package var limits: Limits
  /// Whether a host pattern of the file may be reached.
  package var allowsHost: @Sendable (String) -> Bool
  /// Whether a secret of that name may go to where it is asked for.
  package var allowsSecret: @Sendable (EnvironmentFile.SecretRequest) -> Bool

  package init(
    limits: Limits, allowsHost: @escaping @Sendable (String) -> Bool,
    allowsSecret: @escaping @Sendable (EnvironmentFile.SecretRequest) -> Bool
  ) {
    self.limits = limits
    self.allowsHost = allowsHost
    self.allowsSecret = allowsSecret
  }

  package func judge(_ file: EnvironmentFile) -> [EnvironmentRequest] {
    let hosts = file.hosts.map { host in
      let isGranted = allowsHost(host)
      return EnvironmentRequest(
        kind: .host, text: host, isGranted: isGranted, remark: isGranted ? "" : "the server's configuration does not allow it")
    }
    let secrets = file.secrets.map { secret in
      let isGranted = allowsSecret(secret)
      let places = (secret.exposed ? ["as a variable"] : []) + secret.hosts
      return EnvironmentRequest(
        kind: .secret, text: "\(secret.name) for \(places.joined(separator: ", "))", isGranted: isGranted,
        remark: isGranted ? "" : "the server's configuration does not give it")
    }
    return hosts + secrets + asked(file.limits)
  }

  private func asked(_ asked: EnvironmentFile.RequestedLimits?) -> [EnvironmentRequest] {
    guard let asked else { return [] }
    func whole(_ name: String, _ value: Int?, _ most: Int) -> EnvironmentRequest? {
      value.map { request(name, "\($0)", $0 <= most, "\(most)") }
    }
    return [
      whole("memory_mb", asked.memoryMB, limits.memoryMB),
      asked.cpus.map { request("cpus", "\($0)", $0 <= limits.cpus, "\(limits.cpus)") },
      whole("processes", asked.processes, limits.processes), whole("disk_mb", asked.diskMB, limits.diskMB),
      whole("runtime_seconds", asked.runtimeSeconds, limits.runtimeSeconds), whole("inodes", asked.inodes, limits.inodes),
      whole("open_files", asked.openFiles, limits.openFiles),
      whole("output_kb_per_second", asked.outputKBPerSecond, limits.outputKBPerSecond),
    ].compactMap { $0 }
  }

  private func request(_ name: String, _ value: String, _ isGranted: Bool, _ most: String) -> EnvironmentRequest {
    EnvironmentRequest(
      kind: .limit, text: "\(name) \(value)", isGranted: isGranted, remark: isGranted ? "" : "\(most) is given, the most that is allowed")
  }
}
