extension RehearsalScript {
  /// A turn for any repository: looks around, adds one file, extends it with what the repository really holds, checks it.
  package static let demo = RehearsalScript(
    name: "demo", pace: 15,
    steps: [
      .say("I'll look at the repository first."),
      .run(
        """
        ls; f=$(ls | grep -i '^readme' | head -n 1); if [ -n "$f" ]; then sed -n 1,15p "$f"; else echo "(no README)"; fi
        """),
      .say("I'll add a short overview of the files, so that newcomers know what to expect."),
      .write(
        path: "REPOSITORY-OVERVIEW.md",
        content: """
          # Overview

          What this repository holds, by kind of file. Written by a coding agent in a rehearsed session.

          | files | kind |
          |---:|---|

          """),
      .say("Now the table itself, counted from the repository."),
      .run(
        """
        { git ls-files 2>/dev/null || ls; echo REPOSITORY-OVERVIEW.md; } | sort -u \
        | sed 's|.*/||; s|^[^.]*$|(none)|; s|.*\\.|.|' | sort | uniq -c | sort -rn | head -n 12 \
        | sed 's/^ *\\([0-9][0-9]*\\) \\(.*\\)$/| \\1 | `\\2` |/' >> REPOSITORY-OVERVIEW.md
        """),
      .say("Let me check the result."),
      .run("cat REPOSITORY-OVERVIEW.md && grep -q '^| [0-9]' REPOSITORY-OVERVIEW.md && wc -l REPOSITORY-OVERVIEW.md"),
      .expect("# Overview"),
      .finish(
        """
        I added `REPOSITORY-OVERVIEW.md`:

        - it says what the file is for, and
        - it lists how many files of each kind the repository holds, counted from `git ls-files`.

        I checked that the table has rows; nothing else was changed.
        """),
    ])
}
