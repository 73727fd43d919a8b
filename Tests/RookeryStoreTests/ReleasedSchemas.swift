/// Databases as released versions left them: their tables and a few rows, frozen. A new migration adds the next one here; none is ever
/// changed.
enum ReleasedSchemas {
  private static let migrations = "CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);"

  /// Sessions before there were snapshots.
  static let session1 =
    migrations + """
      INSERT INTO grdb_migrations VALUES ('1');
      CREATE TABLE meta (
        id INTEGER PRIMARY KEY CHECK (id = 1), generation INTEGER NOT NULL, epoch INTEGER NOT NULL, body BLOB NOT NULL
      ) STRICT;
      CREATE TABLE event (seq INTEGER PRIMARY KEY, turn INTEGER, kind TEXT NOT NULL, json BLOB NOT NULL) STRICT;
      CREATE TABLE prompt (
        id TEXT PRIMARY KEY, request TEXT NOT NULL UNIQUE, digest BLOB NOT NULL, text TEXT NOT NULL, author BLOB NOT NULL,
        state TEXT NOT NULL, turn INTEGER, position INTEGER NOT NULL, seq INTEGER NOT NULL
      ) STRICT;
      CREATE TABLE turn (number INTEGER PRIMARY KEY, prompt TEXT NOT NULL REFERENCES prompt(id), body BLOB NOT NULL) STRICT;
      CREATE TABLE process (
        sandbox TEXT NOT NULL, process TEXT NOT NULL, stdout INTEGER NOT NULL, stderr INTEGER NOT NULL,
        input INTEGER NOT NULL, state BLOB NOT NULL, PRIMARY KEY (sandbox, process)
      ) STRICT;
      CREATE TABLE outbox (
        sandbox TEXT NOT NULL, process TEXT NOT NULL, offset INTEGER NOT NULL, bytes BLOB NOT NULL,
        PRIMARY KEY (sandbox, process, offset)
      ) STRICT;
      CREATE TABLE artifact (id TEXT PRIMARY KEY, seq INTEGER NOT NULL, turn INTEGER, body BLOB NOT NULL, content BLOB NOT NULL) STRICT;
      CREATE TABLE alarm (name TEXT PRIMARY KEY, due REAL NOT NULL, attempts INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
      INSERT INTO meta VALUES (1, 1, 1, CAST('{"id":"s-old"}' AS BLOB));
      INSERT INTO event VALUES (1, NULL, 'session.created', CAST('{"kind":"session.created","payload":{"agent":"command",\
      "branch":"rookery/s-old","owner":{"email":"ada@example.org","name":"Ada","user":"u-1"},"repository":"site"},"seq":1,\
      "time":"2026-01-01T00:00:00.000Z"}' AS BLOB));
      INSERT INTO event VALUES (2, NULL, 'prompt.queued', CAST('{"kind":"prompt.queued","payload":{"author":{"email":"ada@example.org",\
      "name":"Ada","user":"u-1"},"prompt":"p-1","text":"Fix it"},"seq":2,"time":"2026-01-01T00:00:00.001Z"}' AS BLOB));
      INSERT INTO event VALUES (3, 1, 'turn.finished', CAST('{"kind":"turn.finished","payload":{"prompt":"p-1","result":"completed",\
      "stopReason":"end_turn"},"seq":3,"time":"2026-01-01T00:00:01.000Z","turn":1}' AS BLOB));
      INSERT INTO prompt VALUES ('p-1', 'u-1/r1', x'00', 'Fix it', CAST('{"email":"ada@example.org","name":"Ada","user":"u-1"}' AS BLOB),
        'completed', 1, 1, 2);
      INSERT INTO turn VALUES (1, 'p-1', CAST('{}' AS BLOB));
      INSERT INTO alarm VALUES ('release', 1767225600, 2, x'');
      """

  /// With snapshots.
  static let session2 =
    session1 + """
      INSERT INTO grdb_migrations VALUES ('2');
      CREATE TABLE snapshot (id TEXT PRIMARY KEY, seq INTEGER NOT NULL, turn INTEGER, created REAL NOT NULL) STRICT;
      INSERT INTO snapshot VALUES ('s-old-t1', 3, 1, 1767225601);
      """

