import Foundation
import RookeryModel
import RookeryTestSupport
import Testing

/// A secret that an agent must see takes the operator's word and the repository's, and the session says so.
@Suite(
  .serialized,
  .system(configuration: "secrets: {TOKEN: {env: ROOKERY_TEST_GIT_TOKEN}}", repositorySettings: ", exposed_secrets: [TOKEN]")
) struct ExposedSecretTests {
  @Test(.timeLimit(.minutes(3))) func itIsAVariableAndTheSessionShowsIt() async throws {
    let system = try RunningSystem.get()
    let file = "secrets: [{name: TOKEN, exposed: true}, {name: OTHER, exposed: true}]\n"
    try await system.git.commit(to: "site", files: [".rookery/environment.yaml": file])
    let session = try await system.begin("printf %s \"$TOKEN\" | wc -c; echo \"other: ${OTHER-none}\"")
    let log = try await system.finished(session)
    #expect(log.output().contains("\(RunningSystem.gitPassword.utf8.count)\n") && log.output().contains("other: none"), "\(log.output())")
    let notices = log.compactMap { if case .notice(let body) = $0.payload { body.text } else { nil } }
    #expect(notices.contains { $0.contains("can read these secrets: TOKEN") }, "\(notices)")
    #expect(notices.contains { $0.contains("OTHER") && $0.contains("exposed_secrets would grant it") }, "\(notices)")
    #expect(!notices.joined().contains(RunningSystem.gitPassword))
  }
}
