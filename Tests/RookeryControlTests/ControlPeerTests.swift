import Foundation
import Glibc
import RookeryModel
import Testing

@testable import RookeryControl

/// Peers that do not follow the protocol: each is cut off, and the next caller is served.
@Suite struct ControlPeerTests {
  static let quick: ControlServer.Bounds = {
    var bounds = ControlServer.Bounds()
    bounds.connections = 4
    bounds.frame = .milliseconds(300)
    bounds.idle = .milliseconds(300)
    return bounds
  }()

  static let hostile: [(name: String, bytes: [UInt8])] = [
    ("silence", []),
    ("half a header", [0, 0]),
    ("a header without a body", [0, 0, 0, 9]),
    ("half a body", [0, 0, 0, 9, 0x7b]),
    ("a frame over the limit", [0, 0x40, 0, 1, 0x7b]),
    ("a frame of 4 GiB", [0xff, 0xff, 0xff, 0xff]),
    ("garbage", Array("GET / HTTP/1.1\r\n\r\n".utf8)),
  ]

  @Test(arguments: hostile.indices) func isCutOff(_ index: Int) async throws {
    let socket = try ControlTestSocket()
    let server = try socket.serve(bounds: Self.quick)
    defer { server.stop() }
    // More than the server has slots: were they held, the last call would never be answered.
    let peers = try (0..<6).map { _ in try socket.connect() }
    defer { for peer in peers { close(peer.descriptor) } }
    for peer in peers { try? peer.write(Data(Self.hostile[index].bytes), until: .now + .seconds(5)) }
    for peer in peers {
      let frame = try await BlockingThread.run(name: "test-read") { () -> FrameSocket.Frame? in
        do { return try peer.read(idle: .now + .seconds(30), whole: .seconds(5)) } catch FrameSocket.Failure.closed { return nil }
      }
      if let frame {
        // A reason may be given before the connection is closed.
        #expect(String(decoding: frame.body, as: UTF8.self).contains("too_large"))
      }
    }
    #expect(try await socket.client.call(Question.echo("next"), as: Reply.self).text == "next")
  }

  @Test func anEmptyAndABrokenBodyAreAnsweredAsBadRequests() async throws {
    let socket = try ControlTestSocket()
    let server = try socket.serve()
    defer { server.stop() }
    for body in ["", "{", "[1,2", "\u{0}", #"{"echo":7}"#] {
      let peer = try socket.connect()
      defer { close(peer.descriptor) }
      try peer.write(ControlFrame.encode(Data(body.utf8)), until: .now + .seconds(5))
      let frame = try await BlockingThread.run(name: "test-read") {
        try peer.read(idle: .now + .seconds(30), whole: .seconds(5))
      }
      #expect(String(decoding: try #require(frame).body, as: UTF8.self).contains("bad_request"))
    }
  }

  @Test func oneConnectionServesManyRequests() async throws {
    let socket = try ControlTestSocket()
    let server = try socket.serve()
    defer { server.stop() }
    let peer = try socket.connect()
    defer { close(peer.descriptor) }
    for number in 0..<20 {
      try peer.write(ControlFrame.encode(JSON.encode(Question.sum([number]))), until: .now + .seconds(5))
      let frame = try await BlockingThread.run(name: "test-read") {
        try peer.read(idle: .now + .seconds(30), whole: .seconds(5))
      }
      #expect(String(decoding: try #require(frame).body, as: UTF8.self).contains("\"\(number)\""))
    }
  }

  @Test func headersAreBigEndianAndBounded() throws {
    #expect(try ControlFrame.encode(Data("ab".utf8)) == Data([0, 0, 0, 2, 0x61, 0x62]))
    #expect(try ControlFrame.bodyLength(header: [0, 0x40, 0, 0]) == 4 << 20)
    #expect(throws: RookeryError.self) { try ControlFrame.bodyLength(header: [0, 0x40, 0, 1]) }
  }
}
