import Foundation
import RookeryGateway
import RookeryModel
import RookeryTestSupport
import Testing

@Suite struct ModelBrokerTests {
  private func withModel(
    wire: Grant.Model.Wire = .openai, allowance: Int? = nil, _ adjust: (inout GatewaySettings) -> Void = { _ in },
    _ body: (ModelDouble, GatewayFixture) async throws -> Void
  ) async throws {
    let model = try await ModelDouble.start()
    let gateway = try await GatewayFixture.start(adjust)
    try await grant(gateway, model, wire: wire, allowance: allowance)
    try await body(model, gateway)
    #expect(model.state.violations == [])
    try await gateway.stop()
    await model.stop()
  }

  private func grant(_ gateway: GatewayFixture, _ model: ModelDouble, wire: Grant.Model.Wire, allowance: Int? = nil) async throws {
    let grant = Grant.Model(url: model.url, wire: wire, key: Secret(ModelDouble.key), name: ModelDouble.model, tokenAllowance: allowance)
    try await gateway.grant(model: grant, privateHosts: [model.authority])
  }

  /// A request over a raw socket, so that nothing is added to it.
  private func post(
    _ gateway: GatewayFixture, _ path: String, _ body: String, headers: [String] = [], timeout: Int = 30
  ) async throws -> String {
    let lines = [
      "POST \(path) HTTP/1.1", "Host: x", "Connection: close", "Content-Type: application/json", "Content-Length: \(body.utf8.count)",
    ]
    return try await RawSocket.exchange(
      port: gateway.modelPort, (lines + headers).joined(separator: "\r\n") + "\r\n\r\n" + body, timeout: timeout)
  }

  private func usage(_ gateway: GatewayFixture, after: Int64 = 0, wait: Int = 0) async throws -> [UsageEntry] {
    guard case .usage(let entries) = try await gateway.call(.usage(after: after, wait: wait)) else { throw CancellationError() }
    return entries
  }

  private static let request = #"{"model":"rehearsal-1","messages":[]}"#
  private static let streamed = #"{"stream":true,"model":"rehearsal-1","messages":[]}"#

  @Test(arguments: [
    ("/v1/chat/completions", Grant.Model.Wire.openai, 10, 5), ("/v1/responses", .openai, 20, 6), ("/v1/messages", .anthropic, 33, 7),
  ])
  func passesOnAndCounts(path: String, wire: Grant.Model.Wire, input: Int, output: Int) async throws {
    try await withModel(wire: wire) { model, gateway async throws in
      let own = [
        "Authorization: Bearer sk-sandbox", "x-api-key: sk-sandbox", "Cookie: a=b", "OpenAI-Organization: x", "X-Forwarded-For: y",
      ]
      let answer = try await post(gateway, path, Self.request, headers: own)
      #expect(answer.hasPrefix("HTTP/1.1 200") && answer.contains("usage") && !answer.contains(ModelDouble.key), "\(answer)")
      #expect(model.state.paths == ["/prefix\(path)"])
      #expect(model.state.headers.allSatisfy { !$0.values.contains { $0.contains("sk-sandbox") } })
      let entries = try await usage(gateway)
      #expect(entries.map(\.usage) == [Usage(inputTokens: input, outputTokens: output, requests: 1)])
      #expect(entries.map(\.sandbox) == [gateway.sandbox])
      #expect(try await usage(gateway, after: entries[0].seq).isEmpty)
      #expect(try await usage(gateway).isEmpty)
    }
  }

  @Test(arguments: [
    ("/v1/chat/completions", Grant.Model.Wire.openai, 11, 4), ("/v1/responses", .openai, 21, 8),
    ("/v1/messages?beta=true", .anthropic, 33, 9),
  ])
  func passesStreamsOn(path: String, wire: Grant.Model.Wire, input: Int, output: Int) async throws {
    try await withModel(wire: wire) { model, gateway async throws in
      let answer = try await post(gateway, path, Self.streamed)
      #expect(answer.contains("text/event-stream") && answer.contains("0123456789"), "\(answer)")
      #expect(model.state.paths == ["/prefix\(path)"])
      #expect(try await usage(gateway).map(\.usage) == [Usage(inputTokens: input, outputTokens: output, requests: 1)])
    }
  }

