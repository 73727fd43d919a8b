import ArgumentParser

struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "demo", abstract: "See the whole path from a prompt to a pushed branch.")
  func run() async throws {}
}
