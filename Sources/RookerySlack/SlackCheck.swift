import RookeryConfiguration
import RookeryModel

/// Looks at tokens and scopes, and says what is missing.
package struct SlackCheck: Sendable {
  package struct Finding: Sendable, Equatable {
    package var isGood: Bool
    package var text: String
  }

  private let settings: Configuration.Slack
  private let api: SlackAPI

  package init(_ settings: Configuration.Slack) {
    self.settings = settings
    api = SlackAPI(url: settings.apiURL, bot: settings.botToken, app: settings.appToken ?? Secret(""))
  }

  package func findings() async throws -> [Finding] {
    var findings: [Finding] = []
    func good(_ text: String) { findings.append(Finding(isGood: true, text: text)) }
    func bad(_ text: String) { findings.append(Finding(isGood: false, text: text)) }
    do {
      let identity = try await api.identity()
      good("The bot's token is good: \(identity.user) in \(identity.team).")
      if identity.bot.isEmpty { bad("The token is not a bot's. Give the one that begins with xoxb-.") }
      let missing = SlackManifest.scopes.filter { !identity.scopes.contains($0.scope) }
      if missing.isEmpty { good("It has every scope.") }
      for (scope, reason) in missing { bad("It lacks the scope \(scope), which is needed \(reason). Add it and install the app again.") }
    } catch let failure as SlackFailure {
      bad("The bot's token: \(failure.error)")
    }
    switch settings.transport {
    case .socket:
      do {
        // An address that nobody connects to expires by itself.
        _ = try await api.openConnection()
        good("The app's token is good, and Socket Mode is on.")
      } catch let failure as SlackFailure {
        bad("The app's token: \(failure.error) It needs the scope connections:write, and Socket Mode switched on.")
      }
    case .http: good("The signing secret is set; Slack proves it when the request address is entered.")
    }
    return findings
  }
}
