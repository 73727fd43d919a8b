import RookeryModel

/// Tells of refusals, and of the program that was refused where it is known. A caller that still holds the program's socket open
/// awaits this first: once it is closed, nobody can tell whose it was.
struct Refusals: Sendable {
  let reports: ReportSpool
  let desk: SocketDesk

  /// - Parameter peer: The socket of the program that was refused; nil: it is not known, or gone.
  func tell(_ sandbox: SandboxID, host: String, port: Int, reason: String, peer: SandboxPeer?) async {
    var process: String?
    // What is only counted needs no name: the report that opened the count has it.
    if let peer, reports.tellsNow(sandbox, host: host, port: port) { process = await desk.owner(of: peer, in: sandbox) }
    reports.refused(sandbox, host: host, port: port, reason: reason, process: process)
  }

  func forget(_ sandbox: SandboxID) async {
    reports.forget(sandbox)
    await desk.forget(sandbox)
  }
}
