import Foundation
import Glibc
import Logging
import RookeryControl
import RookeryModel

/// The `rookery gateway` process: everything that reads what a sandbox sends to the network.
///
/// `host` hands it the listeners of each sandbox, `serve` says what each sandbox may reach and answers for credentials. It keeps
/// nothing on disk: restarted, it denies until it is granted again. It lives on when either of the two dies.
package struct GatewayService: Sendable {
  package static let version = 1

  private let settings: GatewaySettings
  private let logger: Logger

  package init(settings: GatewaySettings, logger: Logger = Logger(label: "rookery.gateway")) {
    self.settings = settings
    self.logger = logger
  }

  /// Serves until the task is cancelled, which closes every connection. `started` is called once the control socket answers.
  ///
  /// - Throws: `conflict` when another gateway answers at the control socket; `forbidden` when it runs as the wrong user.
  package func run(started: @Sendable () async -> Void = {}) async throws {
    if let user = settings.gatewayUser, user != geteuid() {
      throw RookeryError(
        .forbidden, "The gateway must run as user \(user), but runs as \(geteuid()).", mend: "Start it through “rookery up”.")
    }
    let bounds = settings.bounds
    let (grants, spool, adoptions) = (GrantBook(), UsageSpool(limit: bounds.usageEntries), Adoptions())
    let desk = CredentialDesk(limit: bounds.questions, patience: bounds.credential, redelivery: bounds.redelivery)
    let reports = ReportSpool(limit: bounds.reportEntries)
    let sockets = SocketDesk(patience: bounds.socketOwner)
    let live = LiveConnections(grants: grants)
    let clients = try UpstreamClients(extraAuthorities: settings.extraAuthorities)
    let resolver = Resolver(fixed: settings.fixedAddresses)
    let git = GitBroker(
      grants: grants, desk: desk, upstream: Upstream(clients: clients, timeouts: bounds.gitTimeouts, resolver: resolver), bounds: bounds,
      logger: logger)
    let responders: [Broker: any BrokerResponder] = [
      .git: git,
      .model: ModelBroker(
        grants: grants, spool: spool, reports: reports,
        upstream: Upstream(clients: clients, timeouts: bounds.modelTimeouts, resolver: resolver), bounds: bounds,
        memory: MemoryBudget(limit: bounds.modelBodies), logger: logger),
    ]
    let web = WebServices(
      grants: grants, refusals: Refusals(reports: reports, desk: sockets), live: live, git: git,
      upstream: Upstream(clients: clients, timeouts: bounds.siteTimeouts, resolver: resolver), bounds: bounds, logger: logger)
    let control = GatewayControl(
      settings: settings, grants: grants, desk: desk, spool: spool, reports: reports, sockets: sockets, live: live,
      adoptions: adoptions, logger: logger)
    let server = try ControlServer(
      path: settings.controlSocket, mode: settings.controlMode, owner: nil,
      allowedUsers: [settings.hostUser, settings.serveUser]
    ) { request, peer, descriptors in
      try await control.answer(request, from: peer, descriptors: descriptors)
    }
    logger.info("The gateway is up.", metadata: ["socket": "\(settings.controlSocket)"])
    await started()
    await withDiscardingTaskGroup { group in
      group.addTask {
        // Grants end by themselves, too.
        while (try? await Task.sleep(for: .seconds(15))) != nil { live.review() }
      }
      for await adoption in adoptions.toServe {
        let listener = BrokerListener(adoption: adoption, responders: responders, web: web, bounds: bounds, logger: logger)
        group.addTask { await listener.serve() }
      }
      // Cancelled: no new requests, then the listeners end.
      server.stop()
      group.cancelAll()
    }
    await adoptions.close()
    await clients.shutdown()
    logger.info("The gateway is down.")
  }
}
