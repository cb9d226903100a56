import GRDB
import Primitives

/// A database in memory, for one thread: the same schema, statements and units as on disk, carried out at once. For
/// code that compares stored data many times a second, like the simulator.
package final class MemoryDatabase {
    private let connection: DatabaseQueue
    private let statements = SQLiteStatements()

    /// Makes a database with the current schema and no rows.
    package init() throws(DatabaseError) {
        var configuration = Configuration()
        configuration.foreignKeysEnabled = true
        // Everything written since `begin` is in one transaction, which no access ends.
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

    /// Keeps further writes separate, until `takeBack`.
    package func begin() throws(DatabaseError) { try execute("SAVEPOINT beginning") }

    /// Rolls back what was written since `begin`.
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
