-- A call that somebody must not hear of takes no place in a conversation of theirs, and begins none.

-- The lines of such calls, by the place (`messages.seq`) that each has among all messages.
CREATE TABLE hidden_lines (
    conversation_id {uuid} NOT NULL
        CONSTRAINT hidden_lines_conversation_id_fkey REFERENCES conversations (id) ON DELETE CASCADE,
    -- From whom it is hidden.
    user_id {uuid} NOT NULL CONSTRAINT hidden_lines_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    seq {integer} NOT NULL,
    -- How many messages the user sees before it: what else comes before it, and the line itself, is hidden from them.
    seen_before {integer} NOT NULL,
    CONSTRAINT hidden_lines_pkey PRIMARY KEY (conversation_id, user_id, seq)
){strict};
CREATE INDEX hidden_lines_seen_before_idx ON hidden_lines (conversation_id, user_id, seen_before, seq);
CREATE INDEX hidden_lines_user_id_idx ON hidden_lines (user_id);
INSERT INTO hidden_lines (conversation_id, user_id, seq, seen_before)
SELECT m.conversation_id, h.user_id, m.seq,
    m.seq - ROW_NUMBER() OVER (PARTITION BY m.conversation_id, h.user_id ORDER BY m.seq)
FROM call_participants AS h JOIN messages AS m ON m.id = h.call_id
WHERE h.hidden AND m.type = 'system';

-- When a direct conversation began for each of the two: they made it, or the first of it reached them. NULL until then,
-- and in a group.
ALTER TABLE conversation_participants ADD COLUMN began_at {timestamp};
UPDATE conversation_participants SET began_at = (
    SELECT c.created_at FROM conversations AS c
    WHERE c.id = conversation_participants.conversation_id AND c.created_by = conversation_participants.user_id)
WHERE EXISTS (
    SELECT 1 FROM conversations AS c WHERE c.id = conversation_participants.conversation_id AND c.type = 'direct');
UPDATE conversation_participants SET began_at = (
    SELECT MIN(b.at) FROM (
        SELECT MIN(m.created_at) AS at FROM messages AS m
        WHERE m.conversation_id = conversation_participants.conversation_id AND NOT EXISTS (
            SELECT 1 FROM hidden_lines AS h
            WHERE h.conversation_id = m.conversation_id AND h.user_id = conversation_participants.user_id
                AND h.seq = m.seq)
        UNION ALL
        SELECT MIN(k.started_at) AS at FROM calls AS k JOIN call_participants AS p ON p.call_id = k.id
        WHERE k.conversation_id = conversation_participants.conversation_id
            AND p.user_id = conversation_participants.user_id AND p.hidden = FALSE) AS b)
WHERE began_at IS NULL AND EXISTS (
    SELECT 1 FROM conversations AS c WHERE c.id = conversation_participants.conversation_id AND c.type = 'direct');
