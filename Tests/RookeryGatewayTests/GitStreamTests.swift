import CGlibc
import Foundation
import RookeryGateway
import RookeryModel
import RookeryTestSupport
import Testing

/// Packs far larger than what may be held in memory.
@Suite(.serialized) struct GitStreamTests {
  static let branch = "refs/heads/rookery/s1"
  static let size = 96 << 20

  @Test func largePacksPassThroughInPieces() async throws {
    let server = try await GitServer.start()
    try await server.makeRepository("one")
    let gateway = try await GatewayFixture.start()
    try await gateway.grant(server, ["one": Self.branch])
    let work = try TemporaryDirectory()
    let clone = work.path("clone")
    try await gateway.answering {
      try await Command.git(["clone", "--quiet", gateway.gitURL("one"), clone])
      try await Command.git(["config", "core.compression", "0"], in: clone)
      try await Command.output(["dd", "if=/dev/urandom", "of=\(clone)/large", "bs=1M", "count=\(Self.size >> 20)"])
      try await Command.git(["add", "large"], in: clone)
      try await Command.git(["commit", "--quiet", "-m", "Large"], in: clone)
      let pushed = try await Memory.growth {
        try await Command.git(["push", "--quiet", "origin", "HEAD:\(Self.branch)"], in: clone, timeout: .seconds(300))
      }
      let fetched = try await Memory.growth {
        let arguments = ["clone", "--quiet", "--no-checkout", "--branch", "rookery/s1", gateway.gitURL("one"), work.path("second")]
        try await Command.git(arguments, timeout: .seconds(300))
      }
      // The server plays in the same process, so that this bounds both.
      #expect(pushed < 40 << 20 && fetched < 40 << 20, "grew by \(pushed >> 20) MiB and \(fetched >> 20) MiB")
      let digest = try await Command.run(["sha256sum", "\(clone)/large"])
      let received = try await Command.run(["sh", "-c", "git -C \(work.path("second")) show HEAD:large | sha256sum"])
      #expect(digest.output.prefix(64) == received.output.prefix(64) && digest.status == 0)
    }
    try await gateway.stop()
    await server.stop()
  }

  /// A large push that is refused: git sends all of it and gets to read why.
  @Test func aLargeRefusedPushIsExplained() async throws {
    let server = try await GitServer.start()
    try await server.makeRepository("one")
    let gateway = try await GatewayFixture.start()
    try await gateway.grant(server, ["one": Self.branch])
    let work = try TemporaryDirectory()
    let clone = work.path("clone")
    try await gateway.answering {
      try await Command.git(["clone", "--quiet", gateway.gitURL("one"), clone])
      try await Command.output(["dd", "if=/dev/urandom", "of=\(clone)/large", "bs=1M", "count=8"])
      try await Command.git(["add", "large"], in: clone)
      try await Command.git(["commit", "--quiet", "-m", "Large"], in: clone)
      let result = try await Command.run(["git", "push", "origin", "HEAD:main"], in: clone)
      #expect(result.errorOutput.contains("(only rookery/s1 may be pushed)"), "\(result.text)")
    }
    #expect(
      !server.received.contains { $0.path.hasSuffix("git-receive-pack") && $0.method == "POST" && $0.header("content-length") != "4" })
    try await gateway.stop()
    await server.stop()
  }

  @Test func sizesAreBounded() async throws {
    let server = try await GitServer.start()
    try await server.makeRepository("one")
    let gateway = try await GatewayFixture.start { $0.bounds.pushBody = 1 << 20 }
    try await gateway.grant(server, ["one": Self.branch])
    let work = try TemporaryDirectory()
    let clone = work.path("clone")
    try await gateway.answering {
      try await Command.git(["clone", "--quiet", gateway.gitURL("one"), clone])
      try await Command.output(["dd", "if=/dev/urandom", "of=\(clone)/large", "bs=1M", "count=4"])
      try await Command.git(["add", "large"], in: clone)
      try await Command.git(["commit", "--quiet", "-m", "Large"], in: clone)
      let result = try await Command.run(["git", "push", "origin", "HEAD:\(Self.branch)"], in: clone)
      #expect(result.status != 0, "\(result.text)")
    }
    #expect(try await server.refs(of: "one").keys.sorted() == ["refs/heads/main"])
    try await gateway.stop()
    await server.stop()
  }
}

/// Memory of this process.
enum Memory {
  /// Bytes that are allocated, over all threads: what is held, whatever the allocator keeps beyond.
  static func held() -> Int {
    let info = mallinfo2()
    return info.uordblks + info.hblkhd
  }

  /// By how many bytes it grew at most while `body` ran.
  static func growth(_ body: @escaping @Sendable () async throws -> Void) async throws -> Int {
    let start = held()
    return try await withThrowingTaskGroup(of: Int?.self) { group in
      group.addTask {
        try await body()
        return nil
      }
      group.addTask {
        var most = start
        while !Task.isCancelled {
          most = max(most, held())
          try? await Task.sleep(for: .milliseconds(10))
        }
        return most - start
      }
      var growth = 0
      for try await result in group {
        if let result { growth = result } else { group.cancelAll() }
      }
      return growth
    }
  }
}
