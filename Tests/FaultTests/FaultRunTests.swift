import Foundation
import RookeryFaults
import Testing

/// The fault suite's short form: a few kills and other faults against the built programs, other ones each time. A failure prints the
/// seed, with which `make faults ARGS="--seed …"` plans the same.
@Suite(.serialized) struct FaultRunTests {
  @Test(.timeLimit(.minutes(15))) func nothingIsLostAndNothingIsTwice() async throws {
    // The built programs are beside the test bundle.
    let binaries = URL(filePath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")).deletingLastPathComponent()
    let seed = UInt64.random(in: .min ... .max)
    print("fault run with seed \(seed)")
    let run = FaultRun(seed: seed, kills: 6, hitsPerStep: 0, binaries: binaries) { print($0) }
    let report = try await run.run()
    #expect(report.violations == [], "\(report.text)")
    #expect(report.kills >= 6)
  }
}
