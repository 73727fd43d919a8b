import Foundation
import RookeryModel

extension Configuration.Agents {
  init(_ value: YAMLValue) throws {
    self.init()
    let section = try value.section(ConfigurationKeys.Agents.self)
    defaultAgent = try section[.defaultAgent]?.identifier(AgentKind.self)
    for entry in try section[.definitions]?.elements(limit: 100) ?? [] {
      let definition = try AgentDefinition(entry)
      guard !definitions.contains(where: { $0.name == definition.name }) else {
        throw entry.failure("defines “\(definition.name)” a second time.", mend: "Keep one definition of each name.")
      }
      definitions.append(definition)
    }
  }
}

extension AgentDefinition {
  /// An operator's entry: never marked as tested.
  fileprivate init(_ value: YAMLValue) throws {
    let section = try value.section(ConfigurationKeys.Agent.self)
    let name = try section.required(.name).identifier(AgentKind.self)
    let wire = try section.required(.wire).choice(WireChoice.self)
    let argv = try section[.argv]?.elements(limit: 256).map { try $0.string() } ?? []
    guard wire == .command || !(argv.first ?? "").isEmpty else {
      throw value.failure("lacks “argv”.", mend: "Give the program and its arguments, as a list.")
    }
    let python = try section[.python]?.elements(limit: 256).map { requirement in
      let text = try requirement.line()
      // pip would take it for an option of its own.
      guard !text.hasPrefix("-") else {
        throw requirement.failure("is not a requirement.", mend: "Write requirements such as “name==1.2”.")
      }
      return text
    }
    self.init(
      name: name, title: try section[.title]?.line(limit: 200) ?? name.rawValue, wire: wire.wire,
      model: try section[.model]?.choice(ModelWireChoice.self).wire ?? .none, python: python ?? [], argv: argv,
      environment: try section[.environment]?.variables() ?? [:],
      litter: try section[.litter]?.elements().map { try $0.line() } ?? [], tested: false)
  }

  private enum WireChoice: String, CaseIterable {
    case acp, command
    var wire: Wire { self == .acp ? .acp : .command }
  }

  private enum ModelWireChoice: String, CaseIterable {
    case openai, anthropic, none
    var wire: ModelWire {
      switch self {
      case .openai: .openai
      case .anthropic: .anthropic
      case .none: .none
      }
    }
  }
}

extension YAMLValue {
  /// Environment variables: names as the shell has them, texts without NUL.
  func variables() throws -> [String: String] {
    var variables: [String: String] = [:]
    for (name, value) in try entries() {
      let isName =
        !name.isEmpty && name.utf8.count <= 255 && !(0x30...0x39).contains(name.utf8.first ?? 0x30)
        && name.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x5a).contains($0) || (0x61...0x7a).contains($0) || $0 == 0x5f }
      guard isName else {
        throw value.failure("is not a name that an environment variable can have.", mend: "Use letters, digits and “_”.")
      }
      let text = try value.string()
      guard text.utf8.count <= 32 << 10, !text.utf8.contains(0) else {
        throw value.failure("is too long or holds a NUL.", mend: "Use at most 32 KiB of text.")
      }
      variables[name] = text
    }
    return variables
  }

  /// A host's name or number as it stands in a `Host` header, without a port.
  func hostName() throws -> String {
    let text = try line(limit: 255).lowercased()
    let allowed = text.utf8.allSatisfy { byte in
      (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte) || [0x2d, 0x2e, 0x5f].contains(byte)
    }
    guard allowed || (text.hasPrefix("[") && text.hasSuffix("]")) else {
      throw failure("is not a host name.", mend: "Give the name alone, without scheme, port or path.")
    }
    return text
  }

  /// `host:port`.
  func hostAndPort() throws -> String {
    let text = try line(limit: 300).lowercased()
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]), (1...65535).contains(port),
      colon != text.startIndex, !text.contains("/")
    else { throw failure("is not of the form host:port.", mend: "Write it like git.internal:443.") }
    return text
  }
}
