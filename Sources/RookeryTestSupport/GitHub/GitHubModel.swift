import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import RookeryModel
import RookeryRehearsal
import Synchronization

/// What the double knows, and how it answers.
final class GitHubModel: Sendable {
  /// What a token stands for.
  struct Account: Sendable {
    var login: String
    var mayWrite: Bool
    /// Of an App's token; nil: all.
    var permissions: [String: String]?
    /// Of an App's token, in lower case; nil: all.
    var repositories: Set<String>?
    var expires: Double?
    /// How many more times it is answered as unknown.
    var unsettled = 0
    var isInstallation = false
  }

  struct State: Sendable {
    var tokens: [String: Account] = [:]
    /// Branches by repository; nil: any branch exists.
    var repositories: [String: Set<String>?] = [:]
    /// `base…head` pairs without a difference.
    var equal: Set<String> = []
    var pullRequests: [GitHubDouble.PullRequest] = []
    var faults: [GitHubDouble.Fault] = []
    var hidesNextList = false
    var losesNextCreation = false
    var violations: [String] = []
    var requests: [String] = []
    var app: App?
    var people: [String: GitHubDouble.Person] = [:]
    var signIn = SignIn()
    var comments: [GitHubDouble.Comment] = []
    var checks: [String: [GitHubDouble.Check]] = [:]
    /// Every token and secret that was handed out.
    var issued: [String] = []
    /// Seconds by which its clock is ahead.
    var clockOffset = 0.0

    var now: Double { Date().timeIntervalSince1970 + clockOffset }
  }

  let state = Mutex(State())
  /// Serves the repositories themselves, where there are any.
  let git: GitHTTPBackend?

  init(repositories: String? = nil) { git = repositories.map { GitHTTPBackend(repositories: $0) } }

  func respond(to request: Request, context: BasicRequestContext) async throws -> Response {
    if let git, request.uri.path.contains(".git/") { return try await serve(git, request, context) }
    let body = try await request.body.collect(upTo: 1 << 20)
    state.withLock { $0.requests.append("\(request.method.rawValue) \(request.uri.path)") }
    if request.uri.path.hasPrefix("/login/") { return signIn(request, body) }
    checkHeaders(of: request, hasBody: body.readableBytes > 0)
    if let fault = state.withLock({ $0.faults.isEmpty ? nil : $0.faults.removeFirst() }) {
      var response = Self.error(fault.status, fault.message)
      for (name, value) in fault.headers { if let name = HTTPField.Name(name) { response.headers[name] = value } }
      return response
    }
    let token = request.headers[.authorization]?.split(separator: " ").last.map(String.init) ?? ""
    let parts = request.uri.path.split(separator: "/").map(String.init)
    if let response = asApp(request, parts, token, body) { return response }
    guard let account = account(of: token) else { return Self.error(401, "Bad credentials") }
    if let response = aboutPeople(request, parts, account) { return response }
    guard parts.count >= 3, parts[0] == "repos" else { return nothing(request) }
    let repository = "\(parts[1])/\(parts[2])"
    guard let branches = state.withLock({ $0.repositories[repository] }), sees(account, repository) else {
      return Self.error(404, "Not Found")
    }
    if let response = conversation(request, Array(parts.dropFirst(3)), repository, account, body) { return response }
    guard parts.count >= 4, parts[3] == "pulls" else { return nothing(request) }
    switch (request.method, parts.count) {
    case (.get, 4):
      guard permits(account, "pull_requests", "read") else { return Self.error(403, "Resource not accessible by integration") }
      return list(repository, request)
    case (.post, 4): return create(repository, branches: branches, account, json(body))
    case (.patch, 5): return update(repository, number: Int(parts[4]) ?? 0, account, json(body))
    default: return nothing(request)
    }
  }

  func nothing(_ request: Request) -> Response {
    violation("there is no \(request.method.rawValue) \(request.uri.path)", Self.error(404, "Not Found"))
  }

  private func checkHeaders(of request: Request, hasBody: Bool) {
    func expect(_ name: String, _ isFine: (String?) -> Bool) {
      let value = HTTPField.Name(name).flatMap { request.headers[$0] }
      if !isFine(value) { note("\(request.method.rawValue) with \(name): \(value ?? "(none)")") }
    }
    expect("Accept") { $0 == "application/vnd.github+json" }
    expect("X-GitHub-Api-Version") { $0 == "2022-11-28" }
    expect("User-Agent") { $0?.isEmpty == false }
    let isBasic = request.uri.path.hasPrefix("/applications/")
    let isOpen = request.uri.path.hasPrefix("/app-manifests/")
    expect("Authorization") { isOpen ? $0 == nil : $0?.hasPrefix(isBasic ? "Basic " : "Bearer ") == true }
    if hasBody { expect("Content-Type") { $0 == "application/json" } }
    if request.method == .get && hasBody { note("GET with a body") }
  }

