import Foundation
import NIOCore
import NIOFoundationCompat
import RookeryModel

/// A request to a model that may be passed on, and what it may cost at most.
struct ModelCall: Sendable {
  /// Of its body.
  var bytes: Int
  var price: Grant.Model.Price?
  var reservation: GrantBook.Reservation
  /// What it uses before anything is answered.
  var least: GrantBook.Reservation

  /// Tokens that an answer has at most where the request doesn't say.
  private static let answerTokens = 8192

  /// - Throws: `badRequest` for another model than those of the session; `forbidden` for what would make the provider reach out.
  init(_ body: ByteBuffer, grant: Grant.Model) throws {
    bytes = body.readableBytes
    let members = try JSONMembers(Data(buffer: body))
    let model = try members.decode(String.self, "model")
    guard let model, model == grant.name || grant.otherNames.contains(model) else {
      throw RookeryError(
        .badRequest, "The model of this session is “\(grant.name)”, not “\((model ?? "none").prefix(100).description.printable)”.",
        mend: "Have the agent ask for “\(grant.name)”.")
    }
    try ModelReach(granted: grant.reach).check(members)
    price = grant.prices[model]
    let named = try ["max_tokens", "max_completion_tokens", "max_output_tokens"].compactMap { try members.decode(Int?.self, $0) ?? nil }
    let (input, output) = (bytes / 4, min(max(named.max() ?? Self.answerTokens, 1), 1_000_000))
    reservation = .init(tokens: input + output, cost: price?.cost(input: input, output: output) ?? 0)
    least = .init(tokens: input, cost: price?.cost(input: input, output: 0) ?? 0)
  }
}
