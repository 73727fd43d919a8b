import RookeryConfiguration
import RookeryModel
import Testing

@testable import RookerySlack

@Suite struct ManifestTests {
  @Test func socketModeNeedsNoAddress() {
    let manifest = SlackManifest(transport: .socket, origin: "", name: "Rookery").value
    #expect(manifest["settings"]?["socket_mode_enabled"]?.bool == true)
    #expect(manifest["settings"]?["event_subscriptions"]?["request_url"] == nil)
    #expect(manifest["features"]?["agent_view"]?["agent_description"]?.string?.isEmpty == false)
    let scopes = manifest["oauth_config"]?["scopes"]?["bot"]?.array?.compactMap(\.string) ?? []
    #expect(scopes == SlackManifest.scopes.map(\.scope))
    #expect(Set(scopes).count == scopes.count)
    #expect(manifest["settings"]?["event_subscriptions"]?["bot_events"]?.array?.contains("agent_session_stopped") == true)
  }

  @Test func httpNamesItsAddresses() {
    let settings = SlackManifest(transport: .http, origin: "https://r.example", name: "Rookery").value["settings"]
    #expect(settings?["event_subscriptions"]?["request_url"]?.string == "https://r.example/v1/slack/events")
    #expect(settings?["interactivity"]?["request_url"]?.string == "https://r.example/v1/slack/interactivity")
    #expect(settings?["socket_mode_enabled"]?.bool == false)
  }

  @Test func namesAreAsLongAsSlackTakes() {
    let value = SlackManifest(transport: .socket, origin: "", name: String(repeating: "n", count: 100)).value
    #expect(value["display_information"]?["name"]?.string?.count == 35)
  }
}
