import RookeryModel

/// Names and topics of channels, believed for a while.
actor SlackChannels {
  struct Channel: Sendable, Equatable {
    var name: String
    var topic: String?
  }

  private let api: SlackAPI
  private var known: [String: (channel: Channel?, until: ContinuousClock.Instant)] = [:]
  private static let belief = Duration.seconds(600)
  private static let capacity = 5000

  init(api: SlackAPI) { self.api = api }

  /// Nil where we may not look.
  func channel(_ id: String) async throws -> Channel? {
    if let entry = known[id], entry.until > .now { return entry.channel }
    var channel: Channel?
    do {
      let value = try await api.call("conversations.info", ["channel": .string(id)])["channel"]
      if let name = value?["name"]?.string { channel = Channel(name: name, topic: value?["topic"]?["value"]?.string) }
    } catch let failure as SlackFailure where !failure.mayImprove {
      channel = nil
    }
    if known.count >= Self.capacity { known = [:] }
    known[id] = (channel, .now + Self.belief)
    return channel
  }
}
