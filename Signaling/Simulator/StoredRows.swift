import Primitives
import SignalingCore
import SignalingService
import Storage

/// The rows of the model database in a real one in memory, written by the service's own statements and read by its own
/// code. A share of the schedules uses it, too, and every difference from the model is reported.
///
/// For one thread at a time. It is emptied between schedules.
final class StoredRows {
    private let database: MemoryDatabase

    /// Makes a database with all users who may occur in a schedule, and their conversations.
    init() throws(DatabaseError) {
        database = try MemoryDatabase()
        let users = (0..<World.userCount).map { World.user(of: $0 * World.devicesPerUser) }
        for (index, user) in users.enumerated() {
            let name = SQLValue.text("user\(index)")
            try prepare(
                Step(
                    .insertUser,
                    [.id(user), name, .null, .text(""), name, name, .null, .text("user"), .instant(World.start)]))
            for other in users.prefix(index) {
                let conversation = ModelServer.conversation(user, other)
                let values: [SQLValue] = [
                    .id(conversation), .text("direct"), .text("\(conversation)"), .instant(World.start),
                ]
                try prepare(Step(.insertModelConversation, values))
            }
        }
        try prepare(
            Step(.insertModelConversation, [.id(ModelServer.group), .text("group"), .null, .instant(World.start)]))
    }

    private func prepare(_ step: Step) throws(DatabaseError) {
        _ = try database.commit(WriteUnit([step])).get()
    }

    /// One in this many schedules uses it.
    static let share: UInt64 = 80

    /// Deletes what the previous schedule has written.
    ///
    /// - Returns: Why it can't; nil on success.
    func begin() -> String? {
        do throws(DatabaseError) {
            if hasBegun { try database.takeBack() }
            try database.begin()
            hasBegun = true
            return nil
        } catch {
            return "\(error)"
        }
    }

    private var hasBegun = false

    // MARK: Writing

    /// Writes a change of a call, and compares the outcome with that of the model.
    ///
    /// - Parameters:
    ///   - expected: Whether the model has accepted the change, and if not, why.
    ///   - stored: The call in the model after that.
    /// - Returns: The difference; nil when there is none.
    func carryOut(
        _ transition: CallTransition, storedRevision: Int64, by owner: CallOwner,
        expecting expected: CallTable.CommitOutcome, _ stored: ModelDatabase.StoredCall?
    ) -> String? {
        let steps = CallRows.steps(for: transition, storedRevision: storedRevision, by: owner)
        return outcome(of: WriteUnit(steps), differsFrom: expected) ?? difference(of: transition.call.id, from: stored)
    }

    /// Begins a node's next epoch.
    func takeLease(_ node: NodeID, at now: Instant, until: Instant, expecting owner: CallOwner) -> String? {
        do throws(DatabaseError) {
            let results = try database.commit(CallOwner.beginning(of: node, at: now, until: until)).get()
            let begun = try CallOwner(node, begunBy: results)
            return begun == owner ? nil : "epoch \(begun.epoch) begins, not \(owner.epoch)"
        } catch {
            return "\(error)"
        }
    }

    /// Extends a lease.
    func renewLease(of owner: CallOwner, at now: Instant, until: Instant, expecting isRenewed: Bool) -> String? {
        outcome(of: owner.renewal(at: now, until: until), differsFrom: isRenewed ? .stored : .overtaken)
    }

    /// Gives a call to an owner, or lets an owner adopt one of its own again.
    func adopt(
        _ before: ModelDatabase.StoredCall, by owner: CallOwner, at now: Instant,
        expecting expected: CallTable.CommitOutcome, _ stored: ModelDatabase.StoredCall?
    ) -> String? {
        let unit =
            before.owner == owner ? owner.readoption(of: before.id) : owner.adoption(of: before.id, at: now)
        return outcome(of: unit, differsFrom: expected) ?? difference(of: before.id, from: stored)
    }

    private func outcome(of unit: WriteUnit, differsFrom expected: CallTable.CommitOutcome) -> String? {
        let result = database.commit(unit)
        let outcome = CallTable.CommitOutcome(result)
        guard outcome != expected else { return nil }
        let names = unit.steps.map(\.statement.name).joined(separator: ", ")
        let why = if case .failure(let error) = result { " (\(error))" } else { "" }
        return "\(names): \(outcome)\(why), not \(expected)"
    }

    // MARK: Reading

    /// Compares the calls that an owner may take over with those of the model.
    func callsToAdopt(
        by owner: CallOwner, at now: Instant, differFrom stored: [ModelDatabase.StoredCall]
    ) -> String? {
        do throws(DatabaseError) {
            let values: [SQLValue] = [.id(owner.node), .integer(owner.epoch), .instant(now), .integer(Int64.max)]
            let rows = try database.query(.callsToAdopt, values)
            let expected = stored.sorted { $0.id < $1.id }
            guard rows.count == expected.count else {
                return "\(owner) may take over \(rows.count) calls, not \(expected.count)"
            }
            for (row, stored) in zip(rows, expected) {
                let columns: Columns = [
                    ("id", Row.Cell(.id(stored.id))), ("owner_id", Row.Cell(.id(stored.owner.node))),
                ]
                if let difference = try row.difference(from: columns) { return "calls to adopt: \(difference)" }
            }
            return nil
        } catch {
            return "\(error)"
        }
    }

