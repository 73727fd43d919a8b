import Foundation
import RookeryModel
import Synchronization

/// A headless Chromium, driven through its debugging pipe, for tests that look at pages as people do.
package final class Browser: Sendable {
  package struct Failed: Error, CustomStringConvertible {
    package var description: String
  }

  private let directory: TemporaryDirectory
  private let process: Process
  private let commands: FileHandle
  private let answers: FileHandle
  private let state = Mutex(State())

  private struct State {
    var next = 1
    var waiting: [Int: CheckedContinuation<JSONValue, any Error>] = [:]
    var complaints: [String] = []
    var isClosed = false
  }

  /// Starts Chromium with a profile of its own.
  package init() throws {
    directory = try TemporaryDirectory(prefix: "rookery-browser")
    // Chromium's file 3 is what it reads, its file 4 what it writes; both are opened here for reading and writing, so that no side waits.
    let (input, output) = (directory.path("in"), directory.path("out"))
    guard mkfifo(input, 0o600) == 0, mkfifo(output, 0o600) == 0 else { throw Failed(description: "mkfifo: errno \(errno)") }
    guard let commands = FileHandle(forUpdatingAtPath: input), let answers = FileHandle(forUpdatingAtPath: output) else {
      throw Failed(description: "the pipes to Chromium can't be opened")
    }
    self.commands = commands
    self.answers = answers
    process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    let flags = [
      "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
      "--disable-background-networking", "--disable-component-update", "--force-color-profile=srgb", "--remote-debugging-pipe",
      "--user-data-dir=\(directory.path("profile"))",
    ]
    process.arguments = ["-c", #"exec chromium "$@" about:blank 3<"$0/in" 4>"$0/out" >"$0/log" 2>&1"#, directory.path] + flags
    process.environment = ["PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": directory.path, "LC_ALL": "C.UTF-8", "TZ": "UTC"]
    try process.run()
    let thread = Thread { [weak self] in
      var pending = Data()
      while true {
        let data = answers.availableData
        if data.isEmpty { return }
        pending += data
        while let end = pending.firstIndex(of: 0) {
          let message = pending[pending.startIndex..<end]
          pending = Data(pending[pending.index(after: end)...])
          guard let self, self.receive(Data(message)) else { return }
        }
      }
    }
    thread.start()
  }

  deinit { close() }

  /// Ends Chromium; commands that wait fail.
  package func close() {
    let waiting = state.withLock { state in
      defer { state.waiting = [:] }
      state.isClosed = true
      return state.waiting
    }
    for continuation in waiting.values { continuation.resume(throwing: Failed(description: "the browser was closed")) }
    if process.isRunning {
      process.terminate()
      process.waitUntilExit()
    }
    // Wakes the reading thread, which then ends.
    try? answers.write(contentsOf: Data([0]))
  }

  /// What pages complained of: uncaught errors, violated policies, files that were not found.
  package var complaints: [String] { state.withLock(\.complaints) }

  /// A new page in a window of its own.
  package func page() async throws -> BrowserPage {
    let target = try await send("Target.createTarget", ["url": "about:blank"])["targetId"] ?? nil
    let session = try await send("Target.attachToTarget", ["targetId": target, "flatten": true])["sessionId"]?.string ?? ""
    let page = BrowserPage(browser: self, session: session)
    for domain in ["Page", "Runtime", "Log", "Network"] { _ = try await send("\(domain).enable", [:], session: session) }
    return page
  }

  func send(_ method: String, _ parameters: JSONValue, session: String? = nil) async throws -> JSONValue {
    let number = state.withLock { state in
      state.next += 1
      return state.next
    }
    var message: [String: JSONValue] = ["id": .integer(Int64(number)), "method": .string(method), "params": parameters]
    if let session { message["sessionId"] = .string(session) }
    let data = try JSON.encode(JSONValue.object(message)) + Data([0])
    return try await within(.seconds(60)) {
      try await withTaskCancellationHandler {
        try await withCheckedThrowingContinuation { continuation in
          let isClosed = self.state.withLock { state in
            if !state.isClosed { state.waiting[number] = continuation }
            return state.isClosed
          }
          if isClosed { return continuation.resume(throwing: Failed(description: "the browser was closed")) }
          do { try self.commands.write(contentsOf: data) } catch { self.fail(number, error) }
        }
      } onCancel: {
        self.fail(number, CancellationError())
      }
    }
  }

  private func fail(_ number: Int, _ error: any Error) {
    state.withLock { $0.waiting.removeValue(forKey: number) }?.resume(throwing: error)
  }

  /// False when nobody listens any more.
  private func receive(_ data: Data) -> Bool {
    guard let message = try? JSON.decode(JSONValue.self, from: data) else { return true }
    if let number = message["id"]?.integer {
      let continuation = state.withLock { $0.waiting.removeValue(forKey: Int(number)) }
      if let error = message["error"] {
        continuation?.resume(throwing: Failed(description: error["message"]?.string ?? "\(error)"))
      } else {
        continuation?.resume(returning: message["result"] ?? .null)
      }
    } else {
      note(message)
    }
    return !state.withLock(\.isClosed)
  }

  private func note(_ message: JSONValue) {
    let parameters = message["params"]
    switch message["method"]?.string {
    case "Runtime.exceptionThrown":
      let details = parameters?["exceptionDetails"]
      let text = details?["exception"]?["description"]?.string ?? details?["text"]?.string ?? "an exception"
      state.withLock { $0.complaints.append(text) }
    case "Log.entryAdded":
      guard let entry = parameters?["entry"], ["error", "warning"].contains(entry["level"]?.string) else { return }
      state.withLock { $0.complaints.append("\(entry["source"]?.string ?? ""): \(entry["text"]?.string ?? "")") }
    default: break
    }
  }
}
