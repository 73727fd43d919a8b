import Foundation
import Logging
import RookeryModel
import RookeryWebSocket

/// Keeps a Socket Mode connection and hands on what comes, each answered as soon as it is stored.
actor SocketMode {
  /// Stores an envelope; when it returns, the envelope is safe with us.
  typealias Keep = @Sendable (_ kind: String, _ payload: JSONValue) async throws -> Void

  private let api: SlackAPI
  private let client: WebSocketClient
  private let keep: Keep
  private let logger: Logger
  private var state = SocketModeState()
  private var sockets: [SocketModeState.Socket: Task<Void, Never>] = [:]
  private var writers: [SocketModeState.Socket: WebSocketWriter] = [:]
  private var isStopping = false
  private let clock = ContinuousClock()
  private let began = ContinuousClock.now

  init(api: SlackAPI, client: WebSocketClient = WebSocketClient(), logger: Logger, keep: @escaping Keep) {
    self.api = api
    self.client = client
    self.logger = logger
    self.keep = keep
  }

  var isConnected: Bool { state.isConnected }

  /// Runs until it is cancelled.
  func run() async throws {
    defer {
      isStopping = true
      for task in sockets.values { task.cancel() }
    }
    perform(state.start(now: now))
    while true {
      try await Task.sleep(for: .seconds(1))
      perform(state.tick(now: now))
    }
  }

  private var now: Double {
    let passed = (clock.now - began).components
    return Double(passed.seconds) + Double(passed.attoseconds) / 1e18
  }

  private func perform(_ actions: [SocketModeState.Action]) {
    for action in actions {
      switch action {
      case .open(let socket, let wait):
        sockets[socket] = Task { await self.connect(socket, after: wait) }
      case .ping(let socket):
        guard let writer = writers[socket] else { continue }
        Task { try? await writer.ping() }
      case .close(let socket): close(socket)
      case .disabled: logger.error("Slack has switched Socket Mode off for this app")
      case .take(let socket, let envelope, let kind, let payload, let attempt):
        Task { await self.take(envelope, kind: kind, payload: payload, attempt: attempt, on: socket) }
      }
    }
  }

  /// What the socket has begun to hand over still gets its answer: the close follows in order.
  private func close(_ socket: SocketModeState.Socket) {
    let (task, writer) = (sockets[socket], writers[socket])
    Task {
      // What is being stored gets its answer first; a server that never answers the close is left.
      try? await Task.sleep(for: .milliseconds(500))
      try? await writer?.close()
      try? await Task.sleep(for: .seconds(2))
      task?.cancel()
    }
  }

  private func take(
    _ envelope: String, kind: String, payload: JSONValue, attempt: Int, on socket: SocketModeState.Socket
  ) async {
    do {
      try await keep(kind, payload)
      let answer: JSONValue = ["envelope_id": .string(envelope)]
      guard let writer = writers[socket] else { return }
      try await writer.text(String(decoding: try JSON.encode(answer), as: UTF8.self))
    } catch {
      // Without an answer Slack sends it again.
      logger.warning("an envelope was not taken", metadata: ["kind": "\(kind)", "attempt": "\(attempt)", "error": "\(error)"])
    }
  }

  private func connect(_ socket: SocketModeState.Socket, after wait: Duration) async {
    do {
      try await Task.sleep(for: wait)
      let address = try await api.openConnection()
      try await client.connect(to: address.reveal()) { messages, writer in
        await self.opened(socket, writer)
        for try await message in messages { await self.received(message, on: socket) }
      }
    } catch {
      if !(error is CancellationError) {
        let cause = (error as? SlackFailure)?.error ?? error
        logger.notice(
          "a connection to Slack ended", metadata: ["error": "\(cause)", "context": "\((cause as? RookeryError)?.context ?? "")"])
      }
    }
    writers[socket] = nil
    sockets[socket] = nil
    guard !isStopping else { return }
    perform(state.ended(socket, now: now))
  }

  private func opened(_ socket: SocketModeState.Socket, _ writer: WebSocketWriter) { writers[socket] = writer }

  private func received(_ message: WebSocketMessage, on socket: SocketModeState.Socket) {
    switch message {
    case .text(let text): perform(state.received(text, on: socket, now: now))
    case .ping, .pong, .binary: state.heard(on: socket, now: now)
    }
  }
}
