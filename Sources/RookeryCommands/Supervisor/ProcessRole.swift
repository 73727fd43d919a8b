/// The processes that `up` keeps running.
package enum ProcessRole: String, Sendable, Codable, CaseIterable {
  case host, gateway, serve

  /// The order in which they are stopped: who faces people first, who holds the sandboxes last.
  package static let stopOrder: [ProcessRole] = [.serve, .gateway, .host]
}

/// How a process ended.
package enum ChildExit: Sendable, Equatable {
  case code(Int32)
  case signal(Int32)

  /// From what waitpid(2) reports of a process that ended.
  init(status: Int32) {
    let signal = status & 0x7f
    self = signal == 0 ? .code(status >> 8 & 0xff) : .signal(signal)
  }

  package var text: String {
    switch self {
    case .code(let code): "exit \(code)"
    case .signal(let signal): "signal \(signal)"
    }
  }
}
