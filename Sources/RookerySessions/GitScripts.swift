import Foundation
import RookeryModel

/// Git inside the sandbox: the only place where git touches what an agent wrote. Values travel as arguments, never inside the
/// script's text; hooks and other programs that a repository could name are off.
struct GitScripts: Sendable {
  var repository: RepositoryName
  var session: SessionID

  var directory: String { "/workspace/\(repository)" }
  var remote: String { "\(Broker.git.origin)/\(repository).git" }

  static let environment: [String: String] = [
    "HOME": "/home/agent", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
    "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_CONFIG_COUNT": "4",
    "GIT_CONFIG_KEY_0": "core.hooksPath", "GIT_CONFIG_VALUE_0": "/dev/null",
    "GIT_CONFIG_KEY_1": "core.fsmonitor", "GIT_CONFIG_VALUE_1": "false",
    "GIT_CONFIG_KEY_2": "commit.gpgSign", "GIT_CONFIG_VALUE_2": "false",
    "GIT_CONFIG_KEY_3": "gc.auto", "GIT_CONFIG_VALUE_3": "0",
  ]

  private func script(_ text: String, id: ProcessID, arguments: [String], environment extra: [String: String] = [:]) -> ProcessSpec {
    ProcessSpec(
      id: id, argv: ["/bin/sh", "-euc", text, "git"] + arguments, environment: Self.environment.merging(extra) { $1 },
      directory: directory, account: .agent)
  }

  /// Switches to the session's branch, making it where HEAD is, and prints HEAD. The author's identity goes into the agent's
  /// own configuration, so that commits which the agent makes itself carry it, too.
  func checkout(id: ProcessID, branch: String, author: Author, litter: [String]) -> ProcessSpec {
    script(
      """
      [ -d "$HOME/.config/git" ] || mkdir -p "$HOME/.config/git"
      printf '[user]\\n\\tname = "%s"\\n\\temail = "%s"\\n' "$2" "$3" > "$HOME/.config/git/config"
      ref="refs/heads/$1"
      read -r head < .git/HEAD
      at=".git/HEAD"
      case "$head" in "ref: refs/heads/"*) at=".git/${head#ref: }" ;; esac
      if [ "$head" = "ref: $ref" ]; then
        git rev-parse HEAD
      elif [ -f "$at" ] && [ ! -e ".git/$ref" ] && { [ ! -e .git/packed-refs ] || ! grep -qF " $ref" .git/packed-refs; }; then
        # A new branch where HEAD is needs no git program, and the agent waits for this.
        read -r commit < "$at"
        case "$commit" in *[!0-9a-f]*|'') echo 'HEAD is no commit' >&2; exit 1 ;; esac
        [ -d ".git/refs/heads/${1%/*}" ] || mkdir -p ".git/refs/heads/${1%/*}"
        printf '%s\\n' "$commit" > ".git/$ref"
        printf 'ref: %s\\n' "$ref" > .git/HEAD
        printf '%s\\n' "$commit"
      else
        git show-ref --verify --quiet "$ref" && git switch --quiet "$1" || git switch --quiet --create "$1"
        git rev-parse HEAD
      fi
      [ -d .git/info ] || mkdir -p .git/info
      printf '%s\\n' "$4" > .git/info/exclude
      """,
      id: id,
      arguments: [branch, Self.quoted(author.name), Self.quoted(author.email), litter.joined(separator: "\n")])
  }

  /// Brings a working copy that is at `base` still to the newest commit of the remote's `branch`, and prints the commit that it is
  /// at then. `local` is the branch that moves with it; `base` nil: wherever it is.
  func sync(id: ProcessID, branch: String, local: String, from base: String? = nil) -> ProcessSpec {
    script(
      """
      git fetch --quiet --no-tags --force --no-write-fetch-head "$1" "+refs/heads/$2:refs/remotes/origin/$2"
      tip=$(git rev-parse --verify --quiet "refs/remotes/origin/$2^{commit}")
      head=$(git rev-parse HEAD)
      if [ "$head" != "$tip" ] && [ "$head" = "${4:-$head}" ]; then
        git checkout --quiet --no-track -B "$3" "$tip" 2>/dev/null || git checkout --quiet --no-track --force -B "$3" "$tip"
      fi
      git rev-parse HEAD
      """, id: id, arguments: [remote, branch, local, base ?? ""])
  }

