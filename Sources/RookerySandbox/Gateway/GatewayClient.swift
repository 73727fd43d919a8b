import Foundation
import Logging
import RookeryControl
import RookeryModel

/// `serve`'s side of the gateway: says what each sandbox may reach, answers credential questions, collects usage.
///
/// The gateway keeps grants in memory only. `answerQuestions` always has a poll open, so a gateway that restarts cuts it; every
/// grant that still holds is then told again.
package actor GatewayClient {
  /// The version of `GatewayRequest` that this side speaks.
  package static let protocolVersion = 1

  private let client: ControlClient
  private let logger: Logger
  private var book = GrantBook()
  /// Counts the gateways that this side has met, as far as it noticed.
  private var generation = 0
  private var answering: Set<Int64> = []
  /// Usage up to this entry has come off the allowances in `book`; asking for it again counts nothing twice.
  private var counted: Int64 = 0

  /// How long `grant` and `revoke` wait for a gateway that restarts.
  private static let patience = Duration.seconds(10)
  /// Seconds that a poll for questions lasts.
  private static let pollSeconds = 20

  /// - Parameters:
  ///   - socket: the gateway's socket.
  ///   - allowedServers: the users that may serve it.
  package init(socket: String, allowedServers: Set<UInt32>, logger: Logger) {
    client = ControlClient(path: socket, allowedServers: allowedServers)
    self.logger = logger
  }

  /// Whether the gateway answers now.
  package func isReady() async -> Bool {
    do {
      let response = try await client.call(
        GatewayRequest.hello(version: Self.protocolVersion), as: GatewayResponse.self, timeout: .seconds(2))
      return response == .hello(version: Self.protocolVersion)
    } catch {
      logger.debug("the gateway does not answer", metadata: ["error": "\(error)"])
      return false
    }
  }

  /// Replaces the sandbox's grant. When it returns the gateway knows it; it is told again should the gateway restart, until it
  /// expires or is revoked. Throws when the gateway refuses it or stays away; nothing is granted then.
  package func grant(_ grant: Grant) async throws {
    book.granted(grant)
    do {
      try await done(.grant(grant), "grant")
      book.told(grant)
    } catch {
      book.revoked(grant.sandbox)
      throw error
    }
  }

  /// Takes the sandbox's grant back; nothing is told about it again, whatever this call throws.
  package func revoke(_ sandbox: SandboxID) async throws {
    book.revoked(sandbox)
    do {
      try await done(.revoke(sandbox), "revoke")
    } catch let error as RookeryError where error.code == .notFound {
      // The sandbox has ended already.
    }
  }

  /// Usage counted since `after`, which the gateway then forgets; waits up to `wait` seconds for the first.
  package func usage(after: Int64, wait: Int = 0) async throws -> [UsageEntry] {
    let wait = min(max(0, wait), 60)
    let response = try await client.call(
      GatewayRequest.usage(after: after, wait: wait), as: GatewayResponse.self, timeout: .seconds(wait + 10))
    guard case .usage(let entries) = response else { throw Self.unexpected(response, to: "usage") }
    for entry in entries where entry.seq > counted {
      book.spent(entry.usage, by: entry.sandbox)
      counted = entry.seq
    }
    return entries
  }

  /// Refusals and spent budgets reported since `after`, which the gateway then forgets; waits up to `wait` seconds for the first.
  package func reports(after: Int64, wait: Int = 0) async throws -> [GatewayReport] {
    let wait = min(max(0, wait), 60)
    let response = try await client.call(
      GatewayRequest.reports(after: after, wait: wait), as: GatewayResponse.self, timeout: .seconds(wait + 10))
    guard case .reports(let reports) = response else { throw Self.unexpected(response, to: "reports") }
    return reports
  }

  /// Answers questions until the task is cancelled, which ends it with `CancellationError`. Survives restarts of the gateway.
  package func answerQuestions(_ answer: @escaping @Sendable (CredentialQuestion) async -> CredentialAnswer) async throws {
    try await withThrowingDiscardingTaskGroup { group in
      var pause = Duration.milliseconds(50)
      while true {
        do {
          let asked = generation
          let isComplete = await tellUntold()
          let questions = try await nextQuestions(wait: isComplete ? Self.pollSeconds : 1)
          pause = .milliseconds(50)
          for question in questions where answering.insert(question.number).inserted {
            group.addTask { await self.reply(answer(question), to: question, asked: asked) }
          }
        } catch {
          try Task.checkCancellation()
          forgotten(because: error)
          try await Task.sleep(for: pause)
          pause = min(pause * 2, .seconds(2))
        }
      }
    }
  }

  private func nextQuestions(wait: Int) async throws -> [CredentialQuestion] {
    let response = try await client.call(
      GatewayRequest.nextQuestions(wait: wait), as: GatewayResponse.self, timeout: .seconds(wait + 10))
    guard case .questions(let questions) = response else { throw Self.unexpected(response, to: "nextQuestions") }
    return questions
  }

  /// `asked` is the generation of the gateway that asked: its successor has other questions under the same numbers.
  private func reply(_ answer: CredentialAnswer, to question: CredentialQuestion, asked: Int) async {
    guard asked == generation else { return }
    do {
      _ = try await client.call(
        GatewayRequest.answer(question: question.number, answer), as: GatewayResponse.self, timeout: .seconds(10))
    } catch {
      logger.warning("an answer did not reach the gateway", metadata: ["question": "\(question.number)", "error": "\(error)"])
    }
    if asked == generation { answering.remove(question.number) }
  }

  private func forgotten(because error: any Error) {
    logger.debug("the gateway is away", metadata: ["error": "\(error)"])
    generation += 1
    answering = []
    counted = 0
    book.gatewayForgot()
  }

  /// Tells the gateway what it does not know yet; false when something is still left, for instance because the host has not
  /// handed the sandbox's listeners to a new gateway yet.
  private func tellUntold() async -> Bool {
    var isComplete = true
    for grant in book.untold(now: Date()) {
      do {
        let response = try await client.call(
          GatewayRequest.grant(book.current(grant)), as: GatewayResponse.self, timeout: .seconds(5))
        guard response == .done else { throw Self.unexpected(response, to: "grant") }
        book.told(grant)
      } catch {
        logger.debug("a grant waits for the gateway", metadata: ["sandbox": "\(grant.sandbox)", "error": "\(error)"])
        isComplete = false
      }
    }
    return isComplete
  }

  /// Repeats a request that meets no gateway for a while.
  private func done(_ request: GatewayRequest, _ name: String) async throws {
    let end = ContinuousClock.now + Self.patience
    var pause = Duration.milliseconds(50)
    while true {
      do {
        let response = try await client.call(request, as: GatewayResponse.self, timeout: .seconds(5))
        guard response == .done else { throw Self.unexpected(response, to: name) }
        return
      } catch let error as RookeryError where error.code == .unavailable {
        guard ContinuousClock.now + pause < end else { throw error }
      }
      try await Task.sleep(for: pause)
      pause = min(pause * 2, .seconds(1))
    }
  }

  private static func unexpected(_ response: GatewayResponse, to request: String) -> RookeryError {
    RookeryError(
      .internal, "The gateway's answer to \(request) is not understood.", mend: "Run the same version of every Rookery process.",
      context: String(describing: response))
  }
}
