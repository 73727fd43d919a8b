extension Configuration.Capacity {
  init(_ value: YAMLValue) throws {
    self.init()
    let section = try value.section(ConfigurationKeys.Capacity.self)
    if let value = section[.freeMemoryMB] { freeMemoryMB = try value.integer(in: 0...16_777_216) }
    if let value = section[.freeDiskMB] { freeDiskMB = try value.integer(in: 0...1_073_741_824) }
    if let value = section[.memoryOvercommit] { memoryOvercommit = try value.number(in: 0.1...1000) }
    if let value = section[.cpuOvercommit] { cpuOvercommit = try value.number(in: 0.1...1000) }
  }
}
