import RookeryModel

/// The tools that an agent offers its model, and how to use them for what a script wants.
struct OfferedTools: Equatable {
  struct Tool: Equatable {
    var name: String
    var properties: [String: JSONValue]
    var required: [String]
  }

  struct Use: Equatable {
    var name: String
    var arguments: JSONValue
  }

  var tools: [Tool]

  init(_ values: [JSONValue]) {
    tools = values.compactMap { value in
      // Some send the function without its wrapping.
      let function = value["function"] ?? value
      guard let name = function["name"]?.string else { return nil }
      let schema = function["parameters"] ?? function["input_schema"]
      var properties: [String: JSONValue] = [:]
      if case .object(let members) = schema?["properties"] { properties = members }
      return Tool(name: name, properties: properties, required: (schema?["required"]?.array ?? []).compactMap(\.string))
    }
  }

  var isEmpty: Bool { tools.isEmpty }
  var names: String { tools.map(\.name).joined(separator: ", ") }

  private static let shellNames = [
    "run_shell_command", "bash", "shell", "run_command", "execute_command", "exec_command", "run_terminal_cmd", "terminal",
    "execute_bash", "local_shell", "run_bash", "shell_command", "execute", "run",
  ]
  private static let commandNames = ["command", "cmd", "shell_command", "bash_command", "script", "code", "input"]
  private static let writeNames = [
    "write_file", "write", "create_file", "file_write", "write_to_file", "save_file", "str_replace_editor",
    "str_replace_based_edit_tool", "file_editor", "text_editor",
  ]
  private static let pathNames = ["path", "file_path", "filepath", "filename", "file", "absolute_path", "target_file"]
  private static let contentNames = ["content", "contents", "text", "file_text", "file_content", "new_content", "data"]

  /// How to run `command`; nil when no tool runs commands.
  func shell(_ command: String) -> Use? {
    guard let tool = find(Self.shellNames), let parameter = Self.parameter(of: tool, Self.commandNames) else { return nil }
    let list = tool.properties[parameter]?["type"]?.string == "array"
    let value: JSONValue = list ? ["sh", "-c", .string(command)] : .string(command)
    return Use(name: tool.name, arguments: Self.arguments(of: tool, [parameter: value]))
  }

  /// How to write a file; nil when no tool does. `directory` is where the agent works, if that is known: a tool that wants
  /// absolute paths can be used only then.
  func write(path: String, content: String, in directory: String?) -> Use? {
    guard let tool = find(Self.writeNames), let pathParameter = Self.parameter(of: tool, Self.pathNames),
      let contentParameter = Self.parameter(of: tool, Self.contentNames)
    else { return nil }
    var path = path
    let description = tool.properties[pathParameter]?["description"]?.string?.lowercased() ?? ""
    if description.contains("absolute") || pathParameter == "absolute_path" {
      guard let directory else { return nil }
      path = directory + "/" + path
    }
    var given: [String: JSONValue] = [pathParameter: .string(path), contentParameter: .string(content)]
    // An editor with several commands.
    if Self.choices(tool.properties["command"]).contains(.string("create")) { given["command"] = "create" }
    return Use(name: tool.name, arguments: Self.arguments(of: tool, given))
  }

  private func find(_ names: [String]) -> Tool? {
    for name in names {
      if let tool = tools.first(where: { Self.plain($0.name) == Self.plain(name) }) { return tool }
    }
    // A name may carry its server's: `developer__shell`, `functions.bash`.
    for name in names {
      if let tool = tools.first(where: { tool in ["__", ".", "-", "/"].contains { Self.hasSuffix(tool.name, $0 + name) } }) {
        return tool
      }
    }
    return nil
  }

  private static func hasSuffix(_ name: String, _ suffix: String) -> Bool { name.lowercased().hasSuffix(suffix) }

  /// `filePath`, `file_path` and `FilePath` are the same word.
  private static func plain(_ name: String) -> String { name.lowercased().replacing("_", with: "").replacing("-", with: "") }

  private static func parameter(of tool: Tool, _ names: [String]) -> String? {
    for name in names {
      if let key = tool.properties.keys.sorted().first(where: { plain($0) == plain(name) }) { return key }
    }
    return nil
  }

  private static func choices(_ schema: JSONValue?) -> [JSONValue] { schema?["enum"]?.array ?? [] }

  /// `given`, and something harmless for every other parameter that the tool insists on.
  private static func arguments(of tool: Tool, _ given: [String: JSONValue]) -> JSONValue {
    var arguments = given
    for name in tool.required where arguments[name] == nil {
      let schema = tool.properties[name]
      if let value = schema?["default"] ?? choices(schema).first {
        arguments[name] = value
        continue
      }
      switch schema?["type"]?.string {
      case "boolean": arguments[name] = false
      case "integer", "number": arguments[name] = schema?["minimum"] ?? 60
      case "array": arguments[name] = []
      case "object": arguments[name] = .object([:])
      default: arguments[name] = "A step of the rehearsal"
      }
    }
    return .object(arguments)
  }
}
