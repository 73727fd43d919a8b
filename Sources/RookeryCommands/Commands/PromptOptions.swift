import ArgumentParser
import Foundation
import Glibc
import RookeryModel

/// A prompt's text, and who it is by.
struct PromptOptions: ParsableArguments {
  @Argument(help: "The prompt. Without it, it is read from --file or from standard input.")
  var prompt: String?

  @Option(help: ArgumentHelp("Read the prompt from a file; “-” is standard input.", valueName: "path"))
  var file: String?

  @Option(help: ArgumentHelp("Who the work is by; takes an admin.", valueName: "\"Name <mail>\""))
  var author: NamedPerson?

  /// Bytes of a prompt, as the server has it.
  static let limit = 1 << 20

  func validate() throws {
    if prompt != nil, file != nil { throw ValidationError("Give the prompt as an argument or with --file, not both.") }
  }

  func text() throws -> String {
    if let prompt { return prompt }
    if let file, file != "-" {
      guard let handle = FileHandle(forReadingAtPath: file) else {
        throw RookeryError(.badRequest, "The file \(file) can't be read.", mend: "Check the path.")
      }
      return try Self.read(handle, name: file)
    }
    guard file == "-" || isatty(STDIN_FILENO) == 0 else {
      throw RookeryError(.badRequest, "There is no prompt.", mend: "Give it as an argument, with --file, or on standard input.")
    }
    return try Self.read(.standardInput, name: "standard input")
  }

  private static func read(_ handle: FileHandle, name: String) throws -> String {
    let data = try handle.read(upToCount: limit + 1) ?? Data()
    guard data.count <= limit else {
      throw RookeryError(
        .tooLarge, "The prompt in \(name) is longer than \(limit >> 20) MiB.", mend: "Shorten it, or put material into the repository.")
    }
    guard let text = String(data: data, encoding: .utf8), text.contains(where: { !$0.isWhitespace }) else {
      throw RookeryError(.badRequest, "\(name) holds no prompt in UTF-8.", mend: "Say what should be done.")
    }
    return text
  }
}

/// `Name <mail>` on a command line.
package struct NamedPerson: ExpressibleByArgument, Sendable, Equatable {
  package var author: API.NamedAuthor

  package init?(argument: String) {
    guard argument.hasSuffix(">"), let open = argument.lastIndex(of: "<") else { return nil }
    let name = argument[..<open].trimmingCharacters(in: .whitespaces)
    let email = argument[argument.index(after: open)...].dropLast().trimmingCharacters(in: .whitespaces)
    let parts = email.split(separator: "@", omittingEmptySubsequences: false)
    guard !name.isEmpty, parts.count == 2, parts.allSatisfy({ !$0.isEmpty }), !email.contains(" ") else { return nil }
    author = API.NamedAuthor(name: name, email: email)
  }
}

/// Files that go with a prompt.
struct AttachOptions: ParsableArguments {
  @Option(name: .customLong("attach"), help: ArgumentHelp("A file for the agent, to 20 MiB; may be given often.", valueName: "path"))
  var files: [String] = []

  private static let limit = 20 << 20

  /// Sends the files; returns their digests, nil when there are none.
  func upload(_ api: APIClient) async throws -> [String]? {
    var digests: [String] = []
    for path in files {
      guard let handle = FileHandle(forReadingAtPath: path), let data = try? handle.read(upToCount: Self.limit + 1) else {
        throw RookeryError(.badRequest, "The file \(path) can't be read.", mend: "Check the path.")
      }
      guard data.count <= Self.limit else {
        throw RookeryError(.tooLarge, "The file \(path) is larger than \(Self.limit >> 20) MiB.", mend: "Put it into the repository.")
      }
      digests.append(try await api.upload(data, name: (path as NSString).lastPathComponent).digest)
    }
    return digests.isEmpty ? nil : digests
  }
}

extension PromptMode: EnumerableFlag {
  public static func name(for value: PromptMode) -> NameSpecification { .long }

  public static func help(for value: PromptMode) -> ArgumentHelp? {
    switch value {
    case .queue: "Wait for its turn (the default)."
    case .steer: "Reach the running turn where the agent can take it in, else run next."
    case .interrupt: "Stop the running turn, whose work is kept, and run next."
    }
  }
}

extension SessionAccess: ExpressibleByArgument {}
extension SessionRole: ExpressibleByArgument {}
