-- Who belongs to the conversation of a call, and what is told of sessions that end.

-- Whether the participant belongs to the call's conversation. Who does not was rung as a guest, or belonged to it once.
ALTER TABLE call_participants ADD COLUMN member {boolean} NOT NULL DEFAULT TRUE;
UPDATE call_participants SET member = FALSE
WHERE NOT EXISTS (
    SELECT 1 FROM calls AS c JOIN conversation_participants AS m ON m.conversation_id = c.conversation_id
    WHERE c.id = call_participants.call_id AND m.user_id = call_participants.user_id);

-- Counts the revocations, so that each server finds those that others have made, whatever their clocks say. Those that are
-- revoked at once, or by two servers at the same moment, may have the same number.
ALTER TABLE sessions ADD COLUMN revocation {integer};
CREATE INDEX sessions_revocation_idx ON sessions (revocation, id);
