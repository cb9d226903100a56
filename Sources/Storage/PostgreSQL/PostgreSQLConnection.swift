import CPostgres
import Foundation
import Primitives

/// The server is unreachable, or reported something that only a new connection can fix.
struct ConnectionLost: Error {
    var message: String
    /// Whether no write can succeed, even on a new connection.
    var blocksWrites = false
    /// Whether the server has said so.
    var isReported = false
    /// Whether a COMMIT was sent that the server may have carried out.
    var mayHaveCommitted = false
}

/// One libpq connection. It belongs to the thread that made it and never blocks longer than allowed.
@safe final class PostgreSQLConnection {
    /// The purpose of a connection.
    enum Role {
        case writing
        /// The server refuses changes.
        case reading
        /// Without the server's time limits.
        case migrating
    }

    let handle: OpaquePointer
    let role: Role
    /// How a statement is prepared.
    private struct Form: Hashable {
        let name: String
        /// The number of rows that it checks itself; nil when it checks nothing.
        let checkedRows: Int?
    }

    /// The server's names for the statements that are prepared on this connection.
    private var prepared: [Form: (text: String, name: String)] = [:]
    /// Whether statements can check how many rows they touch, by their names.
    private var checkable: [String: Bool] = [:]

    /// Connects and sets up the session.
    init(_ target: PostgreSQLTarget, _ role: Role, _ limits: PostgreSQLLimits) throws(ConnectionLost) {
        self.role = role
        let deadline = Self.deadline(limits.connect)
        // Later ones override earlier ones: what comes before the URL is a default.
        let parameters = [
            ("fallback_application_name", "ringback"), ("gssencmode", "disable"), ("keepalives_idle", "10"),
            ("keepalives_interval", "5"), ("keepalives_count", "3"), ("tcp_user_timeout", "\(limits.exchange)"),
            ("dbname", target.url.exposed), ("client_encoding", "UTF8"),
        ]
        let started = unsafe withCStrings(parameters.map(\.0) + [nil]) { keywords in
            unsafe withCStrings(parameters.map(\.1) + [nil]) { values in
                unsafe PQconnectStartParams(keywords, values, 1)
            }
        }
        guard let handle = unsafe started else { throw ConnectionLost(message: "no memory for a connection") }
        unsafe self.handle = unsafe handle
        // Otherwise notices would go to standard error.
        unsafe PQsetNoticeReceiver(handle, { _, _ in }, nil)
        try finishConnecting(deadline)
        guard unsafe PQsetnonblocking(handle, 1) == 0 else { throw lost() }
        try setUp(limits)
    }

    deinit {
        unsafe PQfinish(handle)
    }

    private func finishConnecting(_ deadline: ContinuousClock.Instant) throws(ConnectionLost) {
        guard unsafe PQstatus(handle) != CONNECTION_BAD else { throw lost() }
        var polled = PGRES_POLLING_WRITING
        while polled != PGRES_POLLING_OK {
            guard polled != PGRES_POLLING_FAILED else { throw lost() }
            try wait(reading: polled != PGRES_POLLING_WRITING, writing: polled == PGRES_POLLING_WRITING, deadline)
            polled = unsafe PQconnectPoll(handle)
        }
    }

    private func setUp(_ limits: PostgreSQLLimits) throws(ConnectionLost) {
        var settings = [
            "TimeZone": "UTC", "DateStyle": "ISO, YMD", "synchronous_commit": "on",
            "default_transaction_isolation": "read committed",
            // Every statement reads by an index, whatever its values: a plan for each of them costs more than it finds.
            "plan_cache_mode": "force_generic_plan",
            // Compiling a plan takes longer than any of these statements.
            "jit": "off",
        ]
        switch role {
        case .migrating: settings["statement_timeout"] = "0"
        case .reading: settings["default_transaction_read_only"] = "on"
        case .writing: break
        }
        if role != .migrating {
            settings["statement_timeout"] = "\(limits.statement)"
            settings["lock_timeout"] = "\(limits.lock)"
            settings["idle_in_transaction_session_timeout"] = "\(limits.exchange)"
        }
        let calls = settings.sorted { $0.key < $1.key }.map { "set_config('\($0.key)', '\($0.value)', false)" }
        let answer = try exchange([.text("SELECT \(calls.joined(separator: ", "))")], milliseconds: limits.connect)
        if case .failure(let error) = answer[0] { throw ConnectionLost(message: error.message) }
    }

