import RookeryModel

extension Configuration {
  /// A workspace of Slack from which people work.
  public struct Slack: Sendable, Equatable {
    public enum Transport: String, Sendable, CaseIterable { case socket, http }
    public var transport = Transport.socket
    /// `xoxb-…`.
    public var botToken: Secret
    /// `xapp-…`, for Socket Mode.
    public var appToken: Secret?
    /// Proves that a request over HTTP is Slack's.
    public var signingSecret: Secret?
    public var apiURL = "https://slack.com/api"
    /// Whether people who have not linked their account may begin sessions; their pull requests wait for it.
    public var allowsUnlinked = false

    public init(botToken: Secret) { self.botToken = botToken }
  }
}

extension Configuration.Slack {
  init(_ value: YAMLValue, environment: [String: String], variables: inout [String]) throws {
    let section = try value.section(ConfigurationKeys.Slack.self)
    func secret(_ variable: ConfigurationKeys.Slack, _ file: ConfigurationKeys.Slack, _ variables: inout [String]) throws -> Secret? {
      switch (section[variable], section[file]) {
      case (nil, nil): return nil
      case (let name?, nil):
        let variable = try name.line(limit: 255)
        variables.append(variable)
        guard let text = environment[variable], SecretText.isValid(text) else {
          throw name.failure(
            "names the environment variable \(variable), which is not set or holds no secret.", mend: "Set it where Rookery is started.")
        }
        return Secret(text)
      case (nil, let path?): return try SecretFile(path).secret()
      case (_?, _?): throw value.failure("has both \(variable.rawValue) and \(file.rawValue).", mend: "Keep one of them.")
      }
    }
    guard let token = try secret(.botTokenEnv, .botTokenFile, &variables) else {
      throw value.failure("has no bot token.", mend: "Name it in slack.bot_token_env or slack.bot_token_file.")
    }
    self.init(botToken: token)
    appToken = try secret(.appTokenEnv, .appTokenFile, &variables)
    signingSecret = try secret(.signingSecretEnv, .signingSecretFile, &variables)
    if let value = section[.transport] { transport = try value.choice(Transport.self) }
    if let value = section[.apiURL] { apiURL = try value.webAddress().text }
    if let value = section[.allowUnlinked] { allowsUnlinked = try value.boolean() }
    if transport == .socket, appToken == nil {
      throw value.failure("has no app token, which Socket Mode needs.", mend: "Name it in slack.app_token_env or slack.app_token_file.")
    }
    if transport == .http, signingSecret == nil {
      throw value.failure(
        "has no signing secret, which requests over HTTP need.", mend: "Name it in slack.signing_secret_env or slack.signing_secret_file.")
    }
  }
}
