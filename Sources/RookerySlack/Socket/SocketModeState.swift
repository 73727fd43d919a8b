import Foundation
import RookeryModel

/// Socket Mode as a pure value: which sockets there are, what is answered, and when the next one is opened.
///
/// Valid transitions of a socket are `opening → greeted → retiring → gone`, and from each of them to `gone`. At most one is greeted and
/// at most one is opening. A socket that Slack is about to close is replaced first: it goes on serving until the other was greeted.
struct SocketModeState: Sendable, Equatable {
  typealias Socket = Int

  enum Action: Sendable, Equatable {
    /// Ask for an address and connect; the wait comes first.
    case open(Socket, after: Duration)
    /// Answer an envelope, after it is stored.
    case take(Socket, envelope: String, kind: String, payload: JSONValue, attempt: Int)
    case ping(Socket)
    case close(Socket)
    /// The app may use Socket Mode no more: trying again would not help soon.
    case disabled
  }

  enum Phase: Sendable, Equatable { case opening, greeted, retiring }

  private struct Line: Sendable, Equatable {
    var phase: Phase
    /// When something came the last time, and whether a ping waits for an answer since.
    var heard: Double
    var pinged = false
  }

  /// Seconds.
  private enum Time {
    static let silence = 30.0
    /// Between a ping and giving a socket up.
    static let patience = 15.0
    static let greeting = 20.0
    static let firstBackoff = 0.5
    static let longestBackoff = 60.0
    static let disabled = 300.0
  }

  private var lines: [Socket: Line] = [:]
  private var newest = 0
  private var failures = 0

  /// Whether envelopes come at the moment.
  var isConnected: Bool { lines.values.contains { $0.phase == .greeted } }

  /// Opens the first socket.
  mutating func start(now: Double) -> [Action] { open(after: 0, now: now) }

  private mutating func open(after seconds: Double, now: Double) -> [Action] {
    guard !lines.values.contains(where: { $0.phase == .opening }) else { return [] }
    newest += 1
    lines[newest] = Line(phase: .opening, heard: now + seconds)
    return [.open(newest, after: .milliseconds(Int64(seconds * 1000)))]
  }

  /// A text came from a socket. What is not understood is ignored: Slack adds types of messages.
  mutating func received(_ text: String, on socket: Socket, now: Double) -> [Action] {
    guard lines[socket] != nil else { return [] }
    heard(on: socket, now: now)
    guard let message = try? JSON.decode(JSONValue.self, from: Data(text.utf8)) else { return [] }
    switch message["type"]?.string {
    case "hello": return greeted(socket)
    case "disconnect": return disconnect(socket, reason: message["reason"]?.string ?? "", now: now)
    default:
      guard let envelope = message["envelope_id"]?.string, let kind = message["type"]?.string, let payload = message["payload"] else {
        return []
      }
      let attempt = Int(message["retry_attempt"]?.integer ?? 0)
      return [.take(socket, envelope: envelope, kind: kind, payload: payload, attempt: attempt)]
    }
  }

  /// A ping or a pong came.
  mutating func heard(on socket: Socket, now: Double) {
    lines[socket]?.heard = now
    lines[socket]?.pinged = false
  }

  /// The new socket serves: those before it go, once what they have begun to send is through.
  private mutating func greeted(_ socket: Socket) -> [Action] {
    guard lines[socket]?.phase == .opening else { return [] }
    failures = 0
    lines[socket]?.phase = .greeted
    let old = lines.keys.filter { $0 != socket }.sorted()
    for other in old { lines[other]?.phase = .retiring }
    return old.map { .close($0) }
  }

  private mutating func disconnect(_ socket: Socket, reason: String, now: Double) -> [Action] {
    switch reason {
    case "link_disabled":
      lines[socket] = nil
      return [.close(socket), .disabled] + open(after: Time.disabled, now: now)
    case "too_many_websockets":
      // Others have them; opening at once would take one from somebody else's replacement.
      return open(after: Time.firstBackoff * 4, now: now)
    default:
      // `warning` comes about ten seconds ahead, `refresh_requested` is the end itself.
      return open(after: 0, now: now)
    }
  }

  /// A socket ended, or could not be opened.
  mutating func ended(_ socket: Socket, now: Double) -> [Action] {
    guard let line = lines.removeValue(forKey: socket) else { return [] }
    if line.phase == .retiring || lines.values.contains(where: { $0.phase != .retiring }) { return [] }
    if line.phase == .opening { failures += 1 }
    let wait = failures == 0 ? 0 : min(Time.longestBackoff, Time.firstBackoff * pow(2, Double(failures - 1)))
    return open(after: wait, now: now)
  }

  /// Called about once a second: notices silence.
  mutating func tick(now: Double) -> [Action] {
    var actions: [Action] = []
    for (socket, line) in lines.sorted(by: { $0.key < $1.key }) {
      let silence = now - line.heard
      switch line.phase {
      case .opening where silence > Time.greeting:
        actions.append(.close(socket))
        actions += ended(socket, now: now)
      case .greeted where line.pinged && silence > Time.silence + Time.patience:
        actions.append(.close(socket))
        actions += ended(socket, now: now)
      case .greeted where !line.pinged && silence > Time.silence:
        lines[socket]?.pinged = true
        actions.append(.ping(socket))
      default: break
      }
    }
    return actions
  }
}
