import RookeryModel

extension Configuration.Images {
  init(_ value: YAMLValue) throws {
    self.init()
    let section = try value.section(ConfigurationKeys.Images.self)
    if let value = section[.intervalSeconds] {
      let seconds = try value.integer(in: 0...604_800)
      guard seconds == 0 || seconds >= 30 else {
        throw value.failure("is below 30.", mend: "Write 30 or more, or 0 to build on demand only.")
      }
      intervalSeconds = seconds == 0 ? nil : seconds
    }
    if let value = section[.longestWaitSeconds] { longestWaitSeconds = try value.integer(in: 60...2_592_000) }
    if let value = section[.buildsAtOnce] { buildsAtOnce = try value.integer(in: 1...64) }
    if let value = section[.commandSeconds] { commandSeconds = try value.integer(in: 10...14_400) }
    if let value = section[.layers] { layers = try value.integer(in: 1...150) }
    if let value = section[.keep] { keep = try value.integer(in: 0...100) }
    if let value = section[.maxAgeDays] { maxAgeDays = try value.integer(in: 1...3650) }
    maxTotalMB = try section[.maxTotalMB]?.integer(in: 1...1_073_741_824)
    if let value = section[.minFreeMB] { minFreeMB = try value.integer(in: 0...1_073_741_824) }
    scanAllow =
      try section[.scanAllow]?.elements().map { entry in
        let path = try entry.line(limit: 1024)
        guard path.hasPrefix("/"), path.utf8.count > 1 else {
          throw entry.failure("is not an absolute path inside a sandbox.", mend: "Write one like /usr/share/doc.")
        }
        return path
      } ?? []
  }
}

extension Configuration {
  /// Every secret that the server was given: what no image and no snapshot may hold, however it is encoded.
  public var heldSecrets: [Secret] {
    var secrets = repositories.values.compactMap(\.gitToken) + Array(github.userTokens.values)
    secrets += self.secrets.values.map(\.value)
    if let key = model?.key { secrets.append(key) }
    if let token = github.adminToken { secrets.append(token) }
    if let app = github.app { secrets += [app.privateKey, app.clientSecret, app.webhookSecret].compactMap { $0 } }
    return secrets
  }
}