  /// Commits everything that is not ignored, brings the branch to HEAD wherever the agent left it, and prints HEAD and the
  /// changed files' statistics since `start`.
  func commit(id: ProcessID, branch: String, start: String, author: Author, message: String) -> ProcessSpec {
    script(
      """
      rm -f .git/index.lock
      git add --all
      git diff --cached --quiet || git commit --quiet --no-verify --message="$3"
      if [ "$(git symbolic-ref --quiet HEAD || :)" != "refs/heads/$1" ]; then
        git update-ref "refs/heads/$1" HEAD
        git symbolic-ref HEAD "refs/heads/$1"
      fi
      git rev-parse HEAD
      git log -1 --format=%s
      git diff --numstat --no-ext-diff --no-textconv "$2" HEAD
      """, id: id, arguments: [branch, start, message], environment: Self.identity(author))
  }

  /// The whole branch against where it began.
  func diff(id: ProcessID, base: String) -> ProcessSpec {
    script(
      "git diff --no-color --no-ext-diff --no-textconv --find-renames --binary \"$1\" HEAD", id: id, arguments: [base])
  }

  /// Puts everything that is not ignored on a hidden ref, without moving the branch or the index, and prints the commit, an
  /// empty line, and a bundle of it. Prints nothing when there is nothing beyond what the remote has.
  func saveHidden(id: ProcessID, ref: String, base: String, pushed: String, author: Author, message: String) -> ProcessSpec {
    script(
      """
      rm -f .git/index.lock
      index=$(mktemp)
      trap 'rm -f "$index"' EXIT
      cp .git/index "$index" 2>/dev/null || :
      GIT_INDEX_FILE="$index"; export GIT_INDEX_FILE
      git add --all
      tree=$(git write-tree)
      head=$(git rev-parse HEAD)
      [ "$tree" = "$(git rev-parse 'HEAD^{tree}')" ] && [ "$head" = "$3" ] && exit 0
      commit=$(git commit-tree -p "$head" -m "$4" "$tree")
      git update-ref "$1" "$commit"
      printf '%s\\n\\n' "$commit"
      git bundle create --quiet - "$2..$1"
      """, id: id, arguments: [ref, base, pushed, message], environment: Self.identity(author))
  }

  /// Prints `workflows` where the branch changes workflow files since `start`, then the repository's template for pull requests, if any.
  func lookBeforePush(id: ProcessID, start: String) -> ProcessSpec {
    script(
      """
      git diff --quiet --no-ext-diff --no-textconv "$1" HEAD -- .github/workflows && echo plain || echo workflows
      for name in .github/pull_request_template.md .github/PULL_REQUEST_TEMPLATE.md pull_request_template.md \\
        PULL_REQUEST_TEMPLATE.md docs/pull_request_template.md docs/PULL_REQUEST_TEMPLATE.md; do
        if git cat-file -e "HEAD:$name" 2>/dev/null; then
          git cat-file blob "HEAD:$name" | head -c 20000
          break
        fi
      done
      """, id: id, arguments: [start])
  }

  func push(id: ProcessID, branch: String) -> ProcessSpec {
    script("git push --quiet --force --no-verify \"$1\" \"HEAD:refs/heads/$2\"", id: id, arguments: [remote, branch])
  }

  private static func identity(_ author: Author) -> [String: String] {
    [
      "GIT_AUTHOR_NAME": author.name, "GIT_AUTHOR_EMAIL": author.email, "GIT_COMMITTER_NAME": author.name,
      "GIT_COMMITTER_EMAIL": author.email,
    ]
  }

  /// A value between the double quotes of a git configuration file, on one line.
  private static func quoted(_ text: String) -> String {
    String(text.unicodeScalars.filter { !($0.value < 0x20 || $0.value == 0x7f) }.map(Character.init))
      .replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "\"", with: "\\\"")
  }

  static func lastLine(of text: String) -> String {
    text.split(whereSeparator: \.isNewline).last.map { String($0.prefix(500)) } ?? "git said nothing"
  }
}
