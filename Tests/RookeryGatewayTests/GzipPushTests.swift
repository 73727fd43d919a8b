import CZlib
import Foundation
import RookeryGateway
import RookeryModel
import RookeryTestSupport
import Testing

@testable import RookeryGateway

/// Compressed pushes, which git itself does not make.
@Suite struct GzipPushTests {
  static let branch = "refs/heads/rookery/s1"

  static func gzip(_ bytes: [UInt8]) throws -> [UInt8] {
    var stream = z_stream()
    let version = Int32(MemoryLayout<z_stream>.size)
    try #require(deflateInit2_(&stream, 6, Z_DEFLATED, 16 + 15, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, version) == Z_OK)
    defer { deflateEnd(&stream) }
    var (input, output) = (bytes, [UInt8](repeating: 0, count: bytes.count + 1024))
    let written = input.withUnsafeMutableBufferPointer { source in
      output.withUnsafeMutableBufferPointer { target in
        (stream.next_in, stream.avail_in) = (source.baseAddress, UInt32(source.count))
        (stream.next_out, stream.avail_out) = (target.baseAddress, UInt32(target.count))
        return deflate(&stream, Z_FINISH) == Z_STREAM_END ? target.count - Int(stream.avail_out) : 0
      }
    }
    return Array(output[..<written])
  }

  /// The body of a push that makes `ref` of a new commit on `main`, whose pack is complete.
  private func pushBody(_ server: GitServer, _ refs: [String]) async throws -> [UInt8] {
    let main = try #require(try await server.refs(of: "one")["refs/heads/main"])
    let work = try TemporaryDirectory()
    try await Command.git(["clone", "--quiet", server.url(for: "one"), work.path("clone")])
    let tree = try await Command.git(["rev-parse", "HEAD^{tree}"], in: work.path("clone")).trimmingCharacters(in: .newlines)
    let commit = try await Command.git(["commit-tree", "-p", main, "-m", "zipped", tree], in: work.path("clone"))
      .trimmingCharacters(in: .newlines)
    let pack = work.path("pack")
    try await Command.output([
      "sh", "-c", "printf '\(commit)\\n^\(main)\\n' | git -C \(work.path("clone")) pack-objects --revs --stdout -q >\(pack)",
    ])
    var body: [UInt8] = []
    for (index, ref) in refs.enumerated() {
      let capabilities = index == 0 ? "\0 report-status side-band-64k agent=test" : ""
      body += PktLine.line("\(String(repeating: "0", count: 40)) \(commit) \(ref)\(capabilities)")
    }
    return try body + PktLine.flush + [UInt8](Data(contentsOf: URL(fileURLWithPath: pack)))
  }

  private func post(_ body: [UInt8], to gateway: GatewayFixture, chunks: Int? = nil, encoding: String = "gzip") async throws -> String {
    let head =
      "POST /one.git/git-receive-pack HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Encoding: \(encoding)\r\nContent-Type: application/x-git-receive-pack-request\r\n"
    guard let chunks else {
      return try await RawSocket.exchange(port: gateway.gitPort, [Array("\(head)Content-Length: \(body.count)\r\n\r\n".utf8) + body])
    }
    var pieces = [Array("\(head)Transfer-Encoding: chunked\r\n\r\n".utf8)]
    for start in stride(from: 0, to: body.count, by: chunks) {
      let piece = body[start..<min(start + chunks, body.count)]
      pieces.append(Array("\(String(piece.count, radix: 16))\r\n".utf8) + piece + Array("\r\n".utf8))
    }
    return try await RawSocket.exchange(port: gateway.gitPort, pieces + [Array("0\r\n\r\n".utf8)])
  }

  private func withGateway(_ body: @escaping @Sendable (GitServer, GatewayFixture) async throws -> Void) async throws {
    let server = try await GitServer.start()
    try await server.makeRepository("one")
    let gateway = try await GatewayFixture.start()
    try await gateway.grant(server, ["one": Self.branch])
    try await gateway.answering { try await body(server, gateway) }
    try await gateway.stop()
    await server.stop()
  }

  @Test(arguments: [nil, 1, 7, 4096]) func isReadAndForwarded(chunks: Int?) async throws {
    try await withGateway { server, gateway in
      let body = try Self.gzip(try await pushBody(server, [Self.branch]))
      let answer = try await post(body, to: gateway, chunks: chunks)
      #expect(answer.contains("ok refs/heads/rookery/s1"), "\(answer)")
      #expect(try await server.log(of: "one", ref: Self.branch).first?.subject == "zipped")
      #expect(server.received.filter { $0.path.hasSuffix("git-receive-pack") }.allSatisfy { $0.header("content-encoding") == nil })
    }
  }

  @Test(arguments: [["refs/heads/main2"], [branch, "refs/heads/main2"], ["refs/tags/x", branch]])
  func otherRefsAreFoundInIt(refs: [String]) async throws {
    try await withGateway { server, gateway in
      let body = try Self.gzip(try await pushBody(server, refs))
      let answer = try await post(body, to: gateway, chunks: 3)
      #expect(answer.contains("ng ") && answer.contains("only rookery/s1 may be pushed"), "\(answer)")
      #expect(try await server.refs(of: "one").keys.sorted() == ["refs/heads/main"])
      #expect(!server.received.contains { $0.path.hasSuffix("git-receive-pack") })
    }
  }

  @Test func corruptionAndTrailersAreRefused() async throws {
    try await withGateway { server, gateway in
      let good = try Self.gzip(try await pushBody(server, [Self.branch]))
      var flipped = good
      flipped[good.count / 2] ^= 0xff
      let second = try Self.gzip(PktLine.line("hidden"))
      for (body, encoding) in [
        (Array(good.dropLast(9)), "gzip"), (flipped, "gzip"), (good + second, "gzip"), (good + [0], "gzip"), (good, "deflate"),
        (good, "gzip, gzip"), (good, "br"), ([UInt8]("not gzip".utf8), "gzip"),
      ] {
        let answer = try await post(body, to: gateway, encoding: encoding)
        #expect(answer.contains("corrupt") || answer.contains("not understood") || answer.isEmpty, "\(encoding): \(answer.prefix(300))")
      }
      #expect(try await server.refs(of: "one").keys.sorted() == ["refs/heads/main"])
    }
  }

  @Test func bombsAreBounded() async throws {
    let server = try await GitServer.start()
    try await server.makeRepository("one")
    let gateway = try await GatewayFixture.start { $0.bounds.pushBody = 4 << 20 }
    try await gateway.grant(server, ["one": Self.branch])
    try await gateway.answering {
      let bomb = try Self.gzip([UInt8](repeating: 0x30, count: 64 << 20))
      let answer = try await post(bomb, to: gateway)
      #expect(answer.contains("HTTP/1.1 4"), "\(answer.prefix(300))")
      let long = try Self.gzip(
        PktLine.line("\(String(repeating: "0", count: 40)) \(String(repeating: "1", count: 40)) \(Self.branch)\0 report-status")
          + PktLine.flush + [UInt8](repeating: 0, count: 8 << 20))
      #expect(try await post(long, to: gateway).contains("larger than the 4 MiB"))
    }
    #expect(try await server.refs(of: "one").keys.sorted() == ["refs/heads/main"])
    try await gateway.stop()
    await server.stop()
  }
}
