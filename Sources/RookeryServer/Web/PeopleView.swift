import Foundation
import RookeryModel

/// The people of a session, on its page.
enum PeopleView {
  /// Who takes part, and the owner's means to let others in.
  static func participants(_ session: SessionSummary, _ audience: Audience) -> HTML {
    let people = session.participants ?? []
    let faces = people.prefix(8).map { person -> HTML in
      #"<li title="\#(person.person.name), \#(person.role.rawValue)">\#(PersonView.face(person.person))</li>"#
    }
    let names = people.map { person -> HTML in
      "<li>\(PersonView.face(person.person))<span>\(person.person.name)</span><span class=\"muted\">\(person.role.rawValue)</span></li>"
    }
    return """
      <details id="people" class="people"><summary><ul class="faces" aria-hidden="true">\(faces)</ul>\
      \(Wording.plural(people.count, "participant", "participants"))</summary>\
      <div class="people-body"><ul class="people-list">\(names)</ul>\(audience.role == .owner ? sharing(session) : "")</div></details>
      """
  }

  private static func sharing(_ session: SessionSummary) -> HTML {
    let access = session.access ?? .team
    let options = SessionAccess.allCases.map { choice -> HTML in
      #"<option value="\#(choice.rawValue)"\#(choice == access ? " selected" : "" as HTML)>\#(word(choice))</option>"#
    }
    return """
      <div class="sharing"><label>Access <select id="access">\(options)</select></label>\
      <label>Invite a <select id="invite-role"><option value="collaborator">collaborator</option><option value="viewer">viewer</option>\
      </select></label><button id="invite" type="button">Copy a link</button>\
      <p id="invite-link" class="muted" role="status" hidden></p></div>
      """
  }

  private static func word(_ access: SessionAccess) -> String {
    switch access {
    case .team: "Everyone here may take part"
    case .watch: "Everyone here may watch"
    case .closed: "Participants only"
    }
  }

  /// Who follows the session at this moment.
  static func watching(_ people: [Author]) -> HTML {
    let faces = people.prefix(8).map { #"<span title="\#($0.name)">\#(PersonView.face($0))</span>"# as HTML }
    let names = people.map(\.name).joined(separator: ", ")
    return """
      <li id="watching" class="watching" title="\(names)">\(faces)<span>\(people.isEmpty ? "" : "watching")</span>\
      <span class="visually-hidden">\(names)</span></li>
      """
  }
}

/// Where a link leads that lets people take part in a session: the link's secret is read by the page's script alone.
enum JoinPage {
  static func page(_ user: User) -> Page {
    Page(
      title: "Join a session · Rookery", user: user, kind: "notice",
      content: """
        <main class="notice" id="main"><h1>Join a session</h1><p>You were invited to take part in a session, as \(user.name).</p>\
        <p id="join-error" class="form-error" role="alert" hidden></p>\
        <p><button id="join" class="primary" type="button">Join</button></p>\
        <noscript><p>This page needs its script: the link's secret never leaves your browser without it.</p></noscript></main>
        """)
  }
}
