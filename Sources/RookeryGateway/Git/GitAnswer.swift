import NIOHTTP1

/// Answers of our own in git's words, so that git shows them as it shows the remote's.
enum GitAnswer {
  /// A refused push: `unpack ok` and `ng REF REASON` for each command (gitprotocol-pack(5), "Report Status"), which git prints
  /// as `! [remote rejected] main -> main (REASON)`.
  static func refusal(_ refusals: [PushRefusal], capabilities: Set<String>) -> BrokerAnswer {
    guard capabilities.contains("report-status") || capabilities.contains("report-status-v2") else {
      return .text(.forbidden, refusals.first?.reason ?? "refused")
    }
    var report = PktLine.line("unpack ok\n")
    for refusal in refusals { report += PktLine.line(Array("ng ".utf8) + refusal.ref.prefix(1000) + Array(" \(refusal.reason)\n".utf8)) }
    report += PktLine.flush
    var body: [UInt8] = []
    let band = capabilities.contains("side-band-64k") ? PktLine.limit - 5 : capabilities.contains("side-band") ? 995 : 0
    if band > 0 {
      var rest = report[...]
      while !rest.isEmpty {
        body += PktLine.line([1] + rest.prefix(band))
        rest = rest.dropFirst(band)
      }
      body += PktLine.flush
    } else {
      body = report
    }
    return BrokerAnswer(status: .ok, type: "application/x-git-receive-pack-result", body: body)
  }

  /// A failed fetch, which git prints as `fatal: remote error: TEXT`.
  static func fetchError(_ text: String) -> BrokerAnswer {
    BrokerAnswer(status: .ok, type: "application/x-git-upload-pack-result", body: PktLine.line("ERR \(text.prefix(1000))"))
  }
}
