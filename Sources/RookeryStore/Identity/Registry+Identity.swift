import GRDB

/// Tables of people's accounts, encrypted secrets, the audit log, and what the forge tells us.
extension Registry {
  static func registerIdentity(in migrator: inout DatabaseMigrator) {
    migrator.registerMigration("identity-1") { database in
      try database.execute(
        sql: """
          -- What is encrypted at rest: `box` opens with the key of that id only, and only at this scope and name.
          CREATE TABLE sealed (
            scope TEXT NOT NULL, name TEXT NOT NULL, key TEXT NOT NULL, box BLOB NOT NULL,
            created REAL NOT NULL, updated REAL NOT NULL, PRIMARY KEY (scope, name)
          ) STRICT, WITHOUT ROWID;
          -- Whose account at the forge is whose here.
          CREATE TABLE github_account (
            user TEXT PRIMARY KEY REFERENCES user(id) ON DELETE CASCADE, number INTEGER NOT NULL UNIQUE,
            login TEXT NOT NULL COLLATE NOCASE, linked REAL NOT NULL
          ) STRICT;
          -- Sign-ins that were begun at the forge; only the hash of their state is kept.
          CREATE TABLE sign_in (
            state BLOB PRIMARY KEY, verifier TEXT NOT NULL, path TEXT NOT NULL,
            user TEXT REFERENCES user(id) ON DELETE CASCADE, expires REAL NOT NULL
          ) STRICT;
          CREATE TABLE audit (
            seq INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, actor TEXT, name TEXT NOT NULL, action TEXT NOT NULL,
            subject TEXT NOT NULL, origin TEXT NOT NULL, detail TEXT NOT NULL
          ) STRICT;
          CREATE INDEX audit_by_time ON audit (at);
          CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;
          CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;
          -- What webhooks brought, until it is done; done ones are kept a while to know repetitions.
          CREATE TABLE delivery (
            id TEXT PRIMARY KEY, event TEXT NOT NULL, body BLOB NOT NULL, received REAL NOT NULL,
            attempts INTEGER NOT NULL, due REAL NOT NULL, done REAL, problem TEXT
          ) STRICT;
          CREATE INDEX delivery_by_due ON delivery (due) WHERE done IS NULL;
          -- Sessions whose pull request waits until its author has linked an account.
          CREATE TABLE held_pull_request (session TEXT PRIMARY KEY, user TEXT NOT NULL, since REAL NOT NULL) STRICT;
          -- Every pull request of a repository that we have heard of, ours or not.
          CREATE TABLE forge_pull_request (
            repository TEXT NOT NULL REFERENCES repository(name) ON DELETE CASCADE, number INTEGER NOT NULL,
            author TEXT NOT NULL, head TEXT NOT NULL, base TEXT NOT NULL, title TEXT NOT NULL, url TEXT NOT NULL,
            created REAL NOT NULL, updated REAL NOT NULL, state TEXT NOT NULL, merged REAL, session TEXT,
            PRIMARY KEY (repository, number)
          ) STRICT, WITHOUT ROWID;
          CREATE INDEX forge_pull_request_by_merge ON forge_pull_request (repository, merged) WHERE merged IS NOT NULL;
          -- How far a repository's pull requests are known: all that changed up to `seen`.
          CREATE TABLE forge_repository (
            repository TEXT PRIMARY KEY REFERENCES repository(name) ON DELETE CASCADE, seen REAL NOT NULL
          ) STRICT;
          -- What a token may do; NULL: whatever its owner may.
          ALTER TABLE token ADD COLUMN scope TEXT;
          """)
    }
  }
}
