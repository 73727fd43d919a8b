import Foundation
import RookeryConfiguration
import RookeryModel
import RookeryStore

/// Who somebody of Slack is here.
actor SlackPeople {
  enum Standing: Sendable, Equatable {
    case user(User)
    /// Known to Slack only: they are asked to link.
    case unlinked(name: String)
    /// Bots, guests and people of other workspaces.
    case ignored
  }

  private struct Profile: Sendable {
    var name: String
    var realName: String
    var email: String?
    var isOutsider: Bool
    var until: ContinuousClock.Instant
  }

  private let api: SlackAPI
  private let registry: Registry
  private let settings: Configuration.Slack
  private let team: String
  private var profiles: [String: Profile] = [:]

  /// How long what Slack says of a person is believed.
  private static let belief = Duration.seconds(300)
  private static let capacity = 10_000

  init(api: SlackAPI, registry: Registry, settings: Configuration.Slack, team: String) {
    self.api = api
    self.registry = registry
    self.settings = settings
    self.team = team
  }

  func standing(of person: String) async throws -> Standing {
    let profile = try await profile(person)
    // Even a linked person is nobody while Slack calls them a guest: that is how their access is taken away.
    guard !profile.isOutsider else { return .ignored }
    if let user = try await registry.slackUser(team: team, person: person) { return .user(user) }
    if let email = profile.email, let user = try await registry.user(email: email) { return .user(user) }
    guard settings.allowsUnlinked else { return .unlinked(name: profile.realName) }
    let author = API.NamedAuthor(name: profile.realName, email: "\(person.lowercased())@\(team.lowercased()).slack.invalid")
    return .user(try await registry.findOrCreateUser(for: author))
  }

  /// Whether a user stands for a person of Slack who has not linked.
  static func isUnlinked(_ user: User) -> Bool { user.email.hasSuffix(".slack.invalid") }

  func name(of person: String) async -> String {
    do { return try await profile(person).name } catch { return person }
  }

  private func profile(_ person: String) async throws -> Profile {
    if let known = profiles[person], known.until > .now { return known }
    let value = try await api.call("users.info", ["user": .string(person)])["user"] ?? .null
    let details = value["profile"]
    let name = details?["display_name"]?.string.flatMap { $0.isEmpty ? nil : $0 } ?? value["name"]?.string ?? person
    let realName = Self.gitName(value["real_name"]?.string ?? details?["real_name"]?.string ?? name, or: person)
    func flag(_ name: String) -> Bool { value[name]?.bool ?? false }
    let isOutsider =
      flag("is_bot") || flag("deleted") || flag("is_stranger") || flag("is_restricted") || flag("is_ultra_restricted")
      || (value["team_id"]?.string.map { $0 != team && value["enterprise_user"] == nil } ?? false) || person == "USLACKBOT"
    // An address that nobody has confirmed proves nothing.
    let email = flag("is_email_confirmed") ? details?["email"]?.string : nil
    let profile = Profile(name: name, realName: realName, email: email, isOutsider: isOutsider, until: .now + Self.belief)
    if profiles.count >= Self.capacity { profiles = [:] }
    profiles[person] = profile
    return profile
  }

  /// What git takes as a name.
  private static func gitName(_ text: String, or fallback: String) -> String {
    let allowed = text.unicodeScalars.filter { scalar in
      !["<", ">", "\u{2028}", "\u{2029}"].contains(scalar)
        && ![.control, .format].contains(scalar.properties.generalCategory)
    }
    let name = String(String.UnicodeScalarView(allowed)).trimmingCharacters(in: .whitespaces)
    return name.isEmpty ? fallback : String(decoding: name.utf8.prefix(190), as: UTF8.self)
  }
}
