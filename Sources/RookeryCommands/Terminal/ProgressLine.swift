import Foundation
import Synchronization

/// What goes on during long work: one line that is written anew on a terminal, plain lines elsewhere.
package final class ProgressLine: Sendable {
  private struct State {
    var step = ""
    var detail = ""
    var started = ContinuousClock.now
    var isShown = false
    var lastPlain = ""
  }

  private let terminal: Terminal
  private let state = Mutex(State())

  package init(_ terminal: Terminal) { self.terminal = terminal }

  /// Runs `body` as a step: shows it with the time it takes while it runs, and leaves a line with its time behind.
  package func step<Value>(
    _ name: String, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> sending Value
  ) async throws -> sending Value {
    begin(name)
    let ticker = Task { await self.tick() }
    defer { ticker.cancel() }
    do {
      let value = try await body()
      end(mark: terminal.diagnostics.paint("✓", .green))
      return value
    } catch {
      end(mark: terminal.diagnostics.paint("✗", .red))
      throw error
    }
  }

  /// The same for work that does not fail.
  package func run<Value>(
    _ name: String, isolation: isolated (any Actor)? = #isolation, _ body: () async -> sending Value
  ) async -> sending Value {
    begin(name)
    let ticker = Task { await self.tick() }
    let value = await body()
    ticker.cancel()
    end(mark: " ")
    return value
  }

  /// What the running step is at: a line of its output, a size.
  package func update(_ detail: String) {
    let clean = PrintableText.clean(detail, oneLine: true).trimmingCharacters(in: .whitespaces)
    state.withLock { state in
      state.detail = clean
      guard !terminal.rewritesLines, !clean.isEmpty, clean != state.lastPlain else { return }
      state.lastPlain = clean
      terminal.note("  \(clean)")
    }
    draw()
  }

  private func begin(_ name: String) {
    state.withLock { $0 = State(step: name) }
    if !terminal.rewritesLines { terminal.note("… \(name)") }
    draw()
  }

  private func end(mark: String) {
    state.withLock { state in
      let time = Quantity.text(ContinuousClock.now - state.started)
      let erase = state.isShown ? "\r\u{1b}[K" : ""
      terminal.rewrite("\(erase)\(mark) \(state.step) \(terminal.diagnostics.paint(time, .dim))\n")
      state = State()
    }
  }

  private func draw() {
    guard terminal.rewritesLines else { return }
    state.withLock { state in
      guard !state.step.isEmpty else { return }
      let time = Quantity.text(ContinuousClock.now - state.started)
      let text = ["… \(state.step)", time, state.detail].filter { !$0.isEmpty }.joined(separator: " · ")
      state.isShown = true
      terminal.rewrite("\r\u{1b}[K\(String(text.prefix(max(10, terminal.width - 1))))")
    }
  }

  /// Keeps the time on the line moving.
  private func tick() async {
    while (try? await Task.sleep(for: .milliseconds(200))) != nil { draw() }
  }
}