  @Test func partsOfAStreamArriveAsTheyAreSent() async throws {
    try await withModel { model, gateway async throws in
      let next = model.hold()
      let descriptor = try RawSocket.connect(port: gateway.modelPort)
      let stream = RawSocket.Stream(descriptor)
      try await stream.send(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: \(Self.streamed.utf8.count)\r\n\r\n\(Self.streamed)")
      next.yield()
      #expect(try await stream.receive(until: "0123456789012345").contains("200 OK"))
      next.yield()
      #expect(try await !stream.receive(until: #""content":"0123"}"#).contains("[DONE]"))
      next.yield()
      next.yield()
      #expect(try await stream.receive(until: "\r\n0\r\n\r\n").contains("[DONE]"))
      // The connection serves on.
      next.finish()
      try await stream.send("GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(try await stream.receive(until: "rehearsal-1").contains("200 OK"))
    }
  }

  @Test func missingUsageIsEstimated() async throws {
    try await withModel { model, gateway async throws in
      model.set { $0.reportsUsage = false }
      _ = try await post(gateway, "/v1/chat/completions", Self.streamed)
      #expect(try await usage(gateway).map(\.usage) == [Usage(inputTokens: Self.streamed.utf8.count / 4, outputTokens: 5, requests: 1)])
    }
  }

  @Test func aCutStreamIsCutAndCounted() async throws {
    try await withModel { model, gateway async throws in
      model.set { $0.cuts = true }
      let next = model.hold()
      let stream = RawSocket.Stream(try RawSocket.connect(port: gateway.modelPort))
      try await stream.send(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: \(Self.streamed.utf8.count)\r\n\r\n\(Self.streamed)")
      next.yield()
      next.yield()
      _ = try await stream.receive(until: #""content":"0123"}"#)
      next.yield()
      // Cut, it must not look like an end.
      await #expect(throws: Command.Failed.self) { try await stream.receive(until: "\r\n0\r\n\r\n") }
      let entries = try await usage(gateway, wait: 30)
      #expect(entries.map(\.usage.outputTokens) == [5] && entries.map(\.usage.requests) == [1])
    }
  }

  @Test func aClientThatLeavesEndsTheCall() async throws {
    try await withModel { model, gateway async throws in
      let next = model.hold()
      let stream = RawSocket.Stream(try RawSocket.connect(port: gateway.modelPort))
      try await stream.send(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: \(Self.streamed.utf8.count)\r\n\r\n\(Self.streamed)")
      next.yield()
      _ = try await stream.receive(until: "0123456789012345")
      stream.close()
      // Nothing more comes from the model, and yet the call ends and is counted.
      #expect(try await usage(gateway, wait: 30).map(\.usage.outputTokens) == [4])
      next.finish()
    }
  }

  @Test(arguments: [
    #"{"model":"gpt-5","messages":[]}"#, #"{"messages":[]}"#, #"{"model":null}"#, #"{"model":["rehearsal-1"]}"#,
    #"{"model":"rehearsal-1","model":"gpt-5"}"#, #"{"model":"gpt-5","model":"rehearsal-1"}"#,
    #"{"model":"rehearsal-1","Model":"gpt-5"}"#, #"{"model":"rehearsal-1","mod\u0065l":"gpt-5"}"#, #"{"MODEL":"rehearsal-1"}"#,
    #"{"a":{"model":"rehearsal-1"}}"#, #"[{"model":"rehearsal-1"}]"#, #"{"model":"rehearsal-1"} {"model":"gpt-5"}"#, "", "{", "null",
    #"{"a":[}],"model":"rehearsal-1"}"#, #"{"model":"rehearsal-1""#, #"{"model" "rehearsal-1"}"#, #"{"model":"rehearsal-1\ud800"}"#,
  ])
  func onlyTheGrantedModel(body: String) async throws {
    try await withModel { model, gateway async throws in
      let answer = try await post(gateway, "/v1/chat/completions", body)
      #expect(answer.hasPrefix("HTTP/1.1 400") && answer.contains(#"{"error":{"#), "\(answer)")
      #expect(model.state.paths.isEmpty)
    }
  }

  @Test func theAllowanceEnds() async throws {
    try await withModel(wire: .anthropic, allowance: 60) { model, gateway async throws in
      #expect(try await post(gateway, "/v1/messages", Self.request).contains("200 OK"))
      #expect(try await post(gateway, "/v1/messages", Self.request).contains("200 OK"))
      let spent = try await post(gateway, "/v1/messages", Self.request)
      #expect(
        spent.hasPrefix("HTTP/1.1 429") && spent.contains("has spent its 60 tokens") && spent.contains(#""type":"error""#), "\(spent)")
      #expect(spent.contains("x-should-retry: false"))
      #expect(model.state.paths.count == 2)
      // A new grant counts what was not collected, and nothing else.
      try await grant(gateway, model, wire: .anthropic, allowance: 60)
      #expect(try await post(gateway, "/v1/messages", Self.request).contains("429"))
      let collected = try await usage(gateway)
      #expect(collected.count == 2)
      _ = try await usage(gateway, after: collected[1].seq)
      try await grant(gateway, model, wire: .anthropic, allowance: 60)
      #expect(try await post(gateway, "/v1/messages", Self.request).contains("200 OK"))
    }
  }

  /// A grant with prices and what was spent before it.
  private func grantMoney(
    _ gateway: GatewayFixture, _ model: ModelDouble, wire: Grant.Model.Wire = .openai, tokens: Int? = nil, cost: Int? = nil,
    spent: (tokens: Int, cost: Int) = (0, 0)
  ) async throws {
    var grant = Grant.Model(url: model.url, wire: wire, key: Secret(ModelDouble.key), name: ModelDouble.model, tokenAllowance: tokens)
    grant.costAllowance = cost
    grant.prices = [ModelDouble.model: .init(input: 1_000_000, output: 10_000_000)]
    (grant.spentTokens, grant.spentCost) = spent
    try await gateway.grant(model: grant, privateHosts: [model.authority])
  }

  private func budgetReports(_ gateway: GatewayFixture) async throws -> [String] {
    guard case .reports(let reports) = try await gateway.call(.reports(after: 0, wait: 0)) else { throw CancellationError() }
    return reports.compactMap { if case .budgetSpent(let detail) = $0.kind { detail } else { nil } }
  }

  @Test func moneyIsCountedByPrice() async throws {
    try await withModel { model, gateway async throws in
      // 10 tokens in and 5 out cost 60 millionths each time.
      try await grantMoney(gateway, model, cost: 100)
      #expect(try await post(gateway, "/v1/chat/completions", Self.request).contains("200 OK"))
      #expect(try await usage(gateway).map(\.usage.costMicroUSD) == [60])
      #expect(try await budgetReports(gateway).isEmpty)
      #expect(try await post(gateway, "/v1/chat/completions", Self.request).contains("200 OK"))
      let spent = try await post(gateway, "/v1/chat/completions", Self.request)
      #expect(spent.hasPrefix("HTTP/1.1 429") && spent.contains("US dollars") && spent.contains("insufficient_quota"), "\(spent)")
      #expect(try await budgetReports(gateway).count == 1 && model.state.paths.count == 2)
    }
  }

  @Test func whatWasSpentBeforeCountsAndIsSaidInFull() async throws {
    try await withModel { model, gateway async throws in
      try await grantMoney(gateway, model, tokens: 1000, spent: (999, 0))
      let little = try await post(gateway, "/v1/chat/completions", Self.request)
      #expect(little.hasPrefix("HTTP/1.1 429") && little.contains("left of this session's 1000 tokens"), "\(little)")
      try await grantMoney(gateway, model, tokens: 1000, spent: (1000, 0))
      #expect(try await post(gateway, "/v1/chat/completions", Self.request).contains("has spent its 1000 tokens"))
      #expect(model.state.paths.isEmpty)
      try await grantMoney(gateway, model, tokens: 1000, spent: (900, 0))
      #expect(try await post(gateway, "/v1/chat/completions", Self.request).contains("200 OK"))
    }
  }

  @Test func aStreamThatOverdrawsIsCutInItsMiddle() async throws {
    try await withModel { model, gateway async throws in
      // The request is counted as 12 tokens, its first part as 4, the second as 1.
      try await grantMoney(gateway, model, tokens: 1000, spent: (1000 - 16, 0))
      let next = model.hold()
      let stream = RawSocket.Stream(try RawSocket.connect(port: gateway.modelPort))
      try await stream.send(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: \(Self.streamed.utf8.count)\r\n\r\n\(Self.streamed)")
      next.yield()
      _ = try await stream.receive(until: "0123456789012345")
      #expect(try await budgetReports(gateway).isEmpty)
      next.yield()
      await #expect(throws: Command.Failed.self) { try await stream.receive(until: "DONE") }
      #expect(try await usage(gateway, wait: 30).map(\.usage) == [Usage(inputTokens: 12, outputTokens: 5, requests: 1, costMicroUSD: 62)])
      #expect(try await budgetReports(gateway) == ["This session has spent its 1000 tokens."])
      #expect(try await post(gateway, "/v1/chat/completions", Self.request).contains("has spent its 1000 tokens"))
      next.finish()
    }
  }

  @Test func callsAtOnceShareWhatIsLeft() async throws {
    try await withModel { model, gateway async throws in
      try await grantMoney(gateway, model, tokens: 1000)
      let next = model.hold()
      let stream = RawSocket.Stream(try RawSocket.connect(port: gateway.modelPort))
      let body = #"{"stream":true,"model":"rehearsal-1","max_tokens":980,"messages":[]}"#
      try await stream.send(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
      next.yield()
      _ = try await stream.receive(until: "0123456789012345")
      // What the first may still use is set aside.
      #expect(try await post(gateway, "/v1/chat/completions", Self.request).hasPrefix("HTTP/1.1 429"))
      for _ in 0..<3 { next.yield() }
      _ = try await stream.receive(until: "DONE")
      next.finish()
      #expect(try await post(gateway, "/v1/chat/completions", Self.request).contains("200 OK"))
    }
  }

  @Test(arguments: [
    "GET /v1/chat/completions", "POST /v1/models", "POST /v1/files", "POST /chat/completions", "POST /v1/embeddings",
    "GET /v1/models/rehearsal-1", "POST /v1/chat/completions/", "POST /prefix/v1/chat/completions", "GET /",
  ])
  func otherEndpointsAreRefused(start: String) async throws {
    try await withModel { model, gateway async throws in
      let answer = try await RawSocket.exchange(
        port: gateway.modelPort, "\(start) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
      #expect(answer.hasPrefix("HTTP/1.1 404") || answer.hasPrefix("HTTP/1.1 400"), "\(answer)")
      #expect(model.state.paths.isEmpty)
    }
  }

  @Test func tokensCanBeCountedForNothing() async throws {
    try await withModel(wire: .anthropic) { _, gateway async throws in
      #expect(try await post(gateway, "/v1/messages/count_tokens", Self.request).contains(#"{"input_tokens":7}"#))
      #expect(try await usage(gateway).isEmpty)
    }
  }

  @Test func upstreamFailuresAreExplained() async throws {
    try await withModel { model, gateway async throws in
      model.set { $0.fault = (401, "Incorrect API key provided: \(ModelDouble.key)") }
      let refused = try await post(gateway, "/v1/chat/completions", Self.request)
      #expect(refused.hasPrefix("HTTP/1.1 403") && refused.contains("refused the configured key") && !refused.contains(ModelDouble.key))
      model.set { $0.fault = (400, "context too long") }
      #expect(try await post(gateway, "/v1/chat/completions", Self.request).contains("context too long"))
      model.set { $0.fault = (302, "") }
      #expect(try await post(gateway, "/v1/chat/completions", Self.request).contains("redirect"))
      #expect(try await usage(gateway).isEmpty)
      await model.stop()
      let down = try await post(gateway, "/v1/chat/completions", Self.request)
      #expect(down.hasPrefix("HTTP/1.1 503") && down.contains("cannot be reached"), "\(down)")
    }
  }

  @Test func withoutAGrantNothingGoes() async throws {
    let gateway = try await GatewayFixture.start()
    #expect(try await post(gateway, "/v1/messages", Self.request).contains(#""type":"permission_error""#))
    try await gateway.grant()
    #expect(try await post(gateway, "/v1/chat/completions", Self.request).contains("No model is configured"))
    try await gateway.grant(
      model: Grant.Model(url: "http://127.0.0.1:1", wire: .openai, key: Secret("k"), name: "rehearsal-1", tokenAllowance: nil))
    #expect(try await post(gateway, "/v1/chat/completions", Self.request).contains("not public (loopback)"))
    try await gateway.stop()
  }

  @Test func largeBodiesAreBounded() async throws {
    try await withModel({ ($0.bounds.modelBody, $0.bounds.modelBodies) = (1 << 20, 2 << 20) }) { model, gateway async throws in
      let fitting = #"{"model":"rehearsal-1","x":""# + String(repeating: "x", count: 1_000_000) + "\"}"
      #expect(try await post(gateway, "/v1/chat/completions", fitting).contains("200 OK"))
      #expect(
        try await post(gateway, "/v1/chat/completions", fitting + String(repeating: " ", count: 100_000)).contains("larger than the 1 MiB"))
      let chunked = "POST /v1/responses HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n200000\r\n"
      let answer = try await RawSocket.exchange(port: gateway.modelPort, chunked + String(repeating: "x", count: 2 << 20) + "\r\n0\r\n\r\n")
      #expect(answer.contains("larger than the 1 MiB"), "\(answer.prefix(300))")
      #expect(model.state.paths.count == 1)
    }
  }

  @Test func expectationsAreMet() async throws {
    try await withModel { _, gateway async throws in
      let stream = RawSocket.Stream(try RawSocket.connect(port: gateway.modelPort))
      try await stream.send(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: \(Self.request.utf8.count)\r\n\r\n")
      #expect(try await stream.receive(until: "\r\n\r\n").hasPrefix("HTTP/1.1 100"))
      try await stream.send(Self.request)
      #expect(try await stream.receive(until: "usage").contains("HTTP/1.1 200"))
    }
  }
}
