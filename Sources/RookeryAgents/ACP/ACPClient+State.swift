import RookeryModel

extension ACPClient {
  /// Everything that the client knows; kept small, since it is stored with every batch of events.
  struct State: Sendable, Codable, Equatable {
    var agent: AgentName
    var title: String
    var directory: String
    /// The earlier conversation to continue; nil from the moment when that was given up.
    var resume: String?
    /// What was said before, for an agent that can't load it: it goes before the first prompt.
    var history: String?
    var phase = Phase.created
    var nextRequest = 0
    /// ACP's own order allows one outstanding request of ours at a time.
    var awaited: Awaited?
    var session: String?
    /// What the agent calls itself.
    var agentTitle: String?
    var agentVersion: String?
    /// The names of the ways to log in that it offers, for the mend of a refusal.
    var logins: [String] = []
    /// The history of a loaded conversation arrives as updates, which the log already has.
    var replaying = false
    var queue: [QueuedPrompt] = []
    /// Tool calls of this turn that were announced, with their titles: each gets one `tool.call`, everything later is a
    /// `tool.update`, and a permission is often asked for by id alone.
    var announced: [String: String] = [:]
    var failure: RookeryError?
    /// Whether a running turn can be told more (`_session/steering`), and what a prompt may hold beside text.
    var steers: Bool?
    var takesImages: Bool?
    var takesResources: Bool?
    var takesTools: Bool?
    /// Prompts that were given to the running turn and not answered yet.
    var steering: [Steer]?
    /// The turn is over, but something that it was told is not answered.
    var heldEnd: String?
    var policy: PermissionPolicy?
    var questions: [ACPQuestion]?
    var questionCount: Int?
    /// Servers of tools that the agent is given.
    var tools: [JSONValue]?

    init(agent: AgentName, title: String, directory: String, resume: String?, history: String?) {
      self.agent = agent
      self.title = title
      self.directory = directory
      self.resume = resume
      self.history = history
    }
  }

  struct QueuedPrompt: Sendable, Codable, Equatable {
    var text: String
    var cancelled = false
    var files: [PromptFile]?
  }

  /// A prompt on its way into the running turn.
  struct Steer: Sendable, Codable, Equatable {
    var request: Int
    var prompt: PromptID
  }

  struct Awaited: Sendable, Codable, Equatable {
    var id: Int
    var method: Method
  }

  enum Method: String, Sendable, Codable {
    case initialize
    case newSession = "session/new"
    case loadSession = "session/load"
    case resumeSession = "session/resume"
    case prompt = "session/prompt"
  }

  /// Allocates an id and remembers what its answer is for.
  mutating func request(_ method: Method, _ parameters: JSONValue) -> ACPAction {
    let id = state.nextRequest
    state.nextRequest += 1
    state.awaited = Awaited(id: id, method: method)
    return .send(line: ACPMessage.request(id: id, method.rawValue, parameters))
  }

  /// Ends the conversation for good. The error's context is left out of the state, as it is of every stored error.
  mutating func fail(_ error: RookeryError) -> [ACPAction] {
    state.phase = .failed
    state.awaited = nil
    state.queue = []
    state.announced = [:]
    state.failure = RookeryError(error.code, error.message, mend: error.mend)
    return [.failed(error)]
  }
}
