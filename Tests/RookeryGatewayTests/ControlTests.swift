import Foundation
import Glibc
import RookeryControl
import RookeryGateway
import RookeryModel
import RookeryTestSupport
import Testing

@Suite struct ControlTests {
  private func expectFailure(_ code: ErrorCode, at location: SourceLocation = #_sourceLocation, _ body: () async throws -> Void) async {
    do {
      try await body()
      Issue.record("nothing was thrown", sourceLocation: location)
    } catch { #expect((error as? RookeryError)?.code == code, "\(error)", sourceLocation: location) }
  }

  @Test func peersAreToldApart() async throws {
    // We're `serve`, and `host` is somebody else.
    let asServe = try await GatewayFixture.start(adopt: false) { $0.hostUser = geteuid() + 1 }
    await expectFailure(.forbidden) { try await asServe.adopt() }
    await expectFailure(.forbidden) { try await asServe.call(.release(asServe.sandbox)) }
    await expectFailure(.forbidden) { try await asServe.call(.adopted) }
    try await asServe.grant()
    #expect(try await asServe.call(.usage(after: 0, wait: 0)) == .usage([]))
    try await asServe.stop()
    // We're `host`, and `serve` is somebody else.
    let asHost = try await GatewayFixture.start { $0.serveUser = geteuid() + 1 }
    await expectFailure(.forbidden) { try await asHost.grant() }
    await expectFailure(.forbidden) { try await asHost.call(.revoke(asHost.sandbox)) }
    await expectFailure(.forbidden) { try await asHost.call(.nextQuestions(wait: 0)) }
    await expectFailure(.forbidden) { try await asHost.call(.answer(question: 1, .anonymous)) }
    await expectFailure(.forbidden) { try await asHost.call(.usage(after: 0, wait: 0)) }
    #expect(try await asHost.call(.adopted) == .adopted([asHost.sandbox]))
    #expect(try await asHost.call(.hello(version: 1)) == .hello(version: 1))
    await expectFailure(.badRequest) { try await asHost.call(.hello(version: 2)) }
    try await asHost.stop()
  }

  @Test func theWrongUserDoesNotStart() async throws {
    let directory = try TemporaryDirectory()
    let settings = GatewaySettings(controlSocket: directory.path("s"), serveUser: 1, gatewayUser: geteuid() + 1)
    await expectFailure(.forbidden) { try await GatewayService(settings: settings).run() }
  }

  @Test func adoptionsAreReplacedAndReleased() async throws {
    let gateway = try await GatewayFixture.start()
    let request = "GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n"
    let first = RawSocket.Stream(try RawSocket.connect(port: gateway.modelPort))
    try await first.send(request)
    _ = try await first.receive(until: "no access at the moment")
    // The same listeners again, as after a restart of `host`: what ran through the old ones is cut.
    try await gateway.adopt()
    await #expect(throws: Command.Failed.self) { try await first.receive(until: "never") }
    let second = RawSocket.Stream(try RawSocket.connect(port: gateway.modelPort))
    try await second.send(request)
    _ = try await second.receive(until: "no access at the moment")
    try await gateway.call(.release(gateway.sandbox))
    #expect(try await gateway.call(.adopted) == .adopted([]))
    await #expect(throws: Command.Failed.self) { try await second.receive(until: "never") }
    try await gateway.call(.release(gateway.sandbox))
    try await gateway.stop()
  }

  /// Connections that come just when a sandbox ends: none may take the gateway down with it.
  @Test func connectionsDuringAReleaseDoNoHarm() async throws {
    let gateway = try await GatewayFixture.start { $0.bounds.connections = 8 }
    for _ in 0..<15 {
      try await gateway.adopt()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<20 {
          group.addTask {
            // It doesn't wait: nobody may be there to accept any more.
            let descriptor = RawSocket.connecting(port: gateway.gitPort)
            await Task.yield()
            _ = send(descriptor, "GET / HTTP/1.1\r\n", 16, Int32(MSG_NOSIGNAL))
            await Task.yield()
            close(descriptor)
          }
        }
        group.addTask { try await gateway.call(.release(gateway.sandbox)) }
        try await group.waitForAll()
      }
    }
    try await gateway.adopt()
    #expect(try await gateway.call(.adopted) == .adopted([gateway.sandbox]))
    try await gateway.stop()
  }

  @Test func onlyListenersAreAdopted() async throws {
    let gateway = try await GatewayFixture.start()
    let pipe = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    let file = open("/dev/null", O_RDONLY)
    let listener = try LoopbackSocket.listen().descriptor
    defer { [pipe, file, listener].forEach { close($0) } }
    let id = SandboxID.random(prefix: "box-")
    for (sockets, descriptors) in [
      ([SandboxSocket.git], [pipe]), ([.git], [file]), ([.git, .model], [listener]), ([.git], [listener, listener]), ([], []),
      ([.git, .git], [listener, listener]), ([.git, .model], [listener, file]), ([.datagrams], [listener]),
      ([.rejections], [listener]), ([.web], [file]),
    ] {
      await expectFailure(.badRequest) {
        _ = try await gateway.client.call(GatewayRequest.adopt(id, sockets: sockets), as: GatewayResponse.self, descriptors: descriptors)
      }
    }
    #expect(try await gateway.call(.adopted) == .adopted([gateway.sandbox]))
    try await gateway.stop()
  }

  @Test func noDescriptorStaysBehind() async throws {
    let gateway = try await GatewayFixture.start()
    func listening() throws -> Int {
      try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").filter { isListener(Int32($0) ?? -1, on: gateway.gitPort) }.count
    }
    let start = try listening()
    for _ in 0..<5 { try await gateway.adopt() }
    try await eventually { try listening() == start }
    try await gateway.call(.release(gateway.sandbox))
    #expect(try listening() == start - 1)
    try await gateway.stop()
  }

  private func isListener(_ descriptor: Int32, on port: Int) -> Bool {
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let known = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) == 0 }
    }
    var isListening: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &size)
    return known && isListening == 1 && address.sin_family == sa_family_t(AF_INET) && Int(UInt16(bigEndian: address.sin_port)) == port
  }

  @Test func eachSandboxHasItsOwnGrant() async throws {
    let server = try await GitServer.start()
    try await server.makeRepository("one")
    let gateway = try await GatewayFixture.start()
    let other = SandboxID.random(prefix: "box-")
    let listener = try LoopbackSocket.listen()
    defer { close(listener.descriptor) }
    _ = try await gateway.client.call(
      GatewayRequest.adopt(other, sockets: [.git]), as: GatewayResponse.self, descriptors: [listener.descriptor])
    try await gateway.grant(server, ["one": nil])
    try await gateway.answering {
      #expect(try await Command.git(["ls-remote", gateway.gitURL("one")]).contains("refs/heads/main"))
      let refused = try await Command.run(["git", "ls-remote", "http://127.0.0.1:\(listener.port)/one.git"])
      #expect(refused.status != 0 && refused.errorOutput.contains("no access at the moment"))
    }
    #expect(try await gateway.call(.adopted) == .adopted([gateway.sandbox, other].sorted()))
    try await gateway.stop()
    await server.stop()
  }

  @Test func longPollsEndWithNothing() async throws {
    let gateway = try await GatewayFixture.start()
    let clock = ContinuousClock.now
    #expect(try await gateway.call(.nextQuestions(wait: 1)) == .questions([]))
    #expect(try await gateway.call(.usage(after: 0, wait: 1)) == .usage([]))
    #expect(ContinuousClock.now - clock >= .seconds(2))
    try await gateway.call(.answer(question: 4711, .anonymous))
    try await gateway.stop()
  }
}
