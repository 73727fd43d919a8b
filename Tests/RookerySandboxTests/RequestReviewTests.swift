import RookeryConfiguration
import RookeryModel
import Testing

@testable import RookerySandbox

@Suite struct RequestReviewTests {
  @Test func saysWhatIsGrantedAndWhatIsNot() throws {
    let file = try EnvironmentFile.parse(
      yaml: """
        hosts: [pypi.org, evil.example]
        secrets: [{name: NPM_TOKEN, hosts: [registry.npmjs.org]}, {name: KEY, exposed: true}]
        limits: {memory_mb: 8192, cpus: 1, disk_mb: 100}
        """)
    let review = RequestReview(
      limits: Limits(memoryMB: 4096, cpus: 2), allowsHost: { $0 == "pypi.org" }, allowsSecret: { $0.name == "NPM_TOKEN" })
    let answers = review.judge(file)
    #expect(
      answers.map { "\($0.kind.rawValue) \($0.text) \($0.isGranted)" } == [
        "host pypi.org true", "host evil.example false", "secret NPM_TOKEN for registry.npmjs.org true",
        "secret KEY for as a variable false",
        "limit memory_mb 8192 false", "limit cpus 1.0 true", "limit disk_mb 100 true",
      ])
    #expect(answers.allSatisfy { $0.isGranted == $0.remark.isEmpty })
    #expect(answers[4].remark.contains("4096"))
  }

  @Test func packagesAreArgumentsBehindTheEndOfOptions() throws {
    var packages = EnvironmentFile.Packages()
    #expect(PackageInstall.plan(packages).isEmpty)
    packages.apt = ["tree"]
    packages.pip = ["ruff==0.6.1"]
    packages.npm = ["@scope/tool"]
    let plan = PackageInstall.plan(packages)
    #expect(plan.map(\.manager) == ["apt-get", "python3", "npm"])
    for (install, package) in zip(plan, ["tree", "ruff==0.6.1", "@scope/tool"]) {
      let command = try #require(install.commands.first { $0.contains(package) })
      #expect(command.suffix(2) == ["--", package])
    }
  }
}
