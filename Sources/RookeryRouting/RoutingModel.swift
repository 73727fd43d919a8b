import AsyncHTTPClient
import Foundation
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import RookeryConfiguration
import RookeryModel
import Synchronization

/// Asks a model which repository is meant: one answer within a deadline, whatever the server can do.
///
/// A server that rejects or ignores a JSON schema is asked again for an object, then for text; which form it understood is kept for the
/// next question. Rates are respected as the server says; nothing is asked again that can't get better.
package final class RoutingModel: Sendable {
  private let url: String
  private let wire: RoutingModelWire
  private let key: Secret
  private let deadline: Duration
  private let client: HTTPClient
  /// The first form that this server understood.
  private let form = Mutex(AnswerForm.schema)

  private static let answerLimit = 1 << 20
  private static let attempts = 6
  /// Before asking again after a server's error that doesn't say how long to wait; doubles.
  private static let pause = Duration.milliseconds(200)

  /// Lives as long as the process. It follows no redirect: the key has one destination.
  private static let shared: HTTPClient = {
    var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
    configuration.connectionPool.retryConnectionEstablishment = false
    return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }()

  /// - Parameters:
  ///   - name: the model's name, instead of the one that agents use.
  ///   - deadline: for everything together; a person waits.
  package init(_ model: Configuration.Model, name: String? = nil, deadline: Duration) {
    url = model.url
    wire = RoutingModelWire(wire: model.wire, model: name ?? model.name)
    key = model.key
    self.deadline = deadline
    client = Self.shared
  }

  /// Throws `RoutingModelFailure`, or `CancellationError`.
  func choose(_ question: RoutingQuestion) async throws -> RoutingChoice {
    let prompt = RoutingPrompt(question: question)
    let end = ContinuousClock.now + deadline
    var form = self.form.withLock { $0 }
    var wait = Self.pause
    var newest = RoutingModelFailure.tooSlow
    for _ in 0..<Self.attempts {
      guard ContinuousClock.now < end else { break }
      do {
        let text = try await answer(to: wire.body(prompt, form: form), until: end)
        let choice = try RoutingChoice(text: text, among: question.names)
        self.form.withLock { [form] in $0 = form }
        return choice
      } catch RoutingChoice.Problem.unreadable {
        newest = .unreadable
        guard let next = form.next else { throw newest }
        form = next
      } catch RoutingChoice.Problem.outsider {
        // A schema would have prevented it: this server ignores them.
        newest = .outsider
        guard let next = form.next else { throw newest }
        form = next
      } catch let answer as BadAnswer {
        newest = answer.failure
        if answer.isAboutForm, let next = form.next {
          form = next
          continue
        }
        guard answer.mayImprove else { throw newest }
        let pause = answer.retryAfter ?? wait
        guard ContinuousClock.now + pause < end else { throw newest }
        try await Task.sleep(for: pause)
        wait = wait * 2
      }
    }
    throw newest
  }

  /// A request's answer as text.
  private func answer(to body: JSONValue, until end: ContinuousClock.Instant) async throws -> String {
    var request = HTTPClientRequest(url: url + wire.path)
    request.method = .POST
    request.headers.add(name: "Content-Type", value: "application/json")
    request.headers.add(name: "Accept", value: "application/json")
    switch wire.wire {
    case .openai:
      if !key.reveal().isEmpty { request.headers.add(name: "Authorization", value: "Bearer \(key.reveal())") }
    case .anthropic:
      request.headers.add(name: "x-api-key", value: key.reveal())
      request.headers.add(name: "anthropic-version", value: "2023-06-01")
    }
    request.body = .bytes(try JSON.encode(body))
    let left = max(.milliseconds(1), end - ContinuousClock.now)
    let data: Data
    do {
      let response = try await client.execute(request, timeout: TimeAmount(left))
      var buffer = try await response.body.collect(upTo: Self.answerLimit)
      data = buffer.readData(length: buffer.readableBytes) ?? Data()
      guard response.status == .ok else { throw BadAnswer(response, data, now: Date()) }
    } catch let error as HTTPClientError where error == .deadlineExceeded || error == .readTimeout || error == .connectTimeout {
      throw RoutingModelFailure.tooSlow
    } catch let error as BadAnswer {
      throw error
    } catch is NIOTooManyBytesError {
      throw RoutingModelFailure.unreadable
    } catch let error where !(error is CancellationError) && !Task.isCancelled {
      throw BadAnswer(failure: .unreachable, mayImprove: true)
    }
    guard let value = try? JSON.decode(JSONValue.self, from: data) else { throw RoutingModelFailure.unreadable }
    return try wire.text(of: value)
  }
}

/// An answer that is none, and what to do about it.
struct BadAnswer: Error, Equatable {
  var failure: RoutingModelFailure
  /// Whether the same request may succeed later.
  var mayImprove: Bool
  /// Whether the server can't do the form that was asked for.
  var isAboutForm = false
  var retryAfter: Duration?

  init(failure: RoutingModelFailure, mayImprove: Bool) {
    self.failure = failure
    self.mayImprove = mayImprove
  }

  init(_ response: HTTPClientResponse, _ body: Data, now: Date) {
    self.init(status: Int(response.status.code), headers: { response.headers.first(name: $0) }, body: body, now: now)
  }

  init(status: Int, headers: (String) -> String?, body: Data, now: Date) {
    let error = (try? JSON.decode(JSONValue.self, from: body))?["error"]
    let code = error?["code"]?.string ?? error?["type"]?.string
    failure = .status(status, code: code)
    let isUsedUp = code == "insufficient_quota" || error?["type"]?.string == "insufficient_quota"
    mayImprove = (status == 429 && !isUsedUp) || status == 408 || status >= 500
    // Servers word it in many ways, or say nothing: whatever they refuse as badly formed is asked in a plainer form.
    isAboutForm = status == 400 || status == 422 || status == 501
    if let text = headers("retry-after-ms"), let value = Double(text), value >= 0 {
      retryAfter = .milliseconds(Int64(min(value, 86_400_000)))
    } else if let text = headers("retry-after") {
      if let value = Double(text), value >= 0 {
        retryAfter = .milliseconds(Int64(min(value, 86_400) * 1000))
      } else if let date = Self.httpDate(text) {
        retryAfter = .milliseconds(Int64(max(0, min(date.timeIntervalSince(now), 86_400)) * 1000))
      }
    }
  }

  private static func httpDate(_ text: String) -> Date? {
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.timeZone = TimeZone(secondsFromGMT: 0)
    formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss zzz"
    return formatter.date(from: text)
  }
}
