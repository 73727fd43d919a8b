import Foundation
import RookeryModel
import RookeryStore

extension SessionEngine {
  /// Bytes of a query, at most.
  private static let maximumQuery = 500

  package func search(_ query: String, in session: SessionID?, limit: Int, by user: User) async throws -> [API.SearchHit] {
    guard query.utf8.count <= Self.maximumQuery else {
      throw RookeryError(.badRequest, "A query has at most \(Self.maximumQuery) bytes.", mend: "Give a few words.")
    }
    if let session { try await admit(user, to: session, as: .viewer) }
    var titles: [SessionID: String] = [:]
    let hits = try searcher.index.find(query, in: session, limit: min(max(limit, 1), 200)) { id in
      // What no list shows to this person is not found by them.
      if titles[id] != nil { return true }
      guard let summary = try services.registry.summary(of: id), summary.role(of: user) != nil else { return false }
      titles[id] = summary.title
      return true
    }
    return hits.map { hit in
      var hit = hit
      hit.title = titles[hit.session]
      return hit
    }
  }
}
