import Foundation
import RookeryModel
import Yams

/// openapi.yaml, to hold what a server and its clients really say against it.
package struct OpenAPIDocument: Sendable {
  /// A method, in capitals, and a path with its parameters in braces.
  package struct Operation: Sendable, Hashable, CustomStringConvertible {
    package var method: String
    package var path: String
    package var description: String { "\(method) \(path)" }

    package init(method: String, path: String) {
      self.method = method
      self.path = path
    }
  }

  package struct Invalid: Error, CustomStringConvertible {
    package var description: String
  }

  private let root: JSONValue
  private let schema: JSONSchema

  package init(yaml: String) throws {
    root = try Self.value(try Yams.load(yaml: yaml) ?? [String: Any]())
    var definitions: [String: JSONValue] = [:]
    if case .object(let schemas)? = root["components"]?["schemas"] {
      for (name, schema) in schemas { definitions["#/components/schemas/\(name)"] = schema }
    }
    schema = JSONSchema(definitions: definitions)
  }

  /// Every operation that is described.
  package var operations: Set<Operation> {
    guard case .object(let paths)? = root["paths"] else { return [] }
    return Set(
      paths.flatMap { path, item -> [Operation] in
        guard case .object(let members) = item else { return [] }
        return members.keys.filter { $0 != "parameters" }.map { Operation(method: $0.uppercased(), path: path) }
      })
  }

  /// Whether the operation takes no sign-in.
  package func isOpen(_ operation: Operation) -> Bool { member(operation)?["security"] == .array([]) }

  /// What is wrong with a request's JSON body; `path` is a real one, without its query.
  package func problems(request body: Data, method: String, path: String) -> [String] {
    guard let operation = operation(method: method, path: path) else { return ["\(method) \(path) is not described"] }
    guard let content = member(operation)?["requestBody"]?["content"]?["application/json"]?["schema"] else {
      return body.isEmpty ? [] : ["\(operation): no body is described"]
    }
    return check(body, content, "\(operation) request")
  }

  /// What is wrong with an answer: its status, its type, and its body where that is JSON.
  package func problems(response body: Data, status: Int, type: String?, method: String, path: String) -> [String] {
    guard let operation = operation(method: method, path: path) else { return ["\(method) \(path) is not described"] }
    let responses = member(operation)?["responses"]
    guard var response = responses?["\(status)"] ?? (status >= 400 ? responses?["default"] : nil) else {
      return ["\(operation): the status \(status) is not described"]
    }
    if let name = response["$ref"]?.string?.split(separator: "/").last, let target = root["components"]?["responses"]?[String(name)] {
      response = target
    }
    guard case .object(let contents)? = response["content"] else {
      return body.isEmpty ? [] : ["\(operation): status \(status) has a body that is not described"]
    }
    let media = type?.split(separator: ";").first.map { $0.trimmingCharacters(in: .whitespaces) } ?? "none"
    guard let content = contents[media] ?? contents["*/*"] else { return ["\(operation): the type \(media) is not described"] }
    guard let schema = content["schema"] else { return ["\(operation): \(media) has no schema"] }
    switch media {
    case "application/json": return check(body, schema, "\(operation) \(status)")
    case "application/x-ndjson":
      return body.split(separator: UInt8(ascii: "\n")).flatMap { check(Data($0), schema, "\(operation) \(status)") }
    default: return []
    }
  }

  /// What is wrong with a value of a named schema.
  package func problems(_ body: Data, schema name: String) -> [String] {
    check(body, .object(["$ref": .string("#/components/schemas/\(name)")]), name)
  }

  private func check(_ body: Data, _ schema: JSONValue, _ what: String) -> [String] {
    guard let value = try? JSON.decode(JSONValue.self, from: body) else { return ["\(what): the body is not JSON"] }
    return self.schema.problems(value, schema).map { "\(what): \($0)" }
  }

  private func member(_ operation: Operation) -> JSONValue? { root["paths"]?[operation.path]?[operation.method.lowercased()] }

  /// The operation that a real path belongs to; literal parts outrank parameters.
  private func operation(method: String, path: String) -> Operation? {
    let parts = path.split(separator: "/")
    return operations.filter { operation in
      let template = operation.path.split(separator: "/")
      return operation.method == method && template.count == parts.count
        && zip(template, parts).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
    }.min { $0.path.count { $0 == "{" } < $1.path.count { $0 == "{" } }
  }

  private static func value(_ any: Any) throws -> JSONValue {
    switch any {
    case let value as Bool: .bool(value)
    case let value as Int: .integer(Int64(value))
    case let value as Double: .number(value)
    case let value as String: .string(value)
    case let value as [Any]: .array(try value.map(Self.value))
    case let value as [String: Any]: .object(try value.mapValues(Self.value))
    case let value as [AnyHashable: Any]:
      .object(Dictionary(try value.map { ("\($0.key)", try Self.value($0.value)) }, uniquingKeysWith: { $1 }))
    case is NSNull: .null
    default: throw Invalid(description: "openapi.yaml holds a \(type(of: any))")
    }
  }
}
