import Primitives
import Testing

@testable import Storage

/// Both engines report a violated constraint by the same name.
@Suite(.timeLimit(.minutes(1)))
struct ConstraintTests {
    @Test(arguments: DatabaseEngine.tested)
    func haveTheSameNames(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { test in
            let database = test.database
            let (ann, bob) = (try await database.addUser("Ann"), try await database.addUser("bob"))
            let conversation = try await database.addConversation(ann, bob)
            let name: RequestID = fresh()
            let call = try await database.addCall(in: conversation, from: ann, to: bob, name: name)
            let device: DeviceID = fresh()
            try await database.run(.insertSession, sessionValues(fresh(), ann, device, hash: "h1"))
            try await database.run(.insertScreenShare, [.id(call), .id(ann), .instant(moment(1))])
            _ = try await database.send("first", name, from: ann, to: conversation)

            func user(_ id: UserID, _ name: String, email: String? = nil, role: String = "user") -> Step {
                Step(
                    .insertUser,
                    [
                        .id(id), .text(name), .text(email), .null, .text(name), .text(name), .null, .text(role),
                        .instant(moment(0)),
                    ])
            }
            let again = Step(.insertCall, callValues(fresh(), conversation, bob, fresh()))
            let repeated = Step(.insertCall, callValues(fresh(), conversation, ann, name))
            let contact = Statement(
                "insert_contact",
                """
                INSERT INTO contacts (user_id_1, user_id_2, requester_id, status, created_at, updated_at)
                VALUES ($1, $2, $1, 'pending', $3, $3)
                """)
            let message = Statement(
                "insert_message_at",
                """
                INSERT INTO messages (id, conversation_id, seq, sender_id, client_message_id, type, body, created_at)
                VALUES ($1, $2, $3, $4, $5, 'text', '', $6)
                """)
            func messageAt(_ seq: Int64, _ client: RequestID) -> Step {
                Step(
                    message,
                    [
                        .id(fresh() as MessageID), .id(conversation), .integer(seq), .id(ann), .id(client),
                        .instant(moment(0)),
                    ])
            }
            let violations: [(String, Step)] = [
                ("users_pkey", user(ann, "x")),
                ("users_username_key", user(fresh(), "aNN")),
                ("users_username_check", user(fresh(), "")),
                ("users_role_check", user(fresh(), "x", role: "king")),
                (
                    "sessions_refresh_token_hash_key",
                    Step(.insertSession, sessionValues(fresh(), bob, device, hash: "h1"))
                ),
                (
                    "sessions_user_id_device_id_key",
                    Step(.insertSession, sessionValues(fresh(), ann, device, hash: "h2"))
                ),
                ("foreign_key", Step(.insertSession, sessionValues(fresh(), fresh(), device, hash: "h3"))),
                ("foreign_key", Step(.insertScreenShare, [.id(fresh() as CallID), .id(ann), .instant(moment(1))])),
                // A user who was in a call stays.
                ("foreign_key", Step(Statement("delete_user", "DELETE FROM users WHERE id = $1"), [.id(ann)])),
                ("calls_open_key", again),
                ("calls_initiator_id_client_call_id_key", repeated),
                ("screen_share_logs_open_key", Step(.insertScreenShare, [.id(call), .id(ann), .instant(moment(2))])),
                (
                    "call_participants_status_check",
                    Step(.putCallParticipant, participantValues(call, bob, "asleep"))
                ),
                ("contacts_order_check", Step(contact, [.id(max(ann, bob)), .id(min(ann, bob)), .instant(moment(0))])),
                ("messages_conversation_id_seq_key", messageAt(1, fresh())),
                ("messages_sender_id_client_message_id_key", messageAt(2, name)),
                ("messages_seq_check", messageAt(0, fresh())),
            ]
            for (name, step) in violations {
                let found = try await code { _ = try await database.commit(WriteUnit([step])) }
                // `repeated` violates two: either may be found first.
                if name == "calls_initiator_id_client_call_id_key" {
                    #expect(found == .constraint(name) || found == .constraint("calls_open_key"))
                } else {
                    #expect(found == .constraint(name), "\(name)")
                }
            }
            let email = [user(fresh(), "x", email: "A@example.org"), user(fresh(), "y", email: "a@EXAMPLE.org")]
            let taken = try await code { _ = try await database.commit(WriteUnit(email)) }
            #expect(taken == .constraint("users_email_key"))
        }
    }

