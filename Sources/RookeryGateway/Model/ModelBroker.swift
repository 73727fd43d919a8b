import AsyncHTTPClient
import Foundation
import Logging
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import RookeryModel
import Synchronization

/// Passes calls on to the model API of a sandbox's grant: adds its key, lets only its model be used, counts tokens.
struct ModelBroker: BrokerResponder {
  let grants: GrantBook
  let spool: UsageSpool
  let reports: ReportSpool
  let upstream: Upstream
  let bounds: GatewayBounds
  let memory: MemoryBudget
  let logger: Logger

  func respond(to request: BrokerRequest, writer: AnswerWriter) async throws {
    let route = try ModelRoute(method: request.method, path: request.path)
    let access = try grants.model(request.sandbox)
    var held = 0
    defer { memory.giveBack(held) }
    let body = try await body(of: request, held: &held)
    let call = try route == .models ? nil : ModelCall(body, grant: access.grant)
    let outgoing = Upstream.Request(
      method: request.method, suffix: request.query.map { "\(route.rawValue)?\($0)" } ?? route.rawValue,
      headers: headers(for: request, route, access: access.grant), body: route == .models ? .none : .bytes(body))
    guard let call, route != .countTokens else {
      return try await upstream.send(outgoing, to: access.remote, privateHosts: access.privateHosts) { response in
        try check(response, host: access.remote.host)
        try await relay(response, metering: nil, sandbox: request.sandbox, writer)
      }
    }
    let reservation = try reserve(call, for: request.sandbox)
    let isSettled = Mutex(false)
    defer { if !isSettled.withLock({ $0 }) { grants.settle(reservation, used: nil, for: request.sandbox) } }
    try await upstream.send(outgoing, to: access.remote, privateHosts: access.privateHosts) { response in
      try check(response, host: access.remote.host)
      try await grants.answersReleased(request.sandbox)
      try await relay(
        response,
        metering: Metering(
          call: call, reservation: reservation,
          settle: { usage in
            isSettled.withLock { $0 = true }
            grants.settle(reservation, used: usage, for: request.sandbox)
          }), sandbox: request.sandbox, writer)
    }
  }

  private func reserve(_ call: ModelCall, for sandbox: SandboxID) throws -> GrantBook.Reservation {
    do { return try grants.reserve(call.reservation, least: call.least, for: sandbox) } catch let error as RookeryError
      where error.code == .limitHit
    {
      reports.budgetSpent(sandbox, detail: error.message)
      throw error
    }
  }

  func failure(_ error: RookeryError, for request: BrokerRequest) -> BrokerAnswer {
    let wire = grants.wire(of: request.sandbox) ?? (request.path.hasPrefix("/v1/messages") ? .anthropic : .openai)
    return ModelFailure.answer(error, wire: wire)
  }

  /// The whole body, accounted for in `held` as it grows.
  private func body(of request: BrokerRequest, held: inout Int) async throws -> ByteBuffer {
    guard request.headers["content-encoding"].isEmpty else {
      throw RookeryError(.badRequest, "Send the request without a content encoding.")
    }
    var reader = try BodyReader(request, limit: bounds.modelBody, decompress: false)
    var body = ByteBuffer()
    while var bytes = try await reader.next() {
      try memory.take(bytes.readableBytes)
      held += bytes.readableBytes
      body.writeBuffer(&bytes)
    }
    return body
  }

  /// What may name the caller or carry a credential stays behind; the key is added.
  private func headers(for request: BrokerRequest, _ route: ModelRoute, access: Grant.Model) -> HTTPHeaders {
    var headers = HTTPHeaders()
    for name in ["accept", "content-type", "user-agent", "anthropic-version", "anthropic-beta", "openai-beta", "idempotency-key"] {
      for value in request.headers[name] { headers.add(name: name, value: value) }
    }
    // Counting tokens needs to read the answer.
    headers.add(name: "accept-encoding", value: "identity")
    switch (access.wire, route) {
    case (.openai, _): headers.add(name: "authorization", value: "Bearer \(access.key.reveal())")
    // Its endpoints in OpenAI's dialect take the key in OpenAI's way.
    case (.anthropic, .chatCompletions), (.anthropic, .responses):
      headers.add(name: "authorization", value: "Bearer \(access.key.reveal())")
    case (.anthropic, .messages), (.anthropic, .countTokens), (.anthropic, .models):
      headers.add(name: "x-api-key", value: access.key.reveal())
      if !headers.contains(name: "anthropic-version") { headers.add(name: "anthropic-version", value: "2023-06-01") }
    }
    return headers
  }

  /// Our key and our URL are the operator's matter: an answer about them is not passed on, since it may quote them.
  private func check(_ response: HTTPClientResponse, host: String) throws {
    switch response.status.code {
    case 300..<400:
      throw RookeryError(
        .unavailable, "The model API at “\(host)” answers with a redirect, which is not followed.", mend: "Configure its final URL.")
    case 401, 403:
      throw RookeryError(
        .forbidden, "The model API at “\(host)” refused the configured key (\(response.status.code)).",
        mend: "Check the model's key in the server's configuration, and what it permits.")
    default: break
    }
  }

  /// How an answer is counted.
  private struct Metering: Sendable {
    var call: ModelCall
    var reservation: GrantBook.Reservation
    var settle: @Sendable (Usage?) -> Void
  }

  private func relay(
    _ response: HTTPClientResponse, metering: Metering?, sandbox: SandboxID, _ writer: AnswerWriter
  ) async throws {
    var headers = HTTPHeaders()
    for (name, value) in response.headers where Self.passes(name.lowercased()) { headers.add(name: name, value: value) }
    let metering = response.status.code < 300 ? metering : nil
    var meter = UsageMeter(contentType: response.headers.first(name: "content-type") ?? "", requestBytes: metering?.call.bytes ?? 0)
    let outcome: Result<Void, any Error>
    do {
      try await writer.begin(response.status, headers)
      for try await part in response.body {
        if metering != nil { meter.feed(part) }
        try await writer.write(part)
        if let metering { try endOverdraft(metering, meter.soFar, of: sandbox) }
      }
      outcome = .success(())
    } catch {
      outcome = .failure(error)
    }
    // Counted however it ended, and before its end is told: whoever has seen it finds it counted.
    if let metering {
      var usage = meter.finish()
      usage.costMicroUSD = metering.call.price?.cost(input: usage.inputTokens, output: usage.outputTokens)
      metering.settle(usage)
      await spool.add(usage, of: sandbox)
    }
    try outcome.get()
    try await writer.end()
  }

  /// Ends an answer that takes the session over its allowance while it streams: what it promised to be at most was an estimate.
  private func endOverdraft(_ metering: Metering, _ soFar: (input: Int, output: Int), of sandbox: SandboxID) throws {
    let used = GrantBook.Reservation(
      tokens: soFar.input + soFar.output, cost: metering.call.price?.cost(input: soFar.input, output: soFar.output) ?? 0)
    guard let error = grants.overdraft(metering.reservation, used: used, for: sandbox) else { return }
    reports.budgetSpent(sandbox, detail: error.message)
    throw error
  }

  private static func passes(_ name: String) -> Bool {
    let names: Set = [
      "content-type", "content-length", "content-encoding", "cache-control", "retry-after", "retry-after-ms", "request-id", "x-request-id",
      "x-should-retry",
    ]
    return names.contains(name) || name.hasPrefix("x-ratelimit-") || name.hasPrefix("anthropic-ratelimit-")
  }
}
