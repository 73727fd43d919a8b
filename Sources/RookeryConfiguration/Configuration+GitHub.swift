import Foundation
import RookeryModel

extension Configuration {
  public struct GitHub: Sendable, Equatable {
    /// Tokens of people, by e-mail in lower case, from `user_tokens_file`: pull requests are opened with the prompting
    /// author's own.
    public var userTokens: [String: Secret] = [:]
    /// `ROOKERY_GITHUB_TOKEN`: the local admin's, whose e-mail only the server knows.
    public var adminToken: Secret?
    /// `https://api.github.com` or that of a GitHub Enterprise server.
    public var apiURL = "https://api.github.com"
    /// The pages that people see; nil: derived from `apiURL`.
    public var webURL: String?
    /// Our App, where the file names one; the manifest flow keeps one elsewhere.
    public var app: App?
    public var signIn = SignIn()
    public var pullRequests = PullRequests()
    public var commits = Commits()
    /// Whether `@rookery` in an issue or a pull request starts or continues a session.
    public var mentions = true
    public var failedChecks = FailedChecks.offer
    public init() {}

    public struct App: Sendable, Equatable {
      public var id: Int64
      public var slug: String?
      /// PEM.
      public var privateKey: Secret
      public var clientID: String?
      public var clientSecret: Secret?
      public var webhookSecret: Secret?
      public init(
        id: Int64, slug: String? = nil, privateKey: Secret, clientID: String? = nil, clientSecret: Secret? = nil,
        webhookSecret: Secret? = nil
      ) {
        self.id = id
        self.slug = slug
        self.privateKey = privateKey
        self.clientID = clientID
        self.clientSecret = clientSecret
        self.webhookSecret = webhookSecret
      }
    }

    /// Who may sign in with GitHub beside those who have a linked account. All empty: nobody else, after the first.
    public struct SignIn: Sendable, Equatable {
      public var organisations: [String] = []
      /// `organisation/team`.
      public var teams: [String] = []
      public var logins: [String] = []
      /// Logins that become admins.
      public var admins: [String] = []
      public init() {}
    }

    public struct PullRequests: Sendable, Equatable {
      public enum WithoutAccount: String, Sendable, CaseIterable {
        /// The work waits at its branch until its author has linked an account.
        case hold
        /// The App opens it, and says so.
        case app
      }
      public var draft = false
      public var withoutAccount = WithoutAccount.hold
      public init() {}
    }

    public struct Commits: Sendable, Equatable {
      /// Whether commits carry the author's `Signed-off-by`.
      public var signOff = false
      /// `Name <address>` of a co-author that commits name; nil: none.
      public var coAuthor: String?
      public init() {}
    }

    /// What becomes of failed checks on our pull requests.
    public enum FailedChecks: String, Sendable, CaseIterable { case ignore, offer, send }
  }

  /// The keys that secrets are encrypted under, as `KeyRing` reads them.
  public enum SecretsKeys: Sendable, Equatable {
    case file(String)
    case text(Secret)
  }

  /// A certificate and its key, in PEM.
  public struct TLS: Sendable, Equatable {
    public var certificateFile: String
    public var keyFile: String
    public init(certificateFile: String, keyFile: String) {
      self.certificateFile = certificateFile
      self.keyFile = keyFile
    }
  }
}

extension Configuration.TLS {
  init(_ value: YAMLValue) throws {
    let section = try value.section(ConfigurationKeys.TLS.self)
    let certificate = try section.required(.certificateFile)
    keyFile = try SecretFile(try section.required(.keyFile)).checkedPath()
    certificateFile = SecretFile.path(of: try certificate.line(), beside: value.document.name)
    guard FileManager.default.isReadableFile(atPath: certificateFile) else {
      throw certificate.failure("names \(certificateFile), which can't be read.", mend: "Name the certificate chain in PEM.")
    }
  }
}

extension Configuration.GitHub {
  init(_ value: YAMLValue?, environment: [String: String], variables: inout [String]) throws {
    self.init()
    if let text = environment[ConfigurationVariable.githubToken.rawValue], !text.isEmpty {
      guard SecretText.isValid(text) else {
        throw RookeryError(
          .configurationInvalid, "The environment variable ROOKERY_GITHUB_TOKEN holds no token.", mend: "Set it to the token alone.")
      }
      adminToken = Secret(text)
    }
    guard let value else { return }
    let section = try value.section(ConfigurationKeys.GitHub.self)
    if let value = section[.apiURL] { apiURL = try value.webAddress().text }
    webURL = try section[.webURL]?.webAddress().text
    app = try section[.app].map { try App($0, environment: environment, variables: &variables) }
    if let value = section[.signIn] { signIn = try SignIn(value) }
    if let value = section[.pullRequests] { pullRequests = try PullRequests(value) }
    if let value = section[.commits] { commits = try Commits(value) }
    if let value = section[.mentions] { mentions = try value.boolean() }
    if let value = section[.failedChecks] { failedChecks = try value.choice(FailedChecks.self) }
    if let path = section[.userTokensFile] { userTokens = try Self.tokens(in: path) }
  }

