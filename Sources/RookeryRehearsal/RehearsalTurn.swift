import RookeryModel

/// The part of a script that answers one prompt: moves, each one tool call, then the last words.
struct RehearsalTurn: Equatable {
  struct Move: Equatable {
    enum Action: Equatable {
      case run(String)
      case write(path: String, content: String)
      /// Follows each write: whether the file is there as it was told.
      case check(path: String, content: String)
    }
    var says: String
    var action: Action
    var expects: [String] = []
  }

  /// What the user's prompt must contain.
  var prompts: [String] = []
  var moves: [Move] = []
  var finish = ""
}

extension RehearsalScript {
  /// Throws `configurationInvalid` for a script that does not end with `finish`, or has nothing before an `expect`.
  func turns() throws -> [RehearsalTurn] {
    var turns: [RehearsalTurn] = []
    var turn = RehearsalTurn()
    var says: [String] = []
    var open = false
    for step in steps {
      open = true
      switch step {
      case .say(let text): says.append(text)
      case .run(let command):
        turn.moves.append(.init(says: said(&says), action: .run(command)))
      case .write(let path, let content):
        turn.moves.append(.init(says: said(&says), action: .write(path: path, content: content)))
        turn.moves.append(.init(says: "", action: .check(path: path, content: content)))
      case .expect(let text):
        if turn.moves.isEmpty { turn.prompts.append(text) } else { turn.moves[turn.moves.count - 1].expects.append(text) }
      case .finish(let text):
        turn.finish = (says + [text]).joined(separator: "\n\n")
        turns.append(turn)
        turn = RehearsalTurn()
        says = []
        open = false
      }
    }
    guard !open, !turns.isEmpty else {
      throw RookeryError(
        .configurationInvalid, "The script “\(name)” does not end with a finish step.", mend: "Add {\"finish\": \"…\"} as its last step.")
    }
    return turns
  }

  private func said(_ says: inout [String]) -> String {
    defer { says = [] }
    return says.joined(separator: "\n\n")
  }
}
