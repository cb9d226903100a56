import CPostgres
import Foundation
import Primitives

extension PostgreSQLConnection {
    /// A request to the server.
    enum Command {
        /// One statement without parameters.
        case text(String)
        /// Commit the transaction; fails when the server rolls it back instead.
        case commit
        /// Prepare a statement under a name.
        case prepare(String, Statement)
        /// Run a prepared statement by its name on the server.
        case run(String, Step)
        /// The same with one that checks itself how many rows it touches, see `Statement.checking(rows:)`.
        case runChecked(String, Step)
    }

    /// The server's answer to one command.
    typealias Answer = Result<StepResult, DatabaseError>

    /// Sends all commands at once and reads all answers. After the first failure the server runs none of the later
    /// commands, which fail, too.
    func exchange(_ commands: [Command], milliseconds: Int) throws(ConnectionLost) -> [Answer] {
        let deadline = Self.deadline(milliseconds)
        // Whether a COMMIT was sent that may be carried out, and whether its answer is the next one.
        var (mayHaveCommitted, isAtCommit) = (false, false)
        do throws(ConnectionLost) {
            guard unsafe PQenterPipelineMode(handle) == 1 else { throw lost() }
            for command in commands {
                if case .commit = command { mayHaveCommitted = true }
                guard send(command) else { throw lost() }
            }
            guard unsafe PQpipelineSync(handle) == 1 else { throw lost() }
            var answers: [Answer] = []
            answers.reserveCapacity(commands.count)
            for command in commands {
                if case .commit = command { isAtCommit = true }
                let answer = try answer(to: command, deadline)
                // The server carries out no COMMIT after that.
                if case .failure = answer { mayHaveCommitted = false }
                answers.append(answer)
            }
            try readSync(deadline)
            return answers
        } catch {
            var loss = error
            // What the server reports instead of an earlier answer was before the COMMIT, too.
            loss.mayHaveCommitted = mayHaveCommitted && (isAtCommit || !loss.isReported)
            throw loss
        }
    }

    /// Runs a script of several statements as one transaction.
    func run(script: String, milliseconds: Int) throws(ConnectionLost) -> DatabaseError? {
        let deadline = Self.deadline(milliseconds)
        guard unsafe PQexitPipelineMode(handle) == 1, unsafe PQsendQuery(handle, script) == 1 else { throw lost() }
        var failure: DatabaseError?
        while true {
            guard let result = unsafe try nextResult(deadline) else { break }
            defer { unsafe PQclear(result) }
            if case .failure(let error) = unsafe try read(result, nil), failure == nil { failure = error }
        }
        return failure
    }

    private func send(_ command: Command) -> Bool {
        switch command {
        case .text(let text):
            unsafe PQsendQueryParams(handle, text, 0, nil, nil, nil, nil, 0) == 1
        case .commit:
            unsafe PQsendQueryParams(handle, "COMMIT", 0, nil, nil, nil, nil, 0) == 1
        case .prepare(let name, let statement):
            unsafe PQsendPrepare(handle, name, statement.text, 0, nil) == 1
        case .run(let name, let step), .runChecked(let name, let step):
            unsafe withCStrings(step.values.map(\.postgreSQLText)) { values in
                unsafe PQsendQueryPrepared(handle, name, Int32(step.values.count), values, nil, nil, 0) == 1
            }
        }
    }

    private func answer(to command: Command, _ deadline: ContinuousClock.Instant) throws(ConnectionLost) -> Answer {
        var answer: Answer?
        while true {
            guard let result = unsafe try nextResult(deadline) else {
                guard unsafe PQstatus(handle) == CONNECTION_OK else { throw lost() }
                if let answer { return answer }
                throw ConnectionLost(message: "the server left a command without an answer")
            }
            defer { unsafe PQclear(result) }
            let next = unsafe try read(result, command)
            if answer == nil { answer = next }
        }
    }

    private func readSync(_ deadline: ContinuousClock.Instant) throws(ConnectionLost) {
        guard let result = unsafe try nextResult(deadline) else { throw lost() }
        defer { unsafe PQclear(result) }
        guard unsafe PQresultStatus(result) == PGRES_PIPELINE_SYNC else {
            throw ConnectionLost(message: "the server's answers are out of step")
        }
    }

