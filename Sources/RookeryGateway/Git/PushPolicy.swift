/// What may be pushed: creation and update of exactly one ref.
struct PushPolicy: Sendable {
  /// `refs/heads/…`.
  var ref: String

  /// Why the whole push is refused; nil when it may go on.
  ///
  /// One refused command refuses them all: what is forwarded is the sandbox's request, unchanged.
  func refusals(of push: PushCommands) -> [PushRefusal]? {
    if push.hasCertificate { return push.commands.map { .init(ref: $0.ref, reason: "signed pushes are not taken") } }
    let hasOptions = push.capabilities.contains("push-options")
    let reasons = push.commands.map { hasOptions ? "push options are not taken" : reason(for: $0) }
    guard hasOptions || reasons.contains(where: { $0 != nil }) else { return nil }
    return zip(push.commands, reasons).map { command, reason in
      PushRefusal(ref: command.ref, reason: reason ?? "refused together with the rest of the push")
    }
  }

  private func reason(for command: PushCommands.Command) -> String? {
    guard command.ref == Array(ref.utf8) else { return "only \(shortRef) may be pushed" }
    return command.isDelete ? "\(shortRef) may not be deleted" : nil
  }

  private var shortRef: String { ref.hasPrefix("refs/heads/") ? String(ref.dropFirst(11)) : ref }
}

/// One ref that was refused, and why.
struct PushRefusal: Equatable, Sendable {
  var ref: [UInt8]
  var reason: String
}
