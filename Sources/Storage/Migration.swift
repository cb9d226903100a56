/// One step of the schema, numbered and never changed after its release. Both engines run the same text; differences
/// are marked by words in braces; a line that begins with `{postgresql}` is for that engine alone.
struct Migration: Sendable, Equatable {
    /// Counts up from 1.
    let number: Int
    /// What it brings, in snake case.
    let name: String
    /// One or more statements.
    let text: String

    /// All of them, in order. Each is a file of its own in `Migrations`, compiled into the program.
    static let all: [Migration] = [
        Migration(1, "accounts", PackageResources._01_accounts_sql),
        Migration(2, "conversations", PackageResources._02_conversations_sql),
        Migration(3, "calls", PackageResources._03_calls_sql),
        Migration(4, "notices", PackageResources._04_notices_sql),
        Migration(5, "posts", PackageResources._05_posts_sql),
        Migration(6, "group_calls", PackageResources._06_group_calls_sql),
        Migration(7, "nodes", PackageResources._07_nodes_sql),
        Migration(8, "call_settings", PackageResources._08_call_settings_sql),
        Migration(9, "outbox", PackageResources._09_outbox_sql),
        Migration(10, "call_history", PackageResources._10_call_history_sql),
        Migration(11, "open_calls", PackageResources._11_open_calls_sql),
        Migration(12, "group_invitations", PackageResources._12_group_invitations_sql),
        Migration(13, "repeated_refresh", PackageResources._13_repeated_refresh_sql),
        Migration(14, "quotas", PackageResources._14_quotas_sql),
        Migration(15, "belonging", PackageResources._15_belonging_sql),
        Migration(16, "folded_names", PackageResources._16_folded_names_sql),
        Migration(17, "places", PackageResources._17_places_sql),
        Migration(18, "nominal_members", PackageResources._18_nominal_members_sql),
        Migration(19, "domains", PackageResources._19_domains_sql),
    ]

    private init(_ number: Int, _ name: String, _ file: [UInt8]) {
        self.init(number: number, name: name, text: String(decoding: file, as: UTF8.self))
    }

    init(number: Int, name: String, text: String) {
        self.number = number
        self.name = name
        self.text = text
    }

    /// The text with the engine's own words for the types.
    func text(for engine: DatabaseEngine) -> String {
        Self.words(of: engine).reduce(text) { $0.replacing($1.key, with: $1.value) }
    }

    /// The tables that migrations have created and not dropped.
    static func tables(of migrations: [Migration]) -> [String] {
        var tables: Set<String> = []
        for migration in migrations {
            for match in migration.text.matches(of: /(CREATE|DROP) TABLE (?:IF (?:NOT )?EXISTS )?(\w+)/) {
                let name = String(match.2)
                if match.1 == "CREATE" { tables.insert(name) } else { tables.remove(name) }
            }
            for match in migration.text.matches(of: /ALTER TABLE (\w+) RENAME TO (\w+)/) {
                tables.remove(String(match.1))
                tables.insert(String(match.2))
            }
        }
        return tables.sorted()
    }

    /// Finds the pending migrations.
    /// - Parameter applied: The numbers that the database says it has.
    /// - Throws: `invalid` when a newer version has used the database: we must not write to its schema.
    static func pending(_ migrations: [Migration], applied: [Int]) throws(DatabaseError) -> [Migration] {
        let newest = migrations.last?.number ?? 0
        if let number = applied.max(), number > newest {
            throw DatabaseError(
                .invalid,
                "the database has schema \(number), this program knows schemas up to \(newest): use the newer program")
        }
        return migrations.filter { !applied.contains($0.number) }
    }

    /// The table of applied migrations.
    static let bookkeeping = Migration(
        number: 0, name: "bookkeeping",
        text: """
            CREATE TABLE IF NOT EXISTS schema_migrations (
                number {integer} NOT NULL CONSTRAINT schema_migrations_pkey PRIMARY KEY,
                name TEXT NOT NULL,
                applied_at {timestamp} NOT NULL
            ){strict}
            """)

    private static func words(of engine: DatabaseEngine) -> [String: String] {
        switch engine {
        case .sqlite:
            [
                "{uuid}": "TEXT", "{key}": "TEXT", "{timestamp}": "INTEGER", "{boolean}": "INTEGER", "{json}": "TEXT",
                "{integer}": "INTEGER", "{serial}": "INTEGER", "{date}": "TEXT", "{strict}": " STRICT",
                "{postgresql}": "-- ",
            ]
        case .postgresql:
            [
                "{uuid}": "UUID", "{key}": #"TEXT COLLATE "C""#, "{timestamp}": "TIMESTAMPTZ", "{boolean}": "BOOLEAN",
                "{json}": "JSONB", "{integer}": "BIGINT", "{serial}": "BIGINT GENERATED ALWAYS AS IDENTITY",
                "{date}": "DATE", "{strict}": "", "{postgresql}": "",
            ]
        }
    }
}

extension Statement {
    /// The numbers of the applied migrations, in order.
    static let appliedMigrations = Statement(
        "applied_migrations", "SELECT number FROM schema_migrations ORDER BY number")

    /// Records a migration: number, name, when.
    static let insertAppliedMigration = Statement(
        "insert_applied_migration", "INSERT INTO schema_migrations (number, name, applied_at) VALUES ($1, $2, $3)")
}

extension SQLValue {
    /// Whether every engine can store the value: a text must not contain NUL, which PostgreSQL would take for its end.
    var isStorable: Bool {
        if case .text(let text) = self { return !text.utf8.contains(0) }
        return true
    }
}
