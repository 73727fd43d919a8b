import RookeryModel

/// Tokens as a model API reports them, in any of its dialects; later reports of a stream replace earlier ones.
struct TokenCount: Equatable, Sendable {
  var input: Int?
  var output: Int?

  /// Takes over what `json` reports: an answer, or one event of a stream.
  ///
  /// OpenAI: `usage` at the top (chat completions, the last chunk of a stream) or in `response` (responses). Anthropic: `usage` at the
  /// top (messages, `message_delta`) or in `message` (`message_start`); what was read from or written to its cache counts as input.
  mutating func report(_ json: JSONValue) {
    for usage in [json["usage"], json["message"]?["usage"], json["response"]?["usage"]] {
      guard let usage, case .object = usage else { continue }
      let read = ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"].compactMap { number(usage[$0]) }
      if let input = number(usage["prompt_tokens"]) ?? (read.isEmpty ? nil : read.reduce(0, +)) { self.input = max(self.input ?? 0, input) }
      if let output = number(usage["completion_tokens"]) ?? number(usage["output_tokens"]) { self.output = output }
    }
  }

  /// Counts beyond any real one are an upstream's mistake.
  private func number(_ value: JSONValue?) -> Int? {
    guard let number = value?.integer, (0...1_000_000_000).contains(number) else { return nil }
    return Int(number)
  }
}
