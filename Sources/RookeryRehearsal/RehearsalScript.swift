import Foundation
import RookeryModel

/// What a rehearsal model says and has the agent do, written down beforehand.
///
/// A script is JSON: `{"name": …, "pace_ms": …, "steps": [ … ]}`, each step an object with one key:
/// - `{"say": TEXT}`: text before what follows;
/// - `{"run": COMMAND}`: a POSIX shell command, through whatever tool of the agent runs commands; its status must be 0;
/// - `{"write": {"path": PATH, "content": TEXT}}`: a file, relative to the working directory, through the agent's own tool;
/// - `{"expect": TEXT}`: the result of the step before must contain it; first in a turn: the user's prompt must;
/// - `{"finish": TEXT}`: the turn's last words. Steps after it are played for the conversation's next prompt; prompts beyond the
///   last turn play that one again.
package struct RehearsalScript: Sendable, Codable, Equatable {
  package enum Step: Sendable, Equatable {
    case say(String)
    case run(String)
    case write(path: String, content: String)
    case expect(String)
    case finish(String)
  }

  package var name: String
  /// Milliseconds between the pieces of a streamed answer.
  package var pace: Int
  package var steps: [Step]

  package init(name: String, pace: Int = 0, steps: [Step]) {
    self.name = name
    self.pace = pace
    self.steps = steps
  }

  private enum CodingKeys: String, CodingKey { case name, pace = "pace_ms", steps }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    name = try container.decodeIfPresent(String.self, forKey: .name) ?? "rehearsal"
    pace = try container.decodeIfPresent(Int.self, forKey: .pace) ?? 0
    steps = try container.decode([Step].self, forKey: .steps)
  }

  /// Throws `notFound` when there is no such file, `configurationInvalid` when it is not a script.
  package static func load(_ path: String) throws -> RehearsalScript {
    let data: Data
    do {
      data = try Data(contentsOf: URL(fileURLWithPath: path))
    } catch {
      throw RookeryError(.notFound, "The script \(path) can't be read.", mend: "Check the path.", context: "\(error)")
    }
    do {
      let script = try JSON.decode(RehearsalScript.self, from: data)
      _ = try script.turns()
      return script
    } catch let error as DecodingError {
      throw RookeryError(
        .configurationInvalid, "\(path) is not a rehearsal script: \(error)",
        mend: "A script is JSON: {\"steps\": [{\"say\": …}, {\"run\": …}, {\"write\": …}, {\"expect\": …}, {\"finish\": …}]}.")
    }
  }
}

extension RehearsalScript.Step: Codable {
  private enum CodingKeys: String, CodingKey, CaseIterable { case say, run, write, expect, finish }
  private struct File: Codable {
    var path: String
    var content: String
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    guard let key = container.allKeys.first, container.allKeys.count == 1 else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "a step is an object with one of say, run, write, expect, finish"))
    }
    switch key {
    case .say: self = .say(try container.decode(String.self, forKey: key))
    case .run: self = .run(try container.decode(String.self, forKey: key))
    case .expect: self = .expect(try container.decode(String.self, forKey: key))
    case .finish: self = .finish(try container.decode(String.self, forKey: key))
    case .write:
      let file = try container.decode(File.self, forKey: key)
      self = .write(path: file.path, content: file.content)
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    switch self {
    case .say(let text): try container.encode(text, forKey: .say)
    case .run(let command): try container.encode(command, forKey: .run)
    case .expect(let text): try container.encode(text, forKey: .expect)
    case .finish(let text): try container.encode(text, forKey: .finish)
    case .write(let path, let content): try container.encode(File(path: path, content: content), forKey: .write)
    }
  }
}
