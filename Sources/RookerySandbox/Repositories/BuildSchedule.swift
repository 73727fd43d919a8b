import Foundation
import RookeryModel

/// When the builder looks at which repository's tip, as a value. Times are spread, so that many repositories don't come at once, and
/// after failures they lie further and further apart.
struct BuildSchedule: Sendable, Equatable {
  struct Settings: Sendable, Equatable {
    /// Seconds between two looks.
    var interval: Double
    /// Seconds at most after repeated failures.
    var longest: Double
    /// How much of a wait is left to chance, to either side.
    var jitter = 0.1
  }

  let settings: Settings
  private var due: [RepositoryName: Date] = [:]
  private var looking: Set<RepositoryName> = []

  init(_ settings: Settings) { self.settings = settings }

  /// Takes up new repositories and forgets those that are gone. The first look at one comes anywhere within an interval.
  mutating func update(_ names: some Sequence<RepositoryName>, now: Date, chance: () -> Double) {
    let names = Set(names)
    due = due.filter { names.contains($0.key) }
    for name in names where due[name] == nil && !looking.contains(name) {
      due[name] = now.addingTimeInterval(settings.interval * chance())
    }
  }

  /// The repositories whose turn has come. Each is left out until `looked` is called for it.
  mutating func take(now: Date) -> [RepositoryName] {
    let names = due.filter { $0.value <= now }.sorted { ($0.value, $0.key) < ($1.value, $1.key) }.map(\.key)
    for name in names {
      due[name] = nil
      looking.insert(name)
    }
    return names
  }

  /// A look, or a build that somebody asked for, is over; `failures` came one after another. `chance` is from 0 to 1.
  mutating func looked(at name: RepositoryName, failures: Int, now: Date, chance: Double) {
    looking.remove(name)
    due[name] = now.addingTimeInterval(wait(failures: failures) * (1 + settings.jitter * (2 * chance - 1)))
  }

  /// Seconds until the next look: doubled for each failure.
  func wait(failures: Int) -> Double {
    let doubled = settings.interval * pow(2, Double(min(max(failures, 0), 40)))
    return min(doubled, max(settings.longest, settings.interval))
  }

  /// When a repository's turn comes; nil while it is being looked at.
  func next(_ name: RepositoryName) -> Date? { due[name] }

  /// When the next turn of any comes.
  var next: Date? { due.values.min() }
}