  private static func tokens(in path: YAMLValue) throws -> [String: Secret] {
    let file = try SecretFile(path)
    // Complaints name the file and the line of the tokens, never a token.
    let document = YAMLDocument(name: file.path, code: .configurationInvalid)
    var tokens: [String: Secret] = [:]
    for (email, token) in try document.root(of: file.text())?.entries(limit: 100_000) ?? [] {
      let text = try token.string()
      guard email.contains("@"), SecretText.isValid(text) else {
        throw document.failure(line: token.line, "", "has a line that is not “e-mail: token”.", mend: "Write one such line a person.")
      }
      tokens[email.lowercased()] = Secret(text)
    }
    return tokens
  }
}

extension Configuration.GitHub.App {
  init(_ value: YAMLValue, environment: [String: String], variables: inout [String]) throws {
    let section = try value.section(ConfigurationKeys.GitHubApp.self)
    func secret(_ env: ConfigurationKeys.GitHubApp, _ file: ConfigurationKeys.GitHubApp, isText: Bool = false) throws -> Secret? {
      switch (section[env], section[file]) {
      case (nil, nil): return nil
      case (nil, let path?):
        let file = try SecretFile(path)
        return isText ? Secret(try file.text()) : try file.secret()
      case (let name?, nil):
        let variable = try name.line(limit: 255)
        variables.append(variable)
        guard let text = environment[variable], isText ? !text.isEmpty : SecretText.isValid(text) else {
          throw name.failure("names the environment variable \(variable), which is not set.", mend: "Set it where Rookery is started.")
        }
        return Secret(text)
      case (_?, _?): throw value.failure("has both \(env.rawValue) and \(file.rawValue).", mend: "Keep one of them.")
      }
    }
    guard let key = try secret(.privateKeyEnv, .privateKeyFile, isText: true) else {
      throw value.failure("lacks “private_key_file”.", mend: "Name the file with the App's private key, as GitHub gave it to you.")
    }
    self.init(
      id: Int64(try section.required(.id).integer(in: 1...Int(Int32.max) * 1000)), slug: try section[.slug]?.line(limit: 100),
      privateKey: key, clientID: try section[.clientID]?.line(limit: 200),
      clientSecret: try secret(.clientSecretEnv, .clientSecretFile), webhookSecret: try secret(.webhookSecretEnv, .webhookSecretFile))
    guard (clientID == nil) == (clientSecret == nil) else {
      throw value.failure("has only one of client_id and client_secret_file.", mend: "Signing in takes both.")
    }
  }
}

extension Configuration.GitHub.SignIn {
  init(_ value: YAMLValue) throws {
    self.init()
    let section = try value.section(ConfigurationKeys.SignIn.self)
    func names(_ key: ConfigurationKeys.SignIn, parts: Int) throws -> [String] {
      try section[key]?.elements(limit: 1000).map { entry in
        let text = try entry.line(limit: 200)
        let pieces = text.split(separator: "/", omittingEmptySubsequences: false)
        guard pieces.count == parts, pieces.allSatisfy(\.isPlainName) else {
          throw entry.failure(
            "is not a name at GitHub.", mend: parts == 2 ? "Write it as organisation/team." : "Write it as in its page's address.")
        }
        return text
      } ?? []
    }
    organisations = try names(.organisations, parts: 1)
    teams = try names(.teams, parts: 2)
    logins = try names(.logins, parts: 1)
    admins = try names(.admins, parts: 1)
  }
}

extension Configuration.GitHub.PullRequests {
  init(_ value: YAMLValue) throws {
    self.init()
    let section = try value.section(ConfigurationKeys.PullRequests.self)
    if let value = section[.draft] { draft = try value.boolean() }
    if let value = section[.withoutAccount] { withoutAccount = try value.choice(WithoutAccount.self) }
  }
}

extension Configuration.GitHub.Commits {
  init(_ value: YAMLValue) throws {
    self.init()
    let section = try value.section(ConfigurationKeys.Commits.self)
    if let value = section[.signOff] { signOff = try value.boolean() }
    coAuthor = try section[.coAuthor].map { entry in
      let text = try entry.line(limit: 300)
      let parts = text.split(separator: "<")
      guard parts.count == 2, parts[0].hasSuffix(" "), parts[1].hasSuffix(">"), parts[1].contains("@") else {
        throw entry.failure("is not of the form “Name <address>”.", mend: "Write it as in a commit's trailer.")
      }
      return text
    }
  }
}

extension Substring {
  /// What names of accounts, organisations and teams are made of.
  fileprivate var isPlainName: Bool {
    (1...100).contains(utf8.count)
      && utf8.allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte) || [0x2d, 0x2e, 0x5f].contains(byte)
      }
  }
}