  /// The registry before sessions could be deleted.
  static let registry1 =
    migrations + """
      INSERT INTO grdb_migrations VALUES ('1');
      CREATE TABLE user (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL UNIQUE COLLATE NOCASE, role TEXT NOT NULL, created REAL NOT NULL
      ) STRICT;
      CREATE TABLE token (
        hash BLOB PRIMARY KEY, user TEXT NOT NULL REFERENCES user(id) ON DELETE CASCADE,
        purpose TEXT NOT NULL, created REAL NOT NULL, expires REAL
      ) STRICT;
      CREATE TABLE login_code (
        hash BLOB PRIMARY KEY, user TEXT NOT NULL REFERENCES user(id) ON DELETE CASCADE, expires REAL NOT NULL
      ) STRICT;
      CREATE TABLE repository (
        name TEXT PRIMARY KEY, url TEXT NOT NULL, default_branch TEXT NOT NULL, description TEXT NOT NULL,
        hints TEXT NOT NULL, agent TEXT, added REAL NOT NULL, image TEXT
      ) STRICT;
      CREATE TABLE build (
        image TEXT PRIMARY KEY, repository TEXT NOT NULL REFERENCES repository(name) ON DELETE CASCADE,
        state TEXT NOT NULL, commit_id TEXT, environment_digest TEXT, environment TEXT,
        started REAL NOT NULL, finished REAL, error TEXT
      ) STRICT;
      CREATE INDEX build_by_repository ON build (repository, started);
      CREATE TABLE build_line (
        image TEXT NOT NULL REFERENCES build(image) ON DELETE CASCADE, number INTEGER NOT NULL,
        step TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (image, number)
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE session_intent (
        request TEXT PRIMARY KEY, body BLOB NOT NULL, session TEXT NOT NULL UNIQUE, user TEXT NOT NULL
      ) STRICT;
      CREATE TABLE session (
        id TEXT PRIMARY KEY, repository TEXT NOT NULL, owner TEXT NOT NULL, state TEXT NOT NULL,
        updated REAL NOT NULL, seq INTEGER NOT NULL, summary BLOB NOT NULL
      ) STRICT;
      CREATE INDEX session_by_update ON session (updated DESC);
      INSERT INTO user VALUES ('u-1', 'Ada', 'ada@example.org', 'admin', 1767225600);
      INSERT INTO repository VALUES ('site', 'https://git.example.org/site.git', 'main', 'The site', '["web"]', NULL, 1767225600, 'i-1');
      INSERT INTO build VALUES ('i-1', 'site', 'succeeded', 'abc', 'd', '{}', 1767225600, 1767225700, NULL);
      INSERT INTO build_line VALUES ('i-1', 1, 'clone', 'done');
      INSERT INTO session_intent VALUES ('u-1/r1', x'7b7d', 's-old', 'u-1');
      """

  /// With deletion, scheduled builds and the warm pool.
  static let registry4 =
    registry1 + """
      INSERT INTO grdb_migrations VALUES ('sessions-2'), ('images 1'), ('warm sandboxes');
      CREATE TABLE session_tombstone (id TEXT PRIMARY KEY) STRICT;
      ALTER TABLE build ADD COLUMN reason TEXT;
      ALTER TABLE build ADD COLUMN basis TEXT;
      ALTER TABLE build ADD COLUMN requests TEXT;
      CREATE TABLE random_key (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
      CREATE TABLE warm (
        sandbox TEXT PRIMARY KEY, repository TEXT NOT NULL, state TEXT NOT NULL, began REAL NOT NULL,
        session TEXT, validity BLOB NOT NULL, content BLOB NOT NULL
      ) STRICT;
      INSERT INTO session_tombstone VALUES ('s-gone');
      INSERT INTO warm VALUES ('w-1', 'site', 'ready', 1767225600, NULL, x'7b7d', x'7b7d');
      """
}
