import RookeryModel
import Testing

@testable import RookeryRehearsal

@Suite struct OfferedToolsTests {
  private func tool(_ name: String, _ properties: JSONValue, required: JSONValue = []) -> JSONValue {
    [
      "type": "function",
      "function": ["name": .string(name), "parameters": ["type": "object", "properties": properties, "required": required]],
    ]
  }

  private static let text: JSONValue = ["type": "string"]

  @Test(arguments: [
    ("run_shell_command", "command"), ("bash", "command"), ("Bash", "command"), ("shell", "cmd"), ("developer__shell", "command"),
    ("functions.exec_command", "cmd"), ("executeCommand", "command"), ("terminal", "script"),
  ])
  func findsTheShell(name: String, parameter: String) {
    let tools = OfferedTools([
      tool("read_file", ["path": Self.text]), tool(name, .object([parameter: Self.text, "timeout": ["type": "number"]])),
    ])
    #expect(tools.shell("ls") == .init(name: name, arguments: .object([parameter: "ls"])))
  }

  @Test func usesAShellThatTakesAList() {
    let tools = OfferedTools([tool("shell", ["command": ["type": "array", "items": Self.text]])])
    #expect(tools.shell("ls")?.arguments == ["command": ["sh", "-c", "ls"]])
  }

  @Test func givesWhatAToolInsistsOn() {
    let tools = OfferedTools([
      tool(
        "bash",
        [
          "command": Self.text, "description": Self.text, "background": ["type": "boolean"], "timeout": ["type": "integer"],
          "mode": ["enum": ["fast", "slow"]], "level": ["type": "integer", "default": 7], "list": ["type": "array"],
          "map": ["type": "object"],
          "optional": Self.text,
        ], required: ["command", "description", "background", "timeout", "mode", "level", "list", "map"])
    ])
    #expect(
      tools.shell("ls")?.arguments == [
        "command": "ls", "description": "A step of the rehearsal", "background": false, "timeout": 60, "mode": "fast", "level": 7,
        "list": [], "map": .object([:]),
      ])
  }

  @Test(arguments: [
    ("write_file", "file_path", "content"), ("write", "filePath", "content"), ("create_file", "path", "contents"),
    ("filesystem__write_file", "path", "content"),
  ])
  func findsTheWriter(name: String, path: String, content: String) {
    let tools = OfferedTools([tool(name, .object([path: Self.text, content: Self.text, "append": ["type": "boolean"]]))])
    #expect(tools.write(path: "a/b", content: "c", in: nil) == .init(name: name, arguments: .object([path: "a/b", content: "c"])))
  }

  @Test func usesAnEditorsCreate() {
    let editor = tool(
      "str_replace_editor", ["command": ["enum": ["view", "create"]], "path": ["description": "Absolute path"], "file_text": Self.text])
    #expect(OfferedTools([editor]).write(path: "a", content: "c", in: nil) == nil)
    #expect(
      OfferedTools([editor]).write(path: "a", content: "c", in: "/w")?.arguments == ["command": "create", "path": "/w/a", "file_text": "c"])
  }

  @Test func findsNothing() {
    let tools = OfferedTools([tool("search", ["query": Self.text]), tool("bash", ["elsewhere": Self.text]), ["odd": 1], "odd"])
    #expect(tools.shell("ls") == nil)
    #expect(tools.write(path: "a", content: "b", in: "/") == nil)
    #expect(tools.names == "search, bash")
  }
}
