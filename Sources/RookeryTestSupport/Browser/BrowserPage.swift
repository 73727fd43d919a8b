import Foundation
import RookeryModel

/// One page of a `Browser`.
package struct BrowserPage: Sendable {
  let browser: Browser
  let session: String

  /// Goes to an address and waits until the page is loaded.
  package func open(_ url: String) async throws {
    _ = try await evaluate("window.leaving = true")
    _ = try await browser.send("Page.navigate", ["url": .string(url)], session: session)
    try await eventually(timeout: .seconds(60), "loading \(url)") {
      try await evaluate("!window.leaving && document.readyState === 'complete'") == true
    }
  }

  /// The value of a JavaScript expression; promises are awaited.
  @discardableResult
  package func evaluate(_ expression: String) async throws -> JSONValue {
    let answer = try await browser.send(
      "Runtime.evaluate", ["expression": .string(expression), "returnByValue": true, "awaitPromise": true], session: session)
    if let exception = answer["exceptionDetails"] {
      throw Browser.Failed(
        description: exception["exception"]?["description"]?.string ?? exception["text"]?.string ?? "an exception in “\(expression)”")
    }
    return answer["result"]?["value"] ?? .null
  }

  /// Waits until a JavaScript expression is true.
  package func wait(for expression: String, timeout: Duration = .seconds(60)) async throws {
    // A page on its way to another has no context to ask in.
    try await eventually(timeout: timeout, expression) { (try? await evaluate(expression)) == true }
  }

  /// The text that people see in the first element that `selector` finds.
  package func text(_ selector: String) async throws -> String {
    try await evaluate("document.querySelector(\(Self.quoted(selector)))?.innerText ?? ''").string ?? ""
  }

  /// Sets the size in CSS pixels, as a desktop window or a phone.
  package func resize(width: Int, height: Int, isPhone: Bool = false) async throws {
    _ = try await browser.send(
      "Emulation.setDeviceMetricsOverride",
      [
        "width": .integer(Int64(width)), "height": .integer(Int64(height)), "deviceScaleFactor": isPhone ? 2 : 1, "mobile": .bool(isPhone),
      ], session: session)
  }

  package func prefer(dark: Bool) async throws {
    _ = try await browser.send(
      "Emulation.setEmulatedMedia",
      [
        "features": [
          ["name": "prefers-color-scheme", "value": .string(dark ? "dark" : "light")],
          // Pictures of a moment, not of a movement.
          ["name": "prefers-reduced-motion", "value": "reduce"],
        ]
      ], session: session)
  }

  /// Types into the focused element.
  package func type(_ text: String) async throws {
    _ = try await browser.send("Input.insertText", ["text": .string(text)], session: session)
  }

  /// Presses Enter with Ctrl.
  package func pressControlEnter() async throws {
    for type in ["rawKeyDown", "keyUp"] {
      _ = try await browser.send(
        "Input.dispatchKeyEvent",
        ["type": .string(type), "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "modifiers": 2], session: session)
    }
  }

  /// Writes what is seen as PNG.
  package func screenshot(to path: String) async throws {
    let answer = try await browser.send("Page.captureScreenshot", ["format": "png"], session: session)
    guard let data = answer["data"]?.string.flatMap({ Data(base64Encoded: $0) }) else {
      throw Browser.Failed(description: "Chromium sent no picture")
    }
    try data.write(to: URL(fileURLWithPath: path))
  }

  /// Pixels by which the page is wider than the window: 0 when nothing has to be scrolled sideways.
  package func horizontalOverflow() async throws -> Int {
    Int(try await evaluate("document.documentElement.scrollWidth - innerWidth").integer ?? .max)
  }

  private static func quoted(_ text: String) -> String {
    (try? JSON.encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "''"
  }
}
