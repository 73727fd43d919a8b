import Foundation

@testable import RookeryServer

/// The live page as a tree of elements, with what page.js does to it: enough of HTML for what the server renders.
final class PageElement {
  var name: String
  var id: String?
  var children: [Child] = []
  weak var parent: PageElement?

  enum Child {
    case element(PageElement)
    case text(String)
  }

  init(_ name: String, id: String? = nil) {
    self.name = name
    self.id = id
  }

  var text: String {
    children.map { child in
      switch child {
      case .element(let element): "<\(element.name)#\(element.id ?? "")>" + element.text
      case .text(let text): text
      }
    }.joined()
  }

  func find(_ id: String) -> PageElement? {
    if self.id == id { return self }
    for case .element(let child) in children {
      if let found = child.find(id) { return found }
    }
    return nil
  }

  func append(_ html: String) {
    var stack: [PageElement] = [self]
    let voids: Set<String> = ["input", "img", "br", "hr", "path", "meta", "link"]
    var rest = Substring(html)
    while let start = rest.firstIndex(of: "<") {
      if start > rest.startIndex { stack[stack.count - 1].children.append(.text(String(rest[..<start]))) }
      let end = rest[start...].firstIndex(of: ">") ?? rest.index(before: rest.endIndex)
      let tag = rest[rest.index(after: start)..<end]
      rest = rest[rest.index(after: end)...]
      if tag.hasPrefix("/") {
        if stack.count > 1 { stack.removeLast() }
        continue
      }
      let name = String(tag.prefix { $0 != " " && $0 != "/" })
      let element = PageElement(name, id: tag.firstMatch(of: /\ id="([^"]*)"/).map { String($0.output.1) })
      element.parent = stack.last
      stack[stack.count - 1].children.append(.element(element))
      if !voids.contains(name), !tag.hasSuffix("/") { stack.append(element) }
    }
    if !rest.isEmpty { stack[stack.count - 1].children.append(.text(String(rest))) }
  }

  func place(of child: PageElement) -> Int? {
    children.firstIndex { if case .element(let element) = $0 { element === child } else { false } }
  }
}

struct PageModel {
  private let root: PageElement

  init() {
    root = PageElement("root")
    root.append(#"<div id="transcript"></div>"#)
  }

  /// Everything in the transcript as text, runs of text joined.
  var text: String { root.find("transcript")?.text ?? "" }

  static func text(of html: String) -> String {
    let element = PageElement("root")
    element.append(html)
    return element.text
  }

  func apply(_ fragment: Fragment) {
    guard let element = root.find(fragment.target) else { return }
    switch fragment.mode {
    case .append: element.append(fragment.html)
    case .tail:
      var kept = 0
      element.children = Array(
        element.children.prefix { child in
          if case .element = child { kept += 1 }
          return kept <= fragment.keep ?? 0
        })
      element.append(fragment.html)
    case .remove:
      if let parent = element.parent, let place = parent.place(of: element) { parent.children.remove(at: place) }
    case .replace:
      guard let parent = element.parent, let place = parent.place(of: element) else { return }
      let fresh = PageElement("fresh")
      fresh.append(fragment.html)
      parent.children.replaceSubrange(place...place, with: fresh.children)
      for case .element(let child) in fresh.children { child.parent = parent }
    }
  }
}
