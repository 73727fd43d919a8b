import Foundation
import RookeryModel
import Testing

@testable import RookeryConfiguration

@Suite struct ModelSourceTests {
  private func model(_ environment: [String: String], _ yaml: String = "") throws -> Configuration.Model? {
    try Configuration.parse(yaml: yaml, file: "rookery.yaml", environment: environment).model
  }

  @Test func nothingNamesNoModel() throws {
    #expect(try model([:]) == nil)
    #expect(try model(["ROOKERY_MODEL_URL": "", "OPENAI_API_KEY": ""]) == nil)
  }

  @Test func anAddressOfItsOwn() throws {
    let found = try model(["ROOKERY_MODEL_URL": "https://m.example.org/api/v1/", "ROOKERY_MODEL_KEY": "k", "ROOKERY_MODEL": "n"])
    #expect(found == .init(wire: .openai, url: "https://m.example.org/api", name: "n", key: Secret("k")))
  }

  @Test func theWireIsChosen() throws {
    let found = try model(["ROOKERY_MODEL_URL": "https://m", "ROOKERY_MODEL": "n", "ROOKERY_MODEL_WIRE": "anthropic"])
    #expect(found?.wire == .anthropic)
    #expect(found?.key == Secret(""))
  }

  @Test(arguments: [("ANTHROPIC_API_KEY", "https://api.anthropic.com"), ("OPENAI_API_KEY", "https://api.openai.com")])
  func aVendorsKeyIsEnough(variable: String, url: String) throws {
    let plain = try #require(try model([variable: "k"]))
    #expect(plain.url == url)
    #expect(plain.key == Secret("k"))
    #expect(!plain.name.isEmpty)
    #expect(try model([variable: "k", "ROOKERY_MODEL": "other"])?.name == "other")
  }

  @Test func ofTwoVendorsTheWireDecides() throws {
    let keys = ["ANTHROPIC_API_KEY": "a", "OPENAI_API_KEY": "o"]
    #expect(try model(keys)?.wire == .anthropic)
    #expect(try model(keys.merging(["ROOKERY_MODEL_WIRE": "openai"]) { $1 })?.key == Secret("o"))
  }

  @Test func aVendorsKeyNeverGoesToAnotherAddress() throws {
    let environment = ["ROOKERY_MODEL_URL": "https://elsewhere.example.org", "ROOKERY_MODEL": "n", "OPENAI_API_KEY": "o"]
    #expect(try model(environment)?.key == Secret(""))
    #expect(try model(["OPENAI_API_KEY": "o"], "model: {url: 'https://elsewhere.example.org', name: n}")?.key == Secret(""))
    #expect(try model(["OPENAI_API_KEY": "o"], "model: {url: 'https://api.openai.com/v1', name: n}")?.key == Secret("o"))
  }

  @Test func theEnvironmentWinsOverTheFile() throws {
    let found = try model(
      ["ROOKERY_MODEL_URL": "https://b", "ROOKERY_MODEL": "b"], "model: {url: 'https://a', name: a, tokens_per_session: 5}")
    #expect(found == .init(wire: .openai, url: "https://b", name: "b", key: Secret(""), tokensPerSession: 5))
  }

  @Test func aModelOnThisMachineIsAdmitted() throws {
    let configuration = try Configuration.parse(
      yaml: "", file: "f", environment: ["ROOKERY_MODEL_URL": "http://127.0.0.1:8123", "ROOKERY_MODEL": "n"])
    #expect(configuration.network.privateHosts == ["127.0.0.1:8123"])
    let elsewhere = try Configuration.parse(yaml: "", file: "f", environment: ["OPENAI_API_KEY": "k"])
    #expect(elsewhere.network.privateHosts.isEmpty)
  }

  @Test(arguments: [
    ["ROOKERY_MODEL_URL": "https://m"],
    ["ROOKERY_MODEL_URL": "m", "ROOKERY_MODEL": "n"],
    ["ROOKERY_MODEL_URL": "https://m", "ROOKERY_MODEL": "n", "ROOKERY_MODEL_WIRE": "soap"],
    ["ROOKERY_MODEL_KEY": "k"],
    ["ROOKERY_MODEL": "n"],
    ["OPENAI_API_KEY": "two words"],
    ["ROOKERY_MODEL_URL": "https://m", "ROOKERY_MODEL": "n", "ROOKERY_MODEL_KEY": "a\nb"],
  ])
  func refuses(_ environment: [String: String]) throws {
    let error = try #require(throws: RookeryError.self) { try model(environment) }
    #expect(error.code == .configurationInvalid)
    #expect(!error.mend.isEmpty)
    #expect(!error.description.contains("two words"), "a secret must not be repeated")
  }
}
