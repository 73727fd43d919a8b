import RookeryModel

extension Configuration {
  /// How the repository that a message means is found.
  public struct Routing: Sendable, Equatable {
    /// Whether the model has a say, where one is configured.
    public var usesModel = true
    /// The model's name; nil: the one that agents use. A small, fast one is enough.
    public var model: String?
    /// How long people wait for the model before the rules decide.
    public var timeoutMilliseconds = 6000
    /// Default repositories by channel name, without `#`, in lower case.
    public var channels: [String: RepositoryName] = [:]
    public init() {}
  }
}

extension Configuration.Routing {
  init(_ value: YAMLValue) throws {
    self.init()
    let section = try value.section(ConfigurationKeys.Routing.self)
    if let value = section[.usesModel] { usesModel = try value.boolean() }
    model = try section[.model]?.line(limit: 200)
    if let value = section[.timeoutMilliseconds] { timeoutMilliseconds = try value.integer(in: 100...60_000) }
    for (name, value) in try section[.channels]?.entries(limit: 5000) ?? [] {
      let channel = name.lowercased()
      guard !channel.isEmpty, channel.utf8.count <= 200, !channel.hasPrefix("#"), !channel.contains(where: \.isWhitespace) else {
        throw value.failure("is no channel's name.", mend: "Write it without “#”, as Slack shows it.")
      }
      channels[channel] = try value.identifier(RepositoryKind.self)
    }
  }
}