    /// Compares what a new owner reads of its open calls with the model.
    func openCalls(of owner: CallOwner, differFrom stored: [ModelDatabase.StoredCall]) -> String? {
        do throws(DatabaseError) {
            let values: [SQLValue] = [.id(owner.node), .integer(owner.epoch)]
            let calls = try CallRows.views(
                database.query(.openCalls, values), participants: database.query(.participantsOfOpenCalls, values),
                shares: database.query(.screenSharesOfOpenCalls, values), rules: CallRules()
            ).map(\.call)
            let expected = stored.map { $0.callAsRead }.sorted { $0.id < $1.id }
            return calls == expected ? nil : "the open calls of \(owner) are read as \(calls), not as \(expected)"
        } catch {
            return "\(error)"
        }
    }

    /// How the rows of a call differ from the model.
    private func difference(of id: CallID, from stored: ModelDatabase.StoredCall?) -> String? {
        do throws(DatabaseError) {
            let row = try database.query(.callByID, [.id(id)]).first
            guard let row, let stored else {
                return (row == nil) == (stored == nil) ? nil : "there is \(row == nil ? "no" : "a") row of the call"
            }
            let participants = try database.query(.participantsOfCall, [.id(id)])
            let shares = try database.query(.recordedSharesOfCall, [.id(id)])
            if let difference = try row.difference(from: stored.columns) { return "calls.\(difference)" }
            let rows = stored.participants.sorted { $0.user < $1.user }
            guard participants.count == rows.count else {
                return "\(participants.count) rows of participants, not \(rows.count)"
            }
            for (row, expected) in zip(participants, rows) {
                if let difference = try row.difference(from: expected.columns) {
                    return "call_participants.\(difference)"
                }
            }
            let recorded = stored.shares.sorted { $0.startedAt < $1.startedAt }
            guard shares.count == recorded.count else { return "\(shares.count) rows of shares, not \(recorded.count)" }
            for (row, expected) in zip(shares, recorded) {
                if let difference = try row.difference(from: expected.columns) {
                    return "screen_share_logs.\(difference)"
                }
            }
            let open = try database.query(.screenSharesOfCall, [.id(id)])
            let read = try CallRows.view(row, participants: participants, shares: open, rules: CallRules())
            let expected = stored.callAsRead
            guard read.call == expected else { return "the call is read as \(read.call), not as \(expected)" }
            guard Set(read.people.keys) == Set(rows.map(\.user)) else { return "not everybody has a profile" }
            return try CallRows.owner(row) == stored.owner ? nil : "the owner is read otherwise"
        } catch {
            return "\(error)"
        }
    }
}

extension Schedule {
    /// A database of its own, for a schedule that is compared with one.
    var databaseToCompareWith: StoredRows? { comparesRows ? try? StoredRows() : nil }
}

extension Statement {
    /// Makes a conversation: id, type, direct_key, created_at.
    fileprivate static let insertModelConversation = Statement(
        "insert_model_conversation",
        "INSERT INTO conversations (id, type, direct_key, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)")
}

// MARK: The rows of the model in the form that SQLite has them

private typealias Columns = [(name: String, cell: Row.Cell)]

extension Row {
    /// The first column with a different value.
    fileprivate func difference(from columns: Columns) throws(DatabaseError) -> String? {
        for column in columns {
            let cell = try cell(column.name)
            if cell != column.cell { return "\(column.name) is \(cell), not \(column.cell)" }
        }
        return nil
    }
}

extension Row.Cell {
    fileprivate init(_ value: SQLValue) {
        self =
            switch value {
            case .null: .null
            case .integer(let number): .integer(number)
            case .boolean(let truth): .integer(truth ? 1 : 0)
            case .text(let text): .text(text)
            case .uuid(let high, let low): .text("\(CallID(high: high, low: low))")
            case .instant(let instant): .integer(instant.microseconds)
            }
    }
}

extension ModelDatabase.StoredCall {
    fileprivate var columns: Columns {
        let call = call(rules: CallRules())
        return CallColumn.allCases.map { ($0.rawValue, Row.Cell($0.value(of: call, by: owner))) }
    }

    /// The call as the service reads it: the caller first, the others in the order of their ids, without its rules.
    fileprivate var callAsRead: Call {
        var ordered = self
        ordered.participants.sort { ($0.user != initiator ? 1 : 0, $0.user) < ($1.user != initiator ? 1 : 0, $1.user) }
        ordered.shares.sort { $0.startedAt < $1.startedAt }
        return ordered.call(rules: CallRules())
    }
}

extension Participant.Record {
    fileprivate var columns: Columns {
        ParticipantColumn.allCases.map { ($0.rawValue, Row.Cell($0.value(of: self))) }
    }
}

extension ModelDatabase.StoredShare {
    fileprivate var columns: Columns {
        [
            ("sharer_user_id", Row.Cell(.id(sharer))), ("started_at", Row.Cell(.instant(startedAt))),
            ("ended_at", Row.Cell(.instant(endedAt))), ("end_reason", Row.Cell(.text(reason?.rawValue))),
        ]
    }
}
