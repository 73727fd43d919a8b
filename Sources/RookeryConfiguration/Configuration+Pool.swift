import RookeryModel

extension Configuration {
  /// Sandboxes that wait for sessions.
  public struct Pool: Sendable, Equatable {
    /// What one repository's pool is.
    public struct Kept: Sendable, Equatable {
      /// How many wait while the repository is in use; 0 switches its pool off.
      public var size = 3
      /// Minutes after which one is replaced.
      public var maximumAgeMinutes = 25
      public init() {}
    }
    public var kept = Kept()
    /// MiB that all waiting sandboxes may use together.
    public var memoryMB = 2048
    /// Preparations that run at once.
    public var atOnce = 2
    public init() {}
  }
}

extension Configuration.Pool {
  init(_ value: YAMLValue) throws {
    self.init()
    let section = try value.section(ConfigurationKeys.Pool.self)
    if let value = section[.size] { kept.size = try value.integer(in: Kept.Bounds.size) }
    if let value = section[.maximumAgeMinutes] { kept.maximumAgeMinutes = try value.integer(in: Kept.Bounds.maximumAgeMinutes) }
    if let value = section[.memoryMB] { memoryMB = try value.integer(in: 0...16_777_216) }
    if let value = section[.atOnce] { atOnce = try value.integer(in: 1...64) }
  }
}

extension Configuration.Pool.Kept {
  enum Bounds {
    static let size = 0...100
    static let maximumAgeMinutes = 1...180
  }

  /// A repository's own; what it doesn't name is as in `defaults`.
  init(_ value: YAMLValue, defaults: Self) throws {
    self = defaults
    let section = try value.section(ConfigurationKeys.RepositoryPool.self)
    if let value = section[.size] { size = try value.integer(in: Bounds.size) }
    if let value = section[.maximumAgeMinutes] { maximumAgeMinutes = try value.integer(in: Bounds.maximumAgeMinutes) }
  }
}

extension Configuration {
  /// The pool of a repository.
  public func pool(of repository: RepositoryName) -> Pool.Kept { repositories[repository]?.pool ?? pool.kept }
}
