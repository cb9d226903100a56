import Messaging
import Primitives
import Storage
import Testing

extension MessagingWorld {
    /// A direct call from one to the other that nobody answers, as the call services carry it out: the caller's
    /// conversation, the call and whom it rings, and its line at the end, which is delivered.
    @discardableResult
    func call(from caller: UserID, to callee: UserID, isHidden: Bool) async throws -> CallID {
        let conversation = try await service.directConversation(between: caller, and: callee).id
        let call = CallID.random(at: clock.now)
        let now = SQLValue.instant(clock.now)
        let insertCall = Statement(
            "test_insert_call",
            """
            INSERT INTO calls (
                id, conversation_id, initiator_id, client_call_id, mode, type, status, revision, started_at, ended_at,
                end_reason)
            VALUES ($1, $2, $3, $4, 'direct', 'voice', 'missed', 1, $5, $5, 'no_answer')
            """)
        let insertParticipant = Statement(
            "test_insert_participant",
            """
            INSERT INTO call_participants (call_id, user_id, status, left_at, leave_reason, hidden, started_at)
            VALUES ($1, $2, 'left', $3, 'no_answer', $4, $3)
            """)
        let line = SystemMessage(
            CallSummary(
                call: call, type: "voice", status: "missed", endReason: "no_answer", durationSeconds: 0,
                initiator: caller),
            in: conversation, at: clock.now, hiddenFrom: isHidden ? [callee] : [])
        let beginning = Step(.beginConversationWithCall, [.id(conversation), .id(callee), now])
        let calling =
            [
                Step(
                    insertCall,
                    [.id(call), .id(conversation), .id(caller), .id(RequestID.random(at: clock.now)), now]),
                Step(insertParticipant, [.id(call), .id(caller), now, .boolean(false)]),
                Step(insertParticipant, [.id(call), .id(callee), now, .boolean(isHidden)]),
            ] + (isHidden ? [] : [beginning])
        let results = try await database.commit(WriteUnit(calling + line.steps))
        service.deliver(line, results: results.dropFirst(calling.count))
        return call
    }
}
