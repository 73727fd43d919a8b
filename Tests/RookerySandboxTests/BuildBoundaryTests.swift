import Foundation
import RookeryConfiguration
import RookeryModel
import RookeryTestSupport
import Testing

@testable import RookerySandbox

/// What the commands of a build, which run as root, are not given.
@Suite(.serialized) struct BuildBoundaryTests {
  @Test(.timeLimit(.minutes(2))) func aBuildHasNoModelAndPushesNothing() async throws {
    try await SandboxStack.with(adjust: { configuration, _ in
      configuration.model = Configuration.Model(wire: .openai, url: "http://127.0.0.1:9", name: "large", key: Secret("key-of-the-model"))
    }) { stack in
      try await stack.git.makeRepository("app")
      _ = try await stack.add()
      let ask = """
        python3 - <<'P'
        import urllib.request
        body = b'{"model": "large", "messages": []}'
        try: print("ANSWERED", urllib.request.urlopen(urllib.request.Request("\(Broker.model.origin)/v1/chat/completions", body), timeout=30).read())
        except Exception as error: print("model:", error.read().decode() if hasattr(error, "read") else error)
        P
        git push origin HEAD:refs/heads/evil || echo "push: refused"
        """
      let step = "  - |\n" + ask.split(separator: "\n").map { "    \($0)\n" }.joined()
      try await stack.push([".rookery/environment.yaml": "setup:\n\(step)build:\n\(step)"])
      let log = try await stack.built()
      let text = log.lines.map(\.text).joined(separator: "\n")
      #expect(log.build.state == .succeeded, "\(text)")
      #expect(text.components(separatedBy: "No model is configured").count == 3 && !text.contains("ANSWERED b"), "\(text)")
      #expect(log.lines.filter { $0.text == "push: refused" }.count == 2, "\(text)")
      #expect(try await !stack.git.refs(of: "app").keys.contains("refs/heads/evil"))
    }
  }
}
