import Foundation
import RookeryModel

/// The session whose agent started this one, and those that its own agent started, as a tree.
enum FamilyView {
  static func html(_ session: SessionSummary, _ all: [SessionSummary]) -> HTML {
    let parent = session.parent.flatMap { id in all.first { $0.id == id } }
    let above: HTML =
      parent.map { #"<p class="parent">Started by the agent of <a href="/sessions/\#($0.id)" dir="auto">\#($0.title)</a></p>"# } ?? ""
    let below = branch(of: session.id, all, depth: 0)
    return above + (below.isEmpty ? "" : #"<nav class="family" aria-label="Sessions that its agent started">\#(below)</nav>"#)
  }

  private static func branch(of session: SessionID, _ all: [SessionSummary], depth: Int) -> [HTML] {
    let children = all.filter { $0.parent == session }.reversed()
    guard !children.isEmpty, depth < 10 else { return [] }
    let items = children.map { child -> HTML in
      """
      <li><a href="/sessions/\(child.id)" dir="auto">\(child.title)</a> \(Wording.stateMark(child))\
      \(branch(of: child.id, all, depth: depth + 1).joined())</li>
      """
    }
    return [#"<ul class="children">\#(Array(items))</ul>"#]
  }
}
