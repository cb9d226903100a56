-- Who belongs to the conversation of a call, and what is told of sessions that end.

-- Why somebody has a part in a call: as a member of its conversation, as a guest who was rung by somebody in it, or no more,
-- because the membership has ended.
ALTER TABLE call_participants ADD COLUMN standing TEXT NOT NULL DEFAULT 'member'
    CONSTRAINT call_participants_standing_check CHECK (standing IN ('member', 'guest', 'former'));
UPDATE call_participants SET standing = 'guest'
WHERE NOT EXISTS (
    SELECT 1 FROM calls AS c JOIN conversation_participants AS m ON m.conversation_id = c.conversation_id
    WHERE c.id = call_participants.call_id AND m.user_id = call_participants.user_id);

-- Counts the revocations, so that each server finds those that others have made, whatever their clocks say. Those that are
-- revoked at once, or by two servers at the same moment, may have the same number.
ALTER TABLE sessions ADD COLUMN revocation {integer};
CREATE INDEX sessions_revocation_idx ON sessions (revocation, id);