  private func list(_ repository: String, _ request: Request) -> Response {
    let known: Set = ["state", "head", "base", "sort", "direction", "per_page", "page"]
    let query = request.uri.queryParameters
    for (name, _) in query where !known.contains(String(name)) { note("GET pulls with the parameter \(name)") }
    let owner = repository.split(separator: "/")[0]
    let wanted = query["state"].map(String.init) ?? "open"
    let head = query["head"].map(String.init)
    if let head, !head.hasPrefix("\(owner):") { note("the parameter head is \(head), not OWNER:BRANCH") }
    let found = state.withLock { state in
      defer { state.hidesNextList = false }
      return state.hidesNextList
        ? []
        : state.pullRequests.filter { pull in
          pull.repository == repository && (wanted == "all" || (wanted == "open") == pull.isOpen)
            && (head.map { $0 == "\(owner):\(pull.head)" } ?? true) && (query["base"].map { $0 == pull.base } ?? true)
        }
    }
    let page = query["page"].flatMap { Int($0) } ?? 1
    let size = query["per_page"].flatMap { Int($0) } ?? 30
    return Self.json(200, .array(found.dropFirst((page - 1) * size).prefix(size).map(Self.json)))
  }

  private func create(_ repository: String, branches: Set<String>?, _ account: Account, _ body: JSONValue?) -> Response {
    let schema = [
      "title": "string", "head": "string", "base": "string", "body": "string", "draft": "bool", "maintainer_can_modify": "bool",
    ]
    guard let body, conforms(body, to: schema, required: ["head", "base", "title"]) else { return Self.error(422, "Invalid request.") }
    guard account.mayWrite else { return Self.error(403, "Resource not accessible by personal access token") }
    guard permits(account, "pull_requests", "write") else { return Self.error(403, "Resource not accessible by integration") }
    let (head, base) = (body["head"]?.string ?? "", body["base"]?.string ?? "")
    let owner = String(repository.split(separator: "/")[0])
    for (field, branch) in [("head", head), ("base", base)] where !(branches?.contains(branch) ?? true) {
      return Self.validation(["resource": "PullRequest", "field": .string(field), "code": "invalid"])
    }
    return state.withLock { state in
      if state.equal.contains("\(base)…\(head)") { return Self.validation(Self.custom("No commits between \(base) and \(head)")) }
      let isTaken = state.pullRequests.contains { $0.repository == repository && $0.head == head && $0.base == base && $0.isOpen }
      if isTaken { return Self.validation(Self.custom("A pull request already exists for \(owner):\(head).")) }
      let pull = GitHubDouble.PullRequest(
        number: state.pullRequests.count + 1, repository: repository, head: head, base: base, title: body["title"]?.string ?? "",
        body: body["body"]?.string ?? "", isDraft: body["draft"]?.bool ?? false, isOpen: true, author: account.login)
      state.pullRequests.append(pull)
      defer { state.losesNextCreation = false }
      return state.losesNextCreation ? Self.error(502, "Bad Gateway") : Self.json(201, Self.json(pull))
    }
  }

  private func update(_ repository: String, number: Int, _ account: Account, _ body: JSONValue?) -> Response {
    let schema = ["title": "string", "body": "string", "state": "string", "base": "string", "maintainer_can_modify": "bool"]
    guard let body, conforms(body, to: schema, required: []) else { return Self.error(422, "Invalid request.") }
    guard account.mayWrite else { return Self.error(403, "Resource not accessible by personal access token") }
    guard permits(account, "pull_requests", "write") else { return Self.error(403, "Resource not accessible by integration") }
    return state.withLock { state in
      guard let index = state.pullRequests.firstIndex(where: { $0.repository == repository && $0.number == number }) else {
        return Self.error(404, "Not Found")
      }
      if let title = body["title"]?.string { state.pullRequests[index].title = title }
      if let text = body["body"]?.string { state.pullRequests[index].body = text }
      return Self.json(200, Self.json(state.pullRequests[index]))
    }
  }

  func json(_ body: ByteBuffer) -> JSONValue? {
    let value = try? JSON.decode(JSONValue.self, from: Data(body.readableBytesView))
    if value == nil { note("a body that is not JSON") }
    return value
  }

  func conforms(_ body: JSONValue, to schema: [String: String], required: [String]) -> Bool {
    guard case .object(let members) = body else { return noting("a body that is no object") }
    for (name, value) in members {
      let type =
        value.string != nil
        ? "string" : value.bool != nil ? "bool" : value.array != nil ? "array" : value.integer != nil ? "integer" : "object"
      if schema[name] != type { return noting("the field \(name) of type \(type)") }
    }
    if let title = members["title"]?.string, title.isEmpty || title.unicodeScalars.count > 256 { return noting("a title of that length") }
    if let text = members["body"]?.string, text.unicodeScalars.count > 65_536 { return noting("a body that is too long") }
    for name in required where members[name] == nil { return noting("no field \(name)") }
    return true
  }

  func note(_ text: String) { state.withLock { $0.violations.append(text) } }

  private func noting(_ text: String) -> Bool {
    note(text)
    return false
  }

  func violation(_ text: String, _ response: Response) -> Response {
    note(text)
    return response
  }
}