    /// A call that has grown from a direct one may exist beside others; one that was placed as a group call may not.
    @Test(arguments: DatabaseEngine.tested)
    func aConversationHasOneOpenCallOfEachMode(_ engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { test in
            let database = test.database
            let (ann, bob) = (try await database.addUser("Ann"), try await database.addUser("bob"))
            let conversation = try await database.addConversation(ann, bob)
            func place(_ mode: String) async throws -> CallID {
                let id: CallID = fresh()
                var values = callValues(id, conversation, ann, fresh())
                values[4] = .text(mode)
                try await database.run(.insertCall, values)
                return id
            }
            func change(_ call: CallID, _ revision: Int64, mode: String, status: String = "initiated") async throws {
                let isOver = status == "missed"
                let changed = try await database.run(
                    .updateCall,
                    [
                        .id(call), .integer(revision), .integer(revision + 1), .text(mode), .text(status),
                        .text("peer"),
                        .null, isOver ? .instant(moment(9)) : .null, .instant(moment(45)),
                        isOver ? .text("cancelled") : .null, .boolean(false), .id(owner), .integer(1),
                    ])
                #expect(changed.count == 1)
            }
            for _ in 0..<2 { try await change(place("direct"), 1, mode: "group") }
            let call = try await place("group")
            #expect(try await code { _ = try await place("group") } == .constraint("calls_open_key"))
            let direct = try await place("direct")
            #expect(try await code { _ = try await place("direct") } == .constraint("calls_open_key"))
            try await change(call, 1, mode: "group")
            #expect(try await code { _ = try await place("group") } == .constraint("calls_open_key"))
            try await change(call, 2, mode: "group", status: "missed")
            _ = try await place("group")
            try await change(direct, 1, mode: "group")
            try await change(direct, 2, mode: "group")
            _ = try await place("direct")
        }
    }

    /// Without an index every deletion in the other table scans this one.
    @Test func everyForeignKeyHasAnIndexAndSaysWhatADeletionDoes() async throws {
        try await withDatabase(.sqlite) { test in
            let keys = Statement(
                "foreign_keys",
                """
                SELECT m.name AS table_name, f."from" AS column_name, f.on_delete AS on_delete,
                    EXISTS (
                        SELECT 1 FROM pragma_index_list(m.name) AS l, pragma_index_info(l.name) AS i
                        WHERE i.seqno = 0 AND i.name = f."from" AND l.partial = 0) AS is_indexed
                FROM sqlite_master AS m, pragma_foreign_key_list(m.name) AS f WHERE m.type = 'table'
                """)
            let rows = try await test.database.query(keys, [])
            #expect(rows.count == 49)
            for row in rows {
                let name = "\(try row.text("table_name")).\(try row.text("column_name"))"
                #expect(try row.boolean("is_indexed"), "\(name)")
                #expect(try row.text("on_delete") != "NO ACTION", "\(name)")
            }
        }
    }

    /// SQLite names the columns of a violated unique index; the index must follow from them.
    @Test func uniqueIndexesDifferInTheirColumns() async throws {
        try await withDatabase(.sqlite) { test in
            let indexes = Statement(
                "unique_indexes",
                """
                SELECT m.name AS table_name, l.name AS index_name,
                    (SELECT GROUP_CONCAT(COALESCE(i.name, l.name)) FROM pragma_index_info(l.name) AS i) AS columns
                FROM sqlite_master AS m, pragma_index_list(m.name) AS l WHERE m.type = 'table' AND l."unique" = 1
                """)
            let rows = try await test.database.query(indexes, [])
            let columns = try rows.map { "\(try $0.text("table_name")): \(try $0.text("columns"))" }
            #expect(columns.count > 30)
            #expect(Set(columns).count == columns.count)
        }
    }
}