    /// The server's name for a statement, if it is prepared on this connection.
    /// - Parameter checkedRows: The number of rows that it checks itself.
    func preparedName(_ statement: Statement, checking checkedRows: Int? = nil) -> String? {
        guard let known = prepared[Form(name: statement.name, checkedRows: checkedRows)],
            known.text == statement.text
        else { return nil }
        return known.name
    }

    /// Whether a statement can check how many rows it touches.
    func canCheckRows(_ statement: Statement) -> Bool {
        if let known = checkable[statement.name] { return known }
        let isCheckable = statement.checking(rows: 1) != nil
        checkable[statement.name] = isCheckable
        return isCheckable
    }

    /// Prepares a statement, unless it is prepared.
    /// - Parameter checkedRows: The number of rows that it has to check itself.
    /// - Returns: Why it could not be prepared; nil when it could.
    func prepare(
        _ statement: Statement, checking checkedRows: Int? = nil, _ milliseconds: Int
    ) throws(ConnectionLost) -> DatabaseError? {
        guard preparedName(statement, checking: checkedRows) == nil else { return nil }
        let form = Form(name: statement.name, checkedRows: checkedRows)
        guard prepared[form] == nil else {
            return DatabaseError(.invalid, "there are two statements named \(statement.name)")
        }
        let name = "s\(prepared.count + 1)"
        let run = checkedRows.flatMap { statement.checking(rows: $0) } ?? statement
        switch try exchange([.prepare(name, run)], milliseconds: milliseconds)[0] {
        case .success:
            prepared[form] = (statement.text, name)
            return nil
        case .failure(let error):
            return error
        }
    }

    /// Waits until the socket is ready.
    func wait(reading: Bool, writing: Bool, _ deadline: ContinuousClock.Instant) throws(ConnectionLost) {
        while true {
            let left = ContinuousClock.now.duration(to: deadline)
            let milliseconds = left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000
            guard milliseconds > 0 else { throw ConnectionLost(message: "the server did not answer in time") }
            let events = (reading ? Int16(POLLIN) : 0) | (writing ? Int16(POLLOUT) : 0)
            var descriptor = pollfd(fd: unsafe PQsocket(handle), events: events, revents: 0)
            let ready = unsafe poll(&descriptor, 1, Int32(clamping: milliseconds))
            if ready > 0 { return }
            guard ready == 0 || errno == EINTR else { throw ConnectionLost(message: "waiting for the server failed") }
        }
    }

    /// libpq's error for the connection. It names host and user, never the password.
    func lost() -> ConnectionLost {
        let message = unsafe String(cString: PQerrorMessage(handle)).trimmingCharacters(in: .whitespacesAndNewlines)
        return ConnectionLost(message: message.isEmpty ? "the connection is lost" : message)
    }

    static func deadline(_ milliseconds: Int) -> ContinuousClock.Instant {
        .now + .milliseconds(milliseconds)
    }
}

/// Passes texts as an array of C strings, with NULL for nil.
func withCStrings<Result>(
    _ texts: [String?], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Result
) -> Result {
    var bytes: [CChar] = []
    var offsets: [Int?] = []
    for text in texts {
        offsets.append(text.map { _ in bytes.count })
        if let text { bytes.append(contentsOf: text.utf8CString) }
    }
    return unsafe bytes.withUnsafeBufferPointer { bytes in
        let pointers = unsafe offsets.map { offset in
            unsafe offset.flatMap { unsafe bytes.baseAddress?.advanced(by: $0) }
        }
        return unsafe pointers.withUnsafeBufferPointer { unsafe body($0.baseAddress) }
    }
}
