import Foundation
import RookeryModel

/// One warm sandbox, as the pool sees it.
package struct PoolEntry: Sendable, Equatable {
  /// Valid transitions: `preparing → ready → claimed`, each of which may turn `retiring`, except that a claimed one does so only
  /// when its session gives it back. A retiring one is forgotten when it is gone.
  package enum State: Sendable, Equatable {
    case preparing
    case ready
    /// Given to this session, which has not recorded it yet.
    case claimed(SessionID)
    case retiring
  }

  package let id: SandboxID
  package let repository: RepositoryName
  package let validity: PoolValidity
  /// When its preparation began: its age counts from here, since it knows no commit that is newer.
  package let began: Date
  package internal(set) var state: State
  /// Agents that can be started in it.
  package internal(set) var bundles: Set<AgentName> = []
  /// Bytes; nil until measured.
  package internal(set) var memory: Int?

  package init(
    id: SandboxID, repository: RepositoryName, validity: PoolValidity, began: Date, state: State, bundles: Set<AgentName> = [],
    memory: Int? = nil
  ) {
    self.id = id
    self.repository = repository
    self.validity = validity
    self.began = began
    self.state = state
    self.bundles = bundles
    self.memory = memory
  }

  /// Whether it uses memory that the budget counts: a claimed one is its session's.
  var isKept: Bool { state == .preparing || state == .ready }
}
