import Foundation
import RookeryModel
import RookerySessions

/// For whom a session's page is made.
struct Audience: Sendable {
  var viewer: User
  var role: SessionRole
  var canWork: Bool { role >= .collaborator }
}

/// What stays at the foot of a session's page: what the agent asks, the queue, and where people write.
enum SessionDock {
  static func html(_ detail: API.SessionDetail, _ audience: Audience) -> HTML {
    """
    <footer class="dock"><div class="dock-inner">\
    <button id="latest" class="latest" type="button" hidden>Jump to the newest</button>\
    <p id="connection" class="connection" role="status" hidden></p>\
    \(permissions(detail, audience))\(queue(detail, audience))\(typing([]))\
    \(audience.canWork ? composer(detail.session.id) : watching)\(stopButton(detail.session, audience))</div></footer>
    """
  }

  private static let watching: HTML = #"<p class="watch-only">You watch this session. Its owner can let you take part.</p>"#

  private static func composer(_ id: SessionID) -> HTML {
    """
    <form id="prompt" class="composer" method="post" action="/sessions/\(id)/prompts">\
    <input type="hidden" name="requestId" value="\(RequestToken.make())">\
    <label class="visually-hidden" for="prompt-text">Your prompt</label>\
    <textarea id="prompt-text" name="text" rows="1" required maxlength="1000000" placeholder="What should happen next?" \
    aria-describedby="prompt-hint" dir="auto"></textarea>\
    <ul id="attached" class="attached" aria-label="Attached files" hidden></ul>\
    <div class="composer-row"><label class="attach quiet" title="Attach files">\(Icon.clip.html)\
    <span class="visually-hidden">Attach files</span><input id="prompt-files" type="file" multiple class="visually-hidden"></label>\
    <label class="visually-hidden" for="prompt-mode">When a turn runs</label>\
    <select id="prompt-mode" name="mode"><option value="queue">Queue</option><option value="steer">Steer the turn</option>\
    <option value="interrupt">Interrupt</option></select>\
    <span id="prompt-hint" class="hint">Ctrl+Enter sends</span>\
    <p id="prompt-error" class="form-error" role="alert" hidden></p><button class="primary">Send</button></div></form>
    """
  }

  // MARK: The queue

  static func queue(_ detail: API.SessionDetail, _ audience: Audience) -> HTML {
    let waiting = detail.prompts.filter { $0.state == .queued }
    guard !waiting.isEmpty else { return #"<div id="queue" hidden></div>"# }
    let items = waiting.enumerated().map { index, prompt in
      item(prompt, above: index > 0 ? waiting[index - 1].id : nil, detail.session.id, audience)
    }
    return """
      <div id="queue" class="queue" role="region" aria-label="Queue"><p class="label">\
      \(Wording.plural(waiting.count, "prompt waits", "prompts wait"))</p><ol>\(items)</ol></div>
      """
  }

  private static func item(_ prompt: Prompt, above: PromptID?, _ session: SessionID, _ audience: Audience) -> HTML {
    let mark: HTML = prompt.mode == .queue ? "" : #"<span class="mode">\#(mode(prompt.mode))</span>"#
    let files: HTML = prompt.attachments.map { #"<span class="mode">\#(Wording.plural($0.count, "file", "files"))</span>"# } ?? ""
    let path: HTML = "/sessions/\(session)/prompts/\(prompt.id)"
    let up: HTML =
      above.map {
        """
        <form method="post" action="\(path)/move"><input type="hidden" name="before" value="\($0)">\
        <button class="quiet" aria-label="Move this prompt up" title="Move up">\(Icon.up.html)</button></form>
        """
      } ?? ""
    let actions: HTML =
      audience.canWork
      ? """
      <span class="queue-actions">\(up)<button type="button" class="quiet" data-edit="\(prompt.id)" aria-label="Edit this prompt" \
      title="Edit">\(Icon.edit.html)</button>\
      <form method="post" action="\(path)/cancel"><button class="quiet" aria-label="Cancel this prompt" title="Cancel">\
      \(Icon.cross.html)</button></form></span>
      """ : ""
    return """
      <li data-prompt="\(prompt.id)"\(audience.canWork ? " draggable=\"true\"" : "" as HTML)>\(PersonView.face(prompt.author))\
      <span class="queued-text" dir="auto" title="\(prompt.author.name)">\(prompt.text.prefix(300))</span>\(mark)\(files)\(actions)</li>
      """
  }

  private static func mode(_ mode: PromptMode) -> String {
    switch mode {
    case .queue: "queued"
    case .steer, .interrupt: "next"
    }
  }

  // MARK: What the agent asks

  static func permissions(_ detail: API.SessionDetail, _ audience: Audience) -> HTML {
    let asked = detail.permissions ?? []
    guard !asked.isEmpty else { return #"<div id="permissions" hidden></div>"# }
    let cards = asked.map { question -> HTML in
      let buttons = question.options.map { option -> HTML in
        """
        <form method="post" action="/sessions/\(detail.session.id)/permissions/\(question.id)">\
        <input type="hidden" name="option" value="\(option.number)">\
        <button class="\(option.allows ? "allow" : "refuse")">\(option.name)</button></form>
        """
      }
      return """
        <li><p class="ask-permission">\(Icon.shield.html)<span>The agent asks: <strong dir="auto">\(question.tool)</strong></span></p>\
        \(question.detail.isEmpty || question.detail == question.tool ? "" : "<pre tabindex=\"0\">\(question.detail)</pre>" as HTML)\
        <div class="permission-row">\(audience.canWork ? buttons.joined() : "")\
        <span class="muted">Refused by itself <time datetime="\(Timestamp.text(question.deadline))" data-left></time></span></div></li>
        """
    }
    return #"<div id="permissions" class="permissions" role="region" aria-label="Permissions" aria-live="polite"><ol>\#(cards)</ol></div>"#
  }

  // MARK: The rest

  static func stopButton(_ session: SessionSummary, _ audience: Audience) -> HTML {
    guard audience.canWork else { return #"<div id="stop" hidden></div>"# }
    let canStop = session.state == .running || session.state == .stopping
    return """
      <form id="stop" method="post" action="/sessions/\(session.id)/stop"\(canStop ? "" : " hidden" as HTML)>\
      <button class="stop"\(session.state == .stopping ? " disabled" : "" as HTML)>\(Icon.stop.html)\
      \(session.state == .stopping ? "Stopping" : "Stop")</button></form>
      """
  }

  /// Who writes a prompt at this moment. The page's script takes it away when nothing more is heard.
  static func typing(_ people: [Author]) -> HTML {
    guard let first = people.first else { return #"<p id="typing" class="typing" role="status" hidden></p>"# }
    let text =
      switch people.count {
      case 1: "\(first.name) is typing"
      case 2: "\(first.name) and \(people[1].name) are typing"
      default: "\(people.count) people are typing"
      }
    return #"<p id="typing" class="typing" role="status"><span class="pulse" aria-hidden="true"></span>\#(text)</p>"#
  }
}
