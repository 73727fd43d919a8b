import Foundation
import Logging
import RookeryModel
import RookerySessions
import RookeryStore

/// Keeps threads at what their sessions' logs say.
///
/// A thread that is behind is followed until it shows everything and its session is idle; whatever happens in a session later, from
/// whichever client, makes it fall behind again. So a restart needs no memory of what was going on.
actor ThreadFollowers {
  private let sessions: any SessionService
  private let registry: Registry
  private let sender: SlackSender
  private let origin: String
  private let logger: Logger
  private var running: [SlackPlace: Task<Void, Never>] = [:]
  /// Threads where something is new that no event tells of.
  private var changed: Set<SlackPlace> = []

  private static let look = Duration.seconds(2)
  /// Threads that are followed at once; the others wait for their turn.
  private static let limit = 500

  init(sessions: any SessionService, registry: Registry, sender: SlackSender, origin: String, logger: Logger) {
    self.sessions = sessions
    self.registry = registry
    self.sender = sender
    self.origin = origin
    self.logger = logger
  }

  /// Looks for threads that are behind, until it is cancelled.
  func run() async throws {
    defer { for task in running.values { task.cancel() } }
    while true {
      do {
        for thread in try await registry.slackThreadsBehind() {
          guard let session = thread.session else { continue }
          follow(SlackPlace(channel: thread.channel, thread: thread.thread), session: session)
        }
      } catch {
        try Task.checkCancellation()
        logger.warning("could not look for threads that are behind", metadata: ["error": "\(error)"])
      }
      try await Task.sleep(for: Self.look)
    }
  }

  func follow(_ place: SlackPlace, session: SessionID) {
    changed.insert(place)
    guard running[place] == nil, running.count < Self.limit else { return }
    running[place] = Task { await self.bring(place, upTo: session) }
  }

  private func bring(_ place: SlackPlace, upTo session: SessionID) async {
    do {
      let shown = try await registry.slackThread(channel: place.channel, thread: place.thread)?.shown ?? 0
      var follower = ThreadFollower(
        place: place, messages: ThreadMessages(session: session, link: origin + "/sessions/\(session)"), shown: shown)
      var cursor = try await sessions.cursor(session, after: 0)
      var isCurrent = false
      while !isCurrent {
        for event in try await cursor.next().events { follower.view.apply(try JSON.decode(Event.self, from: event.json)) }
        guard follower.view.seq >= shown else { continue }
        changed.remove(place)
        let prompts = try await registry.slackPrompts(session: session)
        for (key, job) in follower.changes(prompts: prompts) { await sender.want(job, key: key, in: place) }
        await share(follower.files(), of: session, in: place)
        let newest = try await sessions.detail(session).session
        isCurrent = newest.seq == follower.view.seq && newest.state == .idle
        if isCurrent {
          while changed.remove(place) != nil {
            let prompts = try await registry.slackPrompts(session: session)
            for (key, job) in follower.changes(prompts: prompts) { await sender.want(job, key: key, in: place) }
          }
          await sender.settled(place)
          try Task.checkCancellation()
          try await registry.setSlackShown(follower.view.seq, channel: place.channel, thread: place.thread)
        }
      }
    } catch let error as RookeryError where error.code == .notFound {
      // The session was deleted: there is nothing to show any more.
      changed.remove(place)
      try? await registry.setSlackShown(.max, channel: place.channel, thread: place.thread)
    } catch  where !(error is CancellationError) {
      changed.remove(place)
      logger.warning("a thread could not be brought up to date", metadata: ["session": "\(session)", "error": "\(error)"])
    } catch {
      // The server stops; the next one goes on.
    }
    running[place] = nil
    // Something came while the last was written down.
    if changed.contains(place), !Task.isCancelled { follow(place, session: session) }
  }

  private func share(_ files: [ThreadFollower.File], of session: SessionID, in place: SlackPlace) async {
    for file in files {
      switch file {
      case .text(let snippet):
        await sender.want(
          .file(Data(snippet.text.utf8), name: snippet.name, title: snippet.title), key: snippet.key, in: place)
      case .picture(let artifact):
        do {
          let data = try await sessions.artifact(session, artifact.id).1
          let name = artifact.name.split(separator: "/").last.map(String.init) ?? "picture.png"
          await sender.want(.file(data, name: name, title: name), key: "picture.\(artifact.id)", in: place)
        } catch {
          logger.warning("a picture is not to be had", metadata: ["artifact": "\(artifact.id)", "error": "\(error)"])
        }
      }
    }
  }
}
