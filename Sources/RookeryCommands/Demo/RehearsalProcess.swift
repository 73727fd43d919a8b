import Foundation
import RookeryModel
import RookeryRehearsal

/// `rookery model rehearse` as a process of its own, as long as the value lives.
struct RehearsalProcess: Sendable {
  private let child: ChildProcess
  let url: String

  /// Returns when it has said where it listens.
  init() async throws {
    child = try ChildProcess(arguments: [Program.path(), "model", "rehearse"], environment: ["PATH": "/usr/bin:/bin"])
    var lines = LineBuffer()
    while true {
      let bytes = try await child.read()
      guard !bytes.isEmpty else {
        throw RookeryError(.internal, "The rehearsal model did not start.", mend: "Try “rookery model rehearse” by hand.")
      }
      if let line = try lines.feed(bytes).first {
        url = String(decoding: line, as: UTF8.self)
        return
      }
    }
  }

  /// What makes a server use it. The key is never the same: images are searched for it.
  var environment: [String: String] {
    let key = "rehearsal-\(UInt64.random(in: .min ... .max))"
    return ["ROOKERY_MODEL_URL": url, "ROOKERY_MODEL": RehearsalModel.name, "ROOKERY_MODEL_KEY": key, "ROOKERY_MODEL_WIRE": "openai"]
  }
}
