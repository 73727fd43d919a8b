import Foundation
import RookeryModel

/// Finds what in a request would make the model's provider reach out: search the web, call other servers, fetch an address, read
/// files that were uploaded before. A sandbox that may reach only the model must not reach the world through it.
struct ModelReach {
  private typealias Reach = Grant.Model.Reach

  private let granted: Set<Grant.Model.Reach>

  /// Nodes that are looked at, at most.
  private static let nodeLimit = 2_000_000
  /// Where a tool's own input or its description may hold anything.
  private static let opaque: Set<String> = ["input_schema", "parameters", "arguments", "metadata", "partial_json", "response_format"]
  /// Tools that the agent carries out, by the start of their type.
  private static let ownTools = [
    "function", "custom", "local_shell", "shell", "apply_patch", "computer", "bash_", "text_editor_", "memory_", "namespace", "tool_search",
  ]
  /// Members of a request that bring in tools or instructions which the provider keeps.
  private static let remoteMembers: [String: Grant.Model.Reach] = [
    "mcp_servers": .tools, "container": .tools, "web_search_options": .web, "plugins": .tools, "prompt": .tools, "connectors": .tools,
    "extra_body": .tools, "tool_resources": .tools, "search_parameters": .web, "enable_search": .web, "search_options": .web,
    "web_search": .web, "search_domain_filter": .web, "google_search": .web,
  ]

  init(granted: Set<Grant.Model.Reach>) { self.granted = granted }

  /// - Throws: `forbidden` naming what is not granted; `badRequest` for what could be read in two ways.
  func check(_ body: JSONMembers) throws {
    try body.refuseRepetitions()
    var budget = Self.nodeLimit
    for member in body.members where !Self.isNull(member.value) {
      switch member.key {
      case let key where Self.remoteMembers[key] != nil: try need(Self.remoteMembers[key] ?? .tools, "“\(key)”")
      case "tools": try checkTools(member.value)
      case "models", "fallbacks": throw RookeryError(.badRequest, "The request names other models in “\(member.key)”.")
      // What the provider does after its answer, nobody counts.
      case "background" where !member.value.elementsEqual("false".utf8):
        throw RookeryError(.badRequest, "Answers in the background are not passed on.", mend: "Ask without “background”.")
      case "messages", "input", "system", "instructions": try walk(member.value, depth: 0, &budget)
      default: break
      }
    }
  }

  private func checkTools(_ value: Data) throws {
    for tool in try JSONMembers.elements(of: value) {
      guard JSONMembers.isObject(tool) else { throw RookeryError(.badRequest, "A tool is no object.") }
      let members = try JSONMembers(tool)
      try members.refuseRepetitions()
      guard let type = try members.decode(String.self, "type") else {
        // Anthropic's form of a tool that the agent carries out. Others without a type are a provider's own (Google's, for one).
        if members.members.contains(where: { $0.key == "input_schema" }) { continue }
        try need(.tools, "a tool of its own")
        continue
      }
      if Self.ownTools.contains(where: { $0.hasSuffix("_") ? type.hasPrefix($0) : type == $0 || type.hasPrefix($0 + "_") }) { continue }
      let isWeb = type.hasPrefix("web_") || type.hasPrefix("google_search")
      try need(isWeb ? .web : .tools, "the provider's tool “\(type.prefix(60).description.printable)”")
    }
  }

  /// Looks at content, at any depth.
  private func walk(_ value: Data, depth: Int, _ budget: inout Int) throws {
    budget -= 1
    guard budget > 0, depth < 64 else { throw RookeryError(.badRequest, "The request is nested too deeply or has too many parts.") }
    if JSONMembers.isArray(value) {
      for element in try JSONMembers.elements(of: value) where !JSONMembers.isScalar(element) {
        try walk(element, depth: depth + 1, &budget)
      }
      return
    }
    guard JSONMembers.isObject(value) else { return }
    let object = try JSONMembers(value)
    try object.refuseRepetitions()
    let type = object.members.first { $0.key == "type" }.flatMap { try? JSONDecoder().decode(String.self, from: $0.value) }
    for member in object.members where !Self.isNull(member.value) {
      switch member.key {
      // What the agent's own tool was called with.
      case "input" where type?.hasSuffix("tool_use") == true: continue
      case let key where Self.opaque.contains(key): continue
      case "image_url", "file_url", "video_url", "audio_url": try checkAddress(member.value)
      case "file_id": try need(.files, "a file that was uploaded")
      case "url" where type == "url" || type == "image" || type == "document": try need(.urls, "an address")
      // Where a search result of the agent's says that it is from: a label, which nobody fetches.
      case "source" where type == "search_result": continue
      case "source":
        try checkAddress(member.value)
        try walk(member.value, depth: depth + 1, &budget)
      default:
        if !JSONMembers.isScalar(member.value) { try walk(member.value, depth: depth + 1, &budget) }
      }
    }
  }

  /// An address as a text, or as the `url` of an object.
  private func checkAddress(_ value: Data) throws {
    var value = value
    if JSONMembers.isObject(value) {
      let members = try JSONMembers(value)
      try members.refuseRepetitions()
      guard let url = members.members.first(where: { $0.key == "url" }) else { return }
      value = url.value
    }
    guard let text = try? JSONDecoder().decode(String.self, from: value) else { return }
    if !text.lowercased().hasPrefix("data:") { try need(.urls, "an address") }
  }

  private func need(_ reach: Grant.Model.Reach, _ what: String) throws {
    guard !granted.contains(reach) else { return }
    throw RookeryError(
      .forbidden, "The request has the model's provider use \(what), which is not granted.",
      mend: "The operator can list “\(reach.rawValue)” under model.allow.")
  }

  private static func isNull(_ value: Data) -> Bool { value.elementsEqual("null".utf8) }
}
