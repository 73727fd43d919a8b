import Foundation
import Glibc
import RookeryAgents
import RookeryModel
import RookeryRehearsal

/// A real agent's process joined to our client by pipes, the client being stored and loaded again before every line.
actor AgentHarness {
  struct Ended: Error, CustomStringConvertible { var description: String }

  private let child: ChildProcess
  private var input: Int32
  private let errors: SpoolFile
  private var client: ACPClient
  private var splitter = ACPLineSplitter()
  /// Everything that happened.
  private(set) var actions: [ACPAction] = []

  init(_ client: ACPClient, argv: [String], environment: [String: String], directory: String) throws {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0, fcntl(ends[0], F_SETFD, FD_CLOEXEC) == 0, fcntl(ends[1], F_SETFD, FD_CLOEXEC) == 0 else {
      throw Ended(description: "pipe: \(errno)")
    }
    defer { close(ends[0]) }
    input = ends[1]
    errors = try SpoolFile()
    child = try ChildProcess(
      arguments: ["/usr/bin/env", "-C", directory] + argv, environment: environment, input: ends[0], errors: errors.descriptor)
    self.client = client
  }

  deinit { if input >= 0 { close(input) } }

  var phase: ACPClient.Phase { client.phase }
  var session: String? { client.agentSession }
  func kill() { child.kill() }

  /// Ends it as it should be ended: no more input, then its own exit.
  func end() async throws -> Int32 {
    close(input)
    input = -1
    while try await !child.read().isEmpty {}
    return try await child.wait()
  }

  func begin() throws { try perform(client.begin()) }
  func prompt(_ text: String) throws { try perform(client.prompt(text)) }
  func cancel() throws { try perform(client.cancel()) }

  /// Reads on until `condition` holds for something that happened meanwhile; returns all that did.
  @discardableResult
  func read(until condition: @Sendable (ACPAction) -> Bool) async throws -> [ACPAction] {
    let start = actions.count
    while !actions[start...].contains(where: condition) {
      let bytes = try await child.read()
      guard !bytes.isEmpty else {
        throw Ended(description: "the agent ended: \(String(decoding: try await errors.contents(limit: 1 << 16), as: UTF8.self))")
      }
      for line in try splitter.append(offset: splitter.offset, bytes: bytes) {
        client = try JSON.decode(ACPClient.self, from: JSON.encode(client))
        try perform(client.receive(line: line.bytes))
      }
    }
    return Array(actions[start...])
  }

  private func perform(_ new: [ACPAction]) throws {
    actions += new
    for case .send(let line) in new {
      var rest = (line + [0x0a])[...]
      while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(input, $0.baseAddress, $0.count) }
        guard count > 0 else { throw Ended(description: "write to the agent: \(errno)") }
        rest = rest.dropFirst(count)
      }
    }
  }
}

extension ACPAction {
  var isReady: Bool { if case .ready = self { true } else { false } }
  var ends: Bool {
    switch self {
    case .turnEnded, .failed: true
    default: false
    }
  }
}
