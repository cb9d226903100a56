import ArgumentParser

/// `ringback migrate`: brings the schema up to date, as `serve` does at its start.
struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bring the database's schema up to date.",
        discussion: "`ringback serve` also does this. Several may run at once: one migrates, the others wait.")

    @OptionGroup var database: DatabaseOptions

    func run() async throws {
        try await Failure.reported {
            try await OpenedDatabase.with(database.settings()) { opened in
                print(
                    opened.appliedMigrations.isEmpty
                        ? "The schema is up to date."
                        : "Applied migrations: \(opened.appliedMigrations.map(String.init).joined(separator: ", ")).")
            }
        }
    }
}
