import ArgumentParser

/// `rookery`
struct RookeryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rookery",
    abstract: "Background coding agents on your own machine.",
    discussion: """
      Start the server with “sudo rookery up”, add a repository with “rookery repo add”, and run a prompt with “rookery run”.

      \(ExitStatus.help)
      """,
    version: "rookery \(Program.version)",
    groupedSubcommands: [
      CommandGroup(
        name: "Work",
        subcommands: [
          RunCommand.self, SessionsCommand.self, WarmCommand.self, WatchCommand.self, PromptCommand.self, StopCommand.self,
          DiffCommand.self, ForkCommand.self, SnapshotCommand.self, DeleteCommand.self,
        ]),
      CommandGroup(name: "Material", subcommands: [RepoCommand.self, EnvironmentCommand.self, ImagesCommand.self, AgentCommand.self]),
      CommandGroup(
        name: "Server",
        subcommands: [
          UpCommand.self, DownCommand.self, DoctorCommand.self, BaseCommand.self, LoginLinkCommand.self, TokenCommand.self,
          AuditCommand.self, SecretsCommand.self,
        ]),
      CommandGroup(name: "Process", subcommands: [ServeCommand.self, HostCommand.self, GatewayCommand.self]),
      CommandGroup(name: "Trial", subcommands: [DemoCommand.self, ModelCommand.self, VersionCommand.self]),
    ])
}
