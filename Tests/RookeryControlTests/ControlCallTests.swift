import Foundation
import Glibc
import RookeryModel
import Testing

@testable import RookeryControl

@Suite struct ControlCallTests {
  @Test func answersWithTheCallersUser() async throws {
    let socket = try ControlTestSocket()
    let server = try socket.serve()
    defer { server.stop() }
    let reply = try await socket.client.call(Question.echo("grüße"), as: Reply.self)
    #expect(reply == Reply(text: "grüße", user: getuid()))
  }

  @Test func rethrowsTheTypedErrorWithoutItsContext() async throws {
    let socket = try ControlTestSocket()
    let server = try socket.serve()
    defer { server.stop() }
    await #expect(throws: RookeryError(.diskFull, "The disk is full.", mend: "Free some.")) {
      try await socket.client.call(Question.fail, as: Reply.self)
    }
  }

  @Test func anUntypedErrorTellsNothing() async throws {
    let socket = try ControlTestSocket()
    let server = try socket.serve()
    defer { server.stop() }
    await #expect(throws: RookeryError(.internal, "An internal error.")) {
      try await socket.client.call(Question.failUntyped, as: Reply.self)
    }
  }

  @Test func anUnknownRequestIsABadRequest() async throws {
    let socket = try ControlTestSocket()
    let server = try socket.serve()
    defer { server.stop() }
    let error = await #expect(throws: RookeryError.self) {
      try await socket.client.call(["nonsense": 1], as: Reply.self)
    }
    #expect(error?.code == .badRequest)
  }

  @Test func passesDescriptors() async throws {
    let socket = try ControlTestSocket()
    let server = try socket.serve()
    defer { server.stop() }
    let files = try [3, 5].map { size in
      let path = socket.directory + "/\(size)"
      try Data(count: size).write(to: URL(fileURLWithPath: path))
      return open(path, O_RDONLY)
    }
    defer { for file in files { close(file) } }
    let reply = try await socket.client.call(Question.fileSizes, as: Reply.self, descriptors: files)
    #expect(reply.text == "3,5")
  }

  @Test func carriesALargeRequestAndRefusesATooLargeOne() async throws {
    let socket = try ControlTestSocket()
    let server = try socket.serve()
    defer { server.stop() }
    let text = String(repeating: "x", count: 3 << 20)
    #expect(try await socket.client.call(Question.echo(text), as: Reply.self).text.utf8.count == text.utf8.count)
    let error = await #expect(throws: RookeryError.self) {
      try await socket.client.call(Question.echo(text + text), as: Reply.self)
    }
    #expect(error?.code == .tooLarge)
  }

  @Test func aServerOfAnotherUserIsRefusedBeforeAnythingIsSent() async throws {
    let socket = try ControlTestSocket(server: 54321)
    let server = try socket.serve()
    defer { server.stop() }
    let error = await #expect(throws: RookeryError.self) { try await socket.client.call(Question.echo("secret"), as: Reply.self) }
    #expect(error?.code == .forbidden)
  }

  @Test func aCallerOfAnotherUserIsRefused() async throws {
    let socket = try ControlTestSocket()
    let server = try socket.serve(allowed: [54321])
    defer { server.stop() }
    let error = await #expect(throws: RookeryError.self) { try await socket.client.call(Question.echo("hello"), as: Reply.self) }
    #expect(error?.code == .forbidden)
  }

  @Test func anAbsentServerIsUnavailable() async throws {
    let socket = try ControlTestSocket()
    let error = await #expect(throws: RookeryError.self) { try await socket.client.call(Question.echo("hello"), as: Reply.self) }
    #expect(error?.code == .unavailable)
    let server = try socket.serve()
    server.stop()
    let after = await #expect(throws: RookeryError.self) { try await socket.client.call(Question.echo("hello"), as: Reply.self) }
    #expect(after?.code == .unavailable)
    #expect(!FileManager.default.fileExists(atPath: socket.path))
  }

  @Test func aServerThatStopsEndsRunningCallsAsUnavailable() async throws {
    let socket = try ControlTestSocket()
    let waiting = AsyncStream<Void>.makeStream()
    let server = try socket.serve(onWait: { waiting.continuation.yield() })
    let call = Task { try await socket.client.call(Question.wait(seconds: 600), as: Reply.self) }
    for await _ in waiting.stream { break }
    server.stop()
    let error = await #expect(throws: RookeryError.self) { try await call.value }
    #expect(error?.code == .unavailable)
  }

  @Test func aLongPollReturnsInItsTimeAndATooLongOneTimesOut() async throws {
    let socket = try ControlTestSocket()
    let cancelled = AsyncStream<Void>.makeStream()
    let server = try socket.serve(onCancel: { cancelled.continuation.yield() })
    defer { server.stop() }
    #expect(try await socket.client.call(Question.wait(seconds: 1), as: Reply.self).text == "waited")
    let error = await #expect(throws: RookeryError.self) {
      try await socket.client.call(Question.wait(seconds: 600), as: Reply.self, timeout: .milliseconds(300))
    }
    #expect(error?.code == .unavailable)
    // The handler of the caller that went away is cancelled: this would wait for ten minutes otherwise.
    for await _ in cancelled.stream { break }
  }

  @Test func cancellingTheTaskEndsTheCall() async throws {
    let socket = try ControlTestSocket()
    let waiting = AsyncStream<Void>.makeStream()
    let server = try socket.serve(onWait: { waiting.continuation.yield() })
    defer { server.stop() }
    let started = ContinuousClock.now
    let call = Task { try await socket.client.call(Question.wait(seconds: 600), as: Reply.self, timeout: .seconds(600)) }
    for await _ in waiting.stream { break }
    call.cancel()
    await #expect(throws: CancellationError.self) { try await call.value }
    #expect(ContinuousClock.now - started < .seconds(60))
  }

  @Test func servesManyCallsAtOnce() async throws {
    let socket = try ControlTestSocket()
    let server = try socket.serve()
    defer { server.stop() }
    let total = try await withThrowingTaskGroup(of: Int.self) { group in
      for number in 0..<400 {
        group.addTask { Int(try await socket.client.call(Question.sum([number, 1]), as: Reply.self).text) ?? -1_000_000 }
      }
      return try await group.reduce(0, +)
    }
    #expect(total == (1...400).reduce(0, +))
  }

  @Test func aSecondServerOnALivingSocketIsAConflictAndAStaleSocketIsReplaced() async throws {
    let socket = try ControlTestSocket()
    let first = try socket.serve()
    let error = #expect(throws: RookeryError.self) { try socket.serve() }
    #expect(error?.code == .conflict)
    first.stop()
    let second = try socket.serve()
    defer { second.stop() }
    // The first's stop must not have taken the second's name away.
    first.stop()
    #expect(try await socket.client.call(Question.echo("second"), as: Reply.self).text == "second")
  }

  @Test func aLongPathWorks() async throws {
    let socket = try ControlTestSocket()
    let directory = socket.directory + "/" + String(repeating: "d", count: 120)
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let server = try ControlServer(path: directory + "/s", mode: 0o600, owner: nil, allowedUsers: [getuid()]) { data, _, _ in data }
    defer { server.stop() }
    let client = ControlClient(path: directory + "/s", allowedServers: [getuid()])
    #expect(try await client.call([1, 2], as: [Int].self) == [1, 2])
  }
}
