import Foundation
import RookeryModel
import RookeryTestSupport
import Testing

@testable import RookerySandbox

@Suite struct WheelTests {
  @Test(arguments: ["agentao[cli]==0.5.17", "agent-client-protocol", "a>=1,<2", "a ~= 1.0 ; python_version < '3.12'"])
  func takesRequirements(_ text: String) throws { try WheelDownload.check(text) }

  @Test(arguments: [
    "", "--index-url=http://evil", "-r x", "a @ git+https://x/y", "git+https://x/y", "./local", "/abs/x.whl", "a\n--no-binary=:all:", "@x",
    "C:\\x",
  ])
  func refusesOptionsAndDirectReferences(_ text: String) {
    let error = #expect(throws: RookeryError.self) { try WheelDownload.check(text) }
    #expect(error?.code == .configurationInvalid)
  }

  @Test func aTargetNamesEveryPlatformItRuns() {
    let target = WheelDownload.Target(python: "3.11", machine: "x86_64", glibc: 19)
    #expect(target.tag == "cp311")
    #expect(
      target.platforms == [
        "manylinux_2_19_x86_64", "manylinux_2_18_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux2010_x86_64",
        "manylinux1_x86_64", "linux_x86_64",
      ])
  }

  @Test func tarUnpacksWhatWasStreamed() async throws {
    let directory = try TemporaryDirectory()
    let names = ["a.whl", String(repeating: "long-", count: 30) + ".whl", String(repeating: "x", count: 100)]
    var archive: [UInt8] = []
    for (index, name) in names.enumerated() {
      let content = [UInt8](repeating: UInt8(65 + index), count: 511 + index)
      archive += TarStream.header(name: name, size: content.count) + content + TarStream.padding(after: content.count)
    }
    archive += TarStream.end
    let unpacked = try await Command.run(["tar", "-x", "-f", "-", "-C", directory.path], input: archive)
    #expect(unpacked.status == 0, "\(unpacked.text)")
    for (index, name) in names.enumerated() {
      #expect(try directory.read(name) == String(repeating: String(UnicodeScalar(UInt8(65 + index))), count: 511 + index))
    }
  }
}
