import GRDB
import Primitives

/// A database in memory, for one thread: the schema, the statements and the units of the database on disk, carried out at
/// once. For whoever compares what is stored many times a second, as the simulator does.
package final class MemoryDatabase {
    private let connection: DatabaseQueue
    private let statements = SQLiteStatements()

    /// Makes a database with the present schema and no rows.
    package init() throws(DatabaseError) {
        var configuration = Configuration()
        configuration.foreignKeysEnabled = true
        // What was written since `begin` is one transaction, which no access ends.
        configuration.allowsUnsafeTransactions = true
        do {
            connection = try DatabaseQueue(configuration: configuration)
            try connection.inDatabase { connection in
                _ = try statements.apply(Migration.all, on: connection)
            }
        } catch {
            throw SQLiteStatements.databaseError(error, nil)
        }
    }

    /// Carries out a unit: all of it or, when it fails, nothing.
    package func commit(_ unit: WriteUnit) -> Result<[StepResult], DatabaseError> {
        do {
            return try connection.inDatabase { try statements.run(unit, on: $0) }
        } catch {
            return .failure(SQLiteStatements.databaseError(error, nil))
        }
    }

    /// Runs one reading statement.
    package func query(_ statement: Statement, _ values: [SQLValue]) throws(DatabaseError) -> [Row] {
        do {
            return try connection.inDatabase { try statements.read(Step(statement, values), on: $0) }
        } catch {
            throw SQLiteStatements.databaseError(error, statement)
        }
    }

    /// Keeps what is written from here on apart, until `takeBack`.
    package func begin() throws(DatabaseError) { try execute("SAVEPOINT beginning") }

    /// Takes back what was written since `begin`.
    package func takeBack() throws(DatabaseError) {
        try execute("ROLLBACK TO beginning")
        try execute("RELEASE beginning")
    }

    private func execute(_ text: String) throws(DatabaseError) {
        do {
            try connection.inDatabase { try $0.cachedStatement(sql: text).execute() }
        } catch {
            throw SQLiteStatements.databaseError(error, nil)
        }
    }
}
