import Foundation
import RookeryModel
import RookeryTestSupport
import Testing

/// Where the machine has room for one sandbox, the next session waits, visibly, until there is room again.
@Suite(.serialized, .system(cpuOvercommit: 0.1)) struct CapacityTests {
  @Test(.timeLimit(.minutes(3))) func whatDoesNotFitWaitsInTurnAndCanBeStopped() async throws {
    let system = try RunningSystem.get()
    let first = try await system.begin("true")
    _ = try await system.finished(first)
    let second = try await system.begin("echo ran")
    let third = try await system.begin("echo never")
    for (session, ahead) in [(second, 0), (third, 1)] {
      try await eventually(timeout: .seconds(60), "\(session) waits") {
        try await system.log(session).contains { $0.payload == .sandboxAwaited(.init(lacking: .cpu, ahead: ahead)) }
      }
    }
    try await system.api { try await $0.send(.POST, "/v1/sessions/\(third)/stop") }
    #expect(try await system.finished(third).results.map(\.result) == [.interrupted])
    try await system.api { try await $0.send(.DELETE, "/v1/sessions/\(first)") }
    #expect(try await system.finished(second).output() == "ran\n")
  }
}
