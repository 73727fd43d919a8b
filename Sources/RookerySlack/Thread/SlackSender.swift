import Crypto
import Foundation
import Logging
import RookeryModel
import RookeryStore

/// Sends what threads should show: one queue for each channel, in order, at Slack's pace.
///
/// A message is named by its key. What is wanted of a key that waits already replaces it, so that a slow channel or an outage costs no
/// queue: when Slack answers again, each message is brought to its newest content. A message is recorded before it is posted; whether a
/// post whose answer was lost got through is read from the thread.
actor SlackSender {
  struct Pace: Sendable {
    /// Between two messages to a channel.
    var post = Duration.milliseconds(1100)
    /// Between two edits of a message.
    var edit = Duration.milliseconds(2500)
    var firstBackoff = Duration.milliseconds(500)
    var longestBackoff = Duration.seconds(30)
  }

  enum Job: Sendable, Equatable {
    case show(SlackContent)
    case file(Data, name: String, title: String)
    /// The one reaction of ours on a person's message; nil: none.
    case mark(ts: String, name: String?)
    case status(SlackAPI.AgentStatus, title: String?, initiator: String?)
  }

  private struct Entry {
    var place: SlackPlace
    var key: String
    var job: Job
    var waiters: [CheckedContinuation<String?, any Error>] = []
    /// Not before.
    var due: ContinuousClock.Instant
  }

  private let api: SlackAPI
  private let registry: Registry
  private let pace: Pace
  private let logger: Logger
  private var queues: [String: [Entry]] = [:]
  private var workers: [String: Task<Void, Never>] = [:]
  private var edited: [String: ContinuousClock.Instant] = [:]
  private var posted: [String: ContinuousClock.Instant] = [:]
  /// Methods that this workspace doesn't have.
  private(set) var hasAgentSurface = true
  private var idleWaiters: [SlackPlace: [CheckedContinuation<Void, Never>]] = [:]
  private var isClosed = false

  init(api: SlackAPI, registry: Registry, pace: Pace, logger: Logger) {
    self.api = api
    self.registry = registry
    self.pace = pace
    self.logger = logger
  }

  /// Sends when it can; returns at once.
  func want(_ job: Job, key: String, in place: SlackPlace) { enqueue(job, key: key, in: place, waiter: nil) }

  /// Sends, and waits until it is there; the message's `ts`. Throws what Slack refused it for.
  @discardableResult
  func deliver(_ job: Job, key: String, in place: SlackPlace) async throws -> String? {
    try await withCheckedThrowingContinuation { enqueue(job, key: key, in: place, waiter: $0) }
  }

  /// Waits until nothing of `place` waits.
  func settled(_ place: SlackPlace) async {
    guard queues[place.channel]?.contains(where: { $0.place == place }) ?? false else { return }
    await withCheckedContinuation { idleWaiters[place, default: []].append($0) }
  }

  /// Ends every queue; what waits is found again from the sessions' logs.
  func close() {
    isClosed = true
    for worker in workers.values { worker.cancel() }
    for entry in queues.values.joined() { for waiter in entry.waiters { waiter.resume(throwing: CancellationError()) } }
    queues = [:]
    for waiter in idleWaiters.values.joined() { waiter.resume() }
    idleWaiters = [:]
  }

  private func enqueue(_ job: Job, key: String, in place: SlackPlace, waiter: CheckedContinuation<String?, any Error>?) {
    guard !isClosed else {
      waiter?.resume(throwing: CancellationError())
      return
    }
    if case .status = job, !hasAgentSurface {
      waiter?.resume(returning: nil)
      return
    }
    var queue = queues[place.channel] ?? []
    if let index = queue.firstIndex(where: { $0.place == place && $0.key == key }) {
      queue[index].job = job
      if let waiter { queue[index].waiters.append(waiter) }
    } else {
      var due = ContinuousClock.now
      if case .show = job, let last = edited[Self.name(place, key)] { due = max(due, last + pace.edit) }
      queue.append(Entry(place: place, key: key, job: job, waiters: waiter.map { [$0] } ?? [], due: due))
    }
    queues[place.channel] = queue
    if workers[place.channel] == nil { workers[place.channel] = Task { await self.work(place.channel) } }
  }

  private static func name(_ place: SlackPlace, _ key: String) -> String { "\(place.channel) \(place.thread) \(key)" }

  // MARK: A channel's queue

  private func work(_ channel: String) async {
    var backoff = pace.firstBackoff
    while let entry = next(channel) {
      if entry.due > .now {
        do { try await Task.sleep(until: entry.due, clock: .continuous) } catch { return }
        // Something newer may have come meanwhile.
        continue
      }
      do {
        let ts = try await send(entry)
        backoff = pace.firstBackoff
        finish(entry, .success(ts))
      } catch SlackFailure.limited(let seconds) {
        do { try await Task.sleep(for: .milliseconds(Int64(seconds * 1000))) } catch { return }
      } catch let failure as SlackFailure where failure.mayImprove {
        do { try await Task.sleep(for: backoff) } catch { return }
        backoff = min(backoff * 2, pace.longestBackoff)
      } catch is CancellationError {
        return
      } catch {
        noteRefusal(error, entry)
        finish(entry, .failure(error))
      }
      if isClosed { return }
    }
    workers[channel] = nil
  }

  /// The first that is due, else the one that is due first.
  private func next(_ channel: String) -> Entry? {
    guard let queue = queues[channel], !queue.isEmpty else { return nil }
    let now = ContinuousClock.now
    return queue.first { $0.due <= now } ?? queue.min { $0.due < $1.due }
  }

  /// Takes the entry out, unless something newer is wanted of it meanwhile: that goes on.
  private func finish(_ entry: Entry, _ result: Result<String?, any Error>) {
    guard var queue = queues[entry.place.channel],
      let index = queue.firstIndex(where: { $0.place == entry.place && $0.key == entry.key })
    else { return }
    let current = queue[index]
    for waiter in current.waiters { waiter.resume(with: result) }
    var isOver = current.job == entry.job
    // What the workspace hasn't got is not tried again.
    if case .status = current.job, !hasAgentSurface { isOver = true }
    if isOver {
      queue.remove(at: index)
    } else {
      queue[index].waiters = []
      if case .show = current.job { queue[index].due = .now + pace.edit }
    }
    queues[entry.place.channel] = queue
    if !queue.contains(where: { $0.place == entry.place }) {
      for waiter in idleWaiters.removeValue(forKey: entry.place) ?? [] { waiter.resume() }
    }
  }

  private func noteRefusal(_ error: any Error, _ entry: Entry) {
    if case .status = entry.job {
      hasAgentSurface = false
      logger.notice("this workspace has no native surface for agents; threads alone show what happens", metadata: ["error": "\(error)"])
      return
    }
    logger.warning(
      "Slack refused a message", metadata: ["key": "\(entry.key)", "error": "\((error as? SlackFailure)?.error ?? error)"])
  }

  // MARK: One thing

  private func send(_ entry: Entry) async throws -> String? {
    let place = entry.place
    switch entry.job {
    case .mark(let ts, let name):
      try await mark(ts, name, entry)
      return nil
    case .status(let status, let title, let initiator):
      try await api.setStatus(status, in: place, title: title, initiator: initiator)
      return nil
    case .file(let data, let name, let title):
      let known = try await registry.slackMessage(channel: place.channel, thread: place.thread, key: entry.key)
      guard known?.ts == nil else { return known?.ts }
      try await api.share(data, name: name, title: title, in: place)
      try await record(.init(ts: "shared", digest: nil), entry)
      return nil
    case .show(let content): return try await show(content, entry)
    }
  }

  /// Recorded before and after: a mark that may be there is taken away.
  private func mark(_ ts: String, _ name: String?, _ entry: Entry) async throws {
    let place = entry.place
    let before = try await registry.slackMessage(channel: place.channel, thread: place.thread, key: entry.key)?.digest
    guard before != name ?? "" else { return }
    if let before, !before.isEmpty { try await api.react(before, channel: place.channel, ts: ts, isAdded: false) }
    if let name { try await api.react(name, channel: place.channel, ts: ts, isAdded: true) }
    try await record(.init(ts: ts, digest: name ?? ""), entry)
  }

  private func show(_ content: SlackContent, _ entry: Entry) async throws -> String {
    let place = entry.place
    let digest = Self.digest(content)
    var known = try await registry.slackMessage(channel: place.channel, thread: place.thread, key: entry.key)
    if known != nil, known?.ts == nil, let ts = try await api.find(key: entry.key, in: place) {
      // It got through, and only the answer was lost; what it shows is not known for certain.
      known?.ts = ts
      known?.digest = nil
      try await record(.init(ts: ts, digest: nil), entry)
    }
    if let ts = known?.ts {
      guard known?.digest != digest else { return ts }
      try await api.update(content, channel: place.channel, ts: ts, key: entry.key)
      edited[Self.name(place, entry.key)] = .now
      try await record(.init(ts: ts, digest: digest), entry)
      return ts
    }
    if let last = posted[place.channel], last + pace.post > .now { try await Task.sleep(until: last + pace.post, clock: .continuous) }
    try await record(.init(ts: nil, digest: nil), entry)
    posted[place.channel] = .now
    let ts = try await api.post(content, to: place, key: entry.key)
    edited[Self.name(place, entry.key)] = .now
    try await record(.init(ts: ts, digest: digest), entry)
    forgetOldEdits()
    return ts
  }

  private func forgetOldEdits() {
    guard edited.count > 2000 else { return }
    let limit = ContinuousClock.now - pace.edit
    edited = edited.filter { $0.value > limit }
  }

  private func record(_ message: Registry.SlackMessage, _ entry: Entry) async throws {
    try await registry.setSlackMessage(message, channel: entry.place.channel, thread: entry.place.thread, key: entry.key)
  }

  static func digest(_ content: SlackContent) -> String {
    let value: JSONValue = ["text": .string(content.text), "blocks": .array(content.blocks)]
    let data = (try? JSON.encode(value)) ?? Data()
    return SHA256.hash(data: data).prefix(12).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
