import Foundation
import Logging
import RookeryAgents
import RookeryConfiguration
import RookeryModel
import RookeryStore

/// What the agent asks the participants. An open question is part of the agent's stored conversation and its deadline part of the
/// turn's, so a restart of ours changes nothing.
extension LiveSession {
  /// Turns the agent's questions into events, with the time until which people may answer.
  func ask(_ questions: [ACPQuestion]) -> [EventPayload] {
    guard !questions.isEmpty else { return [] }
    let seconds = services.configuration.permissions(of: meta.repository).timeoutSeconds
    let deadline = Date(timeIntervalSinceNow: Double(seconds))
    var deadlines = turn?.deadlines ?? [:]
    for question in questions { deadlines[question.number] = deadline }
    turn?.deadlines = deadlines
    return questions.map { .permissionRequested(shown($0)) }
  }

  /// Questions are numbered by process; their ids are unique in the session.
  func named(_ events: [EventPayload]) -> [EventPayload] {
    events.map { event in
      guard case .permissionAnswered(var answered) = event, let number = answered.id.flatMap({ Int($0) }) else { return event }
      turn?.deadlines?[number] = nil
      answered.id = permissionID(number)
      return .permissionAnswered(answered)
    }
  }

  /// What people may answer now.
  func openPermissions() -> [PermissionRequested]? {
    let open = (link?.interpreter.questions ?? []).map(shown)
    return open.isEmpty ? nil : open
  }

  private func permissionID(_ number: Int) -> String { "\(link?.process.rawValue ?? "agent")-\(number)" }

  private func shown(_ question: ACPQuestion) -> PermissionRequested {
    PermissionRequested(
      id: permissionID(question.number), call: question.call, tool: question.tool, detail: question.about,
      options: question.options.enumerated().map { index, option in
        .init(number: index, name: option.name, allows: option.allows, always: option.isLasting)
      }, deadline: turn?.deadlines?[question.number] ?? Date())
  }

  /// Someone answers. Throws `conflict` when the question is not open any more, `badRequest` for an option that it does not have.
  func answer(_ permission: String, option: Int, by person: Author) throws {
    guard let question = link?.interpreter.questions.first(where: { permissionID($0.number) == permission }) else {
      // A repetition of the answer that counted is no trouble.
      if try wasAnswered(permission, by: person) { return }
      throw RookeryError(
        .conflict, "The agent does not wait for “\(permission.prefix(80))”.", mend: "It was answered, or its turn is over: see the log.")
    }
    guard question.options.indices.contains(option) else {
      throw RookeryError(
        .badRequest, "The question has \(question.options.count) options, numbered from 0.", mend: "Choose one of them.")
    }
    try answer(question, option: option, source: .participant, by: person)
  }

  private func wasAnswered(_ permission: String, by person: Author) throws -> Bool {
    guard let turn else { return false }
    return try store.read { try $0.events(ofTurn: turn.number, kinds: ["permission.answered"]) }.contains { event in
      if case .permissionAnswered(let body) = event.payload { body.id == permission && body.by == person } else { false }
    }
  }

  private func answer(_ question: ACPQuestion, option: Int?, source: PermissionAnswered.Source, by person: Author?) throws {
    guard let before = link?.interpreter else { return }
    let answered = PermissionAnswered(
      tool: question.tool, option: "", allowed: false, id: "\(question.number)", source: source, by: person)
    guard let meaning = link?.interpreter.answer(question.number, option: option, answered: answered) else { return }
    do {
      try apply(meaning)
    } catch {
      link?.interpreter = before
      throw error
    }
    watchQuestions()
  }

  /// Waits for the next deadline; at it the safe answer is given.
  func watchQuestions() {
    questionTimer?.cancel()
    let open = link?.interpreter.questions ?? []
    let due = open.compactMap { question in turn?.deadlines?[question.number].map { (question, $0) } }.min { $0.1 < $1.1 }
    guard let (question, deadline) = due else { return }
    questionTimer = Task {
      do { try await Task.sleep(for: .seconds(max(0, deadline.timeIntervalSinceNow))) } catch { return }
      guard self.link?.interpreter.questions.contains(question) == true else { return }
      do {
        try self.answer(question, option: nil, source: .timeout, by: nil)
      } catch {
        self.logger.warning("a question's time is over, which could not be stored", metadata: ["error": "\(error)"])
      }
    }
  }
}