    /// The next result; nil at the end of a command's results. Keeps sending pending data meanwhile, so that two full
    /// buffers never wait for each other.
    private func nextResult(_ deadline: ContinuousClock.Instant) throws(ConnectionLost) -> OpaquePointer? {
        while true {
            let unsent = unsafe PQflush(handle)
            guard unsent >= 0 else { throw lost() }
            if unsafe PQisBusy(handle) == 0 { return unsafe PQgetResult(handle) }
            try wait(reading: true, writing: unsent == 1, deadline)
            guard unsafe PQconsumeInput(handle) == 1 else { throw lost() }
        }
    }

    private func read(_ result: OpaquePointer, _ command: Command?) throws(ConnectionLost) -> Answer {
        switch unsafe PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
            // The server answers COMMIT in a failed transaction with ROLLBACK, and no error.
            if case .commit = command, unsafe String(cString: PQcmdStatus(result)) != "COMMIT" {
                return .failure(DatabaseError(.unavailable, "the server rolled the transaction back"))
            }
            return .success(StepResult(rows: [], count: unsafe count(result)))
        case PGRES_TUPLES_OK:
            if case .runChecked(_, let step) = command {
                return .success(StepResult(rows: [], count: step.expectedRows ?? 0))
            }
            let rows = unsafe rows(result)
            return .success(StepResult(rows: rows, count: rows.count))
        case PGRES_PIPELINE_ABORTED:
            return .failure(DatabaseError(.unavailable, "not run, because an earlier statement failed"))
        case PGRES_FATAL_ERROR, PGRES_BAD_RESPONSE:
            return .failure(try unsafe failure(result, command))
        default:
            throw ConnectionLost(message: "the server's answer is of an unknown kind")
        }
    }

    private func count(_ result: OpaquePointer) -> Int {
        unsafe Int(String(cString: PQcmdTuples(result))) ?? 0
    }

    private func rows(_ result: OpaquePointer) -> [Row] {
        let width = unsafe PQnfields(result)
        let columns = (0..<width).map { column in
            unsafe PQfname(result, column).map { unsafe String(cString: $0) } ?? ""
        }
        return (0..<(unsafe PQntuples(result))).map { row in
            Row(columns: columns, cells: (0..<width).map { unsafe cell(result, row, $0) })
        }
    }

    private func cell(_ result: OpaquePointer, _ row: Int32, _ column: Int32) -> Row.Cell {
        guard unsafe PQgetisnull(result, row, column) == 0, let start = unsafe PQgetvalue(result, row, column) else {
            return .null
        }
        let bytes = unsafe UnsafeRawBufferPointer(start: start, count: Int(PQgetlength(result, row, column)))
        return .text(unsafe String(decoding: bytes, as: UTF8.self))
    }

    private func failure(_ result: OpaquePointer, _ command: Command?) throws(ConnectionLost) -> DatabaseError {
        func field(_ code: Unicode.Scalar) -> String? {
            unsafe PQresultErrorField(result, Int32(code.value)).map { unsafe String(cString: $0) }
        }
        let error = PostgreSQLError(
            state: field("C") ?? "", severity: field("V") ?? field("S") ?? "", message: field("M") ?? "",
            constraint: field("n"))
        if error.needsNewConnection(role) {
            throw ConnectionLost(
                message: error.message, blocksWrites: PostgreSQLError.blocksWrites(error.state), isReported: true)
        }
        let name: String? =
            switch command {
            case .run(_, let step), .runChecked(_, let step): step.statement.name
            case .prepare(_, let statement): statement.name
            case .text, .commit, nil: nil
            }
        return error.databaseError(statement: name)
    }
}

extension SQLValue {
    /// The value in PostgreSQL's text format; nil for NULL.
    fileprivate var postgreSQLText: String? {
        switch self {
        case .null: nil
        case .integer(let number): String(number)
        case .boolean(let truth): truth ? "t" : "f"
        case .text(let text): text
        case .uuid(let high, let low): UserID(high: high, low: low).description
        case .instant(let instant): instant.postgreSQLText
        }
    }
}
