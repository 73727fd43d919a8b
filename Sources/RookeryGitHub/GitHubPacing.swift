/// How patient we are with GitHub.
package struct GitHubPacing: Sendable {
  /// Requests for one purpose, at most.
  package var attempts = 4
  /// Before the second attempt after a server's error; doubles with each further one.
  package var backoff = Duration.seconds(1)
  /// After a limit that doesn't say when to come back.
  package var limitWait = Duration.seconds(60)
  /// A limit that asks for more than this ends the attempt.
  package var longestWait = Duration.seconds(120)
  /// For one answer.
  package var timeout = Duration.seconds(30)

  package init() {}
}
