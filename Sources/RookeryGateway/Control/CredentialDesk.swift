import Foundation
import RookeryModel

/// Questions for credentials that only `serve` can answer, until it has.
actor CredentialDesk {
  private struct Open {
    var question: CredentialQuestion
    var deliver: ContinuousClock.Instant
    var waiter: CheckedContinuation<CredentialAnswer, any Error>
  }

  private let limit: Int
  private let patience: Duration
  private let redelivery: Duration
  private let changed = ChangeSignal()
  private var open: [Int64: Open] = [:]
  /// Numbers go on from the time, so that an answer to an earlier gateway's question meets none of ours.
  private var next = Int64(Date().timeIntervalSince1970 * 1000) * 1000

  init(limit: Int, patience: Duration, redelivery: Duration) {
    self.limit = limit
    self.patience = patience
    self.redelivery = redelivery
  }

  /// - Throws: `unavailable` when `serve` does not answer in time, or too many wait.
  func ask(_ sandbox: SandboxID, _ repository: RepositoryName, push: Bool) async throws -> CredentialAnswer {
    guard open.count < limit else {
      throw RookeryError(.unavailable, "Too many operations wait for the Rookery server.", mend: "Try again in a moment.")
    }
    next += 1
    let number = next
    let question = CredentialQuestion(number: number, sandbox: sandbox, repository: repository, push: push)
    return try await withThrowingTaskGroup(of: CredentialAnswer?.self) { group in
      group.addTask { try await self.wait(for: question) }
      group.addTask { [patience] in
        try await Task.sleep(for: patience)
        return nil
      }
      defer { group.cancelAll() }
      guard let first = try await group.next(), let answer = first else {
        throw RookeryError(
          .unavailable, "The Rookery server did not answer within \(patience.components.seconds) s.",
          mend: "Try again once it is up: “rookery doctor” tells.")
      }
      return answer
    }
  }

  /// Questions to answer; waits up to `wait` for the first.
  func questions(wait: Duration) async -> [CredentialQuestion] {
    let deadline = ContinuousClock.now + wait
    while true {
      let version = changed.version
      let now = ContinuousClock.now
      let due = open.values.filter { $0.deliver <= now }.map(\.question).sorted { $0.number < $1.number }
      // Whoever asked has gone: the questions wait for the next one.
      if Task.isCancelled { return [] }
      if !due.isEmpty || now >= deadline {
        for question in due { open[question.number]?.deliver = now + redelivery }
        return due
      }
      let nextDelivery = open.values.map(\.deliver).min() ?? deadline
      await changed.wait(past: version, upTo: min(deadline, nextDelivery) - now)
    }
  }

  /// An answer to a question that nobody waits for any more is dropped.
  func answer(_ number: Int64, _ answer: CredentialAnswer) { open.removeValue(forKey: number)?.waiter.resume(returning: answer) }

  private func wait(for question: CredentialQuestion) async throws -> CredentialAnswer {
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        if Task.isCancelled {
          continuation.resume(throwing: CancellationError())
        } else {
          open[question.number] = Open(question: question, deliver: .now, waiter: continuation)
          changed.notify()
        }
      }
    } onCancel: {
      Task { await self.forget(question.number) }
    }
  }

  private func forget(_ number: Int64) { open.removeValue(forKey: number)?.waiter.resume(throwing: CancellationError()) }
}
