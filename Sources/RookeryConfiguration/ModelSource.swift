import Foundation
import RookeryModel

/// Where the model comes from: the file's `model` section and the environment, of which the environment wins.
struct ModelSource {
  let file: YAMLValue?
  let environment: [String: String]

  /// Used where only a vendor's key is given.
  private static func vendorDefault(_ wire: Configuration.Model.Wire) -> (url: String, name: String) {
    switch wire {
    case .anthropic: ("https://api.anthropic.com", "claude-sonnet-4-5")
    case .openai: ("https://api.openai.com", "gpt-5")
    }
  }

  /// Nil when nothing names a model.
  func model() throws -> Configuration.Model? {
    let section = try file?.section(ConfigurationKeys.Model.self)
    let chosen = try chosenWire()
    guard section != nil || self[.modelURL] != nil else { return try vendorModel(wire: chosen) }
    let wire = try chosen ?? section?[.wire]?.choice(Configuration.Model.Wire.self) ?? .openai
    let url: String
    if let text = self[.modelURL] {
      url = try Self.prefix(of: text)
    } else if let value = section?[.url] {
      url = Self.withoutVersion(try value.webAddress().text)
    } else {
      url = Self.vendorDefault(wire).url
    }
    guard let name = try self[.modelName] ?? section?[.name]?.line(limit: 200) else {
      throw RookeryError(
        .configurationInvalid, "The model at \(url) has no name.", mend: "Set ROOKERY_MODEL, or model.name in the configuration.")
    }
    var model = Configuration.Model(
      wire: wire, url: url, name: name, key: try key(section, wire: wire),
      tokensPerSession: try section?[.tokensPerSession]?.integer(in: 1...1_000_000_000_000))
    if let section { try Self.read(section, into: &model) }
    return model
  }

  private static func read(_ section: YAMLSection<ConfigurationKeys.Model>, into model: inout Configuration.Model) throws {
    model.otherNames = try section[.otherNames]?.elements(limit: 100).map { try $0.line(limit: 200) } ?? []
    for (name, value) in try section[.prices]?.entries(limit: 200) ?? [] {
      let price = try value.section(ConfigurationKeys.ModelPrice.self)
      model.prices[name] = Grant.Model.Price(
        input: try microUSD(price.required(.input), upTo: 100_000), output: try microUSD(price.required(.output), upTo: 100_000))
    }
    model.budgetMicroUSD = try section[.budget].map { try microUSD($0, upTo: 1_000_000) }
    if let budget = section[.budget], let unpriced = ([model.name] + model.otherNames).first(where: { model.prices[$0] == nil }) {
      throw budget.failure("can't be counted: model.prices has no price for “\(unpriced)”.", mend: "Add its price.")
    }
    model.reach = Set(try section[.allow]?.elements(limit: 10).map { try $0.choice(Grant.Model.Reach.self) } ?? [])
  }

  private static func microUSD(_ value: YAMLValue, upTo limit: Double) throws -> Int {
    Int((try value.number(in: 0...limit) * 1_000_000).rounded())
  }

  private subscript(_ variable: ConfigurationVariable) -> String? {
    environment[variable.rawValue].flatMap { $0.isEmpty ? nil : $0 }
  }

  private func chosenWire() throws -> Configuration.Model.Wire? {
    guard let text = self[.modelWire] else { return nil }
    guard let wire = Configuration.Model.Wire(rawValue: text) else {
      throw RookeryError(
        .configurationInvalid, "ROOKERY_MODEL_WIRE is “\(text.prefix(40))”.", mend: "Use “openai” or “anthropic”, or leave it out.")
    }
    return wire
  }

  /// A vendor's key alone is enough.
  private func vendorModel(wire: Configuration.Model.Wire?) throws -> Configuration.Model? {
    let candidates: [(Configuration.Model.Wire, ConfigurationVariable)] = [(.anthropic, .anthropicKey), (.openai, .openAIKey)]
    for (candidate, variable) in candidates where (wire ?? candidate) == candidate && self[variable] != nil {
      let fallback = Self.vendorDefault(candidate)
      return Configuration.Model(
        wire: candidate, url: fallback.url, name: self[.modelName] ?? fallback.name, key: try checked(variable))
    }
    if self[.modelKey] != nil || self[.modelName] != nil {
      throw RookeryError(
        .configurationInvalid, "ROOKERY_MODEL or ROOKERY_MODEL_KEY is set, but nothing says where the model is.",
        mend: "Set ROOKERY_MODEL_URL (such as https://api.openai.com), or ANTHROPIC_API_KEY or OPENAI_API_KEY instead.")
    }
    return nil
  }

  private func key(_ section: YAMLSection<ConfigurationKeys.Model>?, wire: Configuration.Model.Wire) throws -> Secret {
    if self[.modelKey] != nil { return try checked(.modelKey) }
    if let path = section?[.keyFile] { return try SecretFile(path).secret() }
    // A vendor's key goes to that vendor alone, never to an address that somebody set beside it.
    let named = try self[.modelURL].map(Self.prefix) ?? section?[.url].map { Self.withoutVersion(try $0.webAddress().text) }
    if named == nil || named == Self.vendorDefault(wire).url {
      let variable: ConfigurationVariable = wire == .anthropic ? .anthropicKey : .openAIKey
      if self[variable] != nil { return try checked(variable) }
    }
    return Secret("")
  }

  private func checked(_ variable: ConfigurationVariable) throws -> Secret {
    guard let text = self[variable], SecretText.isValid(text) else {
      throw RookeryError(
        .configurationInvalid, "The environment variable \(variable.rawValue) holds no key.", mend: "Set it to the key alone.")
    }
    return Secret(text)
  }

  private static func prefix(of text: String) throws -> String {
    do { return withoutVersion(try WebAddress(text).text) } catch WebAddress.Failure.problem(let problem) {
      throw RookeryError(
        .configurationInvalid, "ROOKERY_MODEL_URL \(problem)", mend: "Write it like https://api.openai.com or http://127.0.0.1:8000.")
    }
  }

  /// People know these addresses with `/v1` at the end; agents add it themselves.
  private static func withoutVersion(_ url: String) -> String { url.hasSuffix("/v1") ? String(url.dropLast(3)) : url }
}
