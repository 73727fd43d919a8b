import Foundation
import Logging
import RookeryModel
import RookeryStore

/// Deals with what came from Slack: from a durable queue, in order within a thread, side by side across threads.
actor SlackInbox {
  typealias Handler = @Sendable (SlackEvent) async throws -> Void

  private let registry: Registry
  private let logger: Logger
  private let handle: Handler
  private var chains: [SlackPlace: Task<Void, Never>] = [:]
  private var lengths: [SlackPlace: Int] = [:]
  private var newest: Int64 = 0
  private var signal: CheckedContinuation<Void, Never>?
  private var isSignalled = false

  /// Deliveries whose handling fails for a reason of ours are tried this often.
  private static let attempts = 5
  private static let firstBackoff = Duration.milliseconds(300)
  private static let longestBackoff = Duration.seconds(30)

  init(registry: Registry, logger: Logger, handle: @escaping Handler) {
    self.registry = registry
    self.logger = logger
    self.handle = handle
  }

  /// Keeps a delivery; when it returns, it is safe. One that was kept before, or that concerns nobody, is dropped.
  func keep(kind: String, payload: JSONValue) async throws {
    guard let identity = SlackEvent.identity(kind: kind, payload: payload), SlackEvent(kind: kind, payload: payload) != nil else { return }
    let isNew = try await registry.keepSlackDelivery(event: String(identity.prefix(500)), kind: kind, body: JSON.encode(payload))
    if isNew { wake() }
  }

  private func wake() {
    isSignalled = true
    signal?.resume()
    signal = nil
  }

  /// Deals with deliveries until it is cancelled.
  func run() async throws {
    defer { for chain in chains.values { chain.cancel() } }
    while true {
      try Task.checkCancellation()
      isSignalled = false
      do {
        for delivery in try await registry.waitingSlackDeliveries(after: newest) {
          newest = delivery.id
          isSignalled = true
          schedule(delivery)
        }
      } catch {
        logger.warning("the queue of Slack's messages can't be read", metadata: ["error": "\(error)"])
        try await Task.sleep(for: .seconds(1))
        continue
      }
      await sleep()
    }
  }

  private func sleep() async {
    guard !isSignalled else { return }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        if isSignalled || Task.isCancelled { continuation.resume() } else { signal = continuation }
      }
    } onCancel: {
      Task { await self.wake() }
    }
  }

  private func schedule(_ delivery: Registry.SlackDelivery) {
    guard let payload = try? JSON.decode(JSONValue.self, from: delivery.body),
      let event = SlackEvent(kind: delivery.kind, payload: payload)
    else {
      Task { try? await self.registry.slackDeliveryIsDone(delivery.id) }
      return
    }
    let place = event.place
    let before = chains[place]
    lengths[place, default: 0] += 1
    chains[place] = Task {
      await before?.value
      await self.deal(with: delivery, event)
      self.ended(place)
    }
  }

  private func ended(_ place: SlackPlace) {
    lengths[place, default: 1] -= 1
    guard lengths[place] == 0 else { return }
    lengths[place] = nil
    chains[place] = nil
  }

  /// Until it is done, or has failed too often; what failed because Slack is away is tried for as long as that lasts.
  private func deal(with delivery: Registry.SlackDelivery, _ event: SlackEvent) async {
    var attempts = delivery.attempts
    var backoff = Self.firstBackoff
    while !Task.isCancelled {
      do {
        try await handle(event)
        try await registry.slackDeliveryIsDone(delivery.id)
        return
      } catch is CancellationError {
        return
      } catch {
        let isSlackAway = (error as? SlackFailure)?.mayImprove ?? false
        if !isSlackAway { attempts += 1 }
        guard attempts < Self.attempts else {
          logger.error("a message from Slack could not be dealt with", metadata: ["error": "\(error)"])
          try? await registry.slackDeliveryIsDone(delivery.id)
          return
        }
        if !isSlackAway { try? await registry.slackDeliveryFailed(delivery.id) }
        var pause = backoff
        if case .limited(let seconds) = error as? SlackFailure { pause = max(pause, .milliseconds(Int64(seconds * 1000))) }
        do { try await Task.sleep(for: pause) } catch { return }
        backoff = min(backoff * 2, Self.longestBackoff)
      }
    }
  }
}
