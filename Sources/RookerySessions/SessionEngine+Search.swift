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
    if let session, !SessionStore.exists(directory: services.directory, session: session) {
      throw RookeryError(.notFound, "There is no session “\(session)”.", mend: "“rookery sessions” lists those you may see.")
    }
    var titles: [SessionID: String] = [:]
    let hits = try searcher.index.find(query, in: session, limit: min(max(limit, 1), 200)) { id in
      // A session that no list shows is found by nobody.
      if titles[id] != nil { return true }
      titles[id] = try services.registry.title(of: id, to: user)
      return titles[id] != nil
    }
    return hits.map { hit in
      var hit = hit
      hit.title = titles[hit.session]
      return hit
    }
  }
}
