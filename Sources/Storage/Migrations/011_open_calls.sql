-- One open call of each mode in a conversation, whichever server places it; hidden calls out of the way of others.

-- Whether the call was placed as a direct call and is a group call now: such a one may stand beside others.
ALTER TABLE calls ADD COLUMN grown {boolean} NOT NULL DEFAULT FALSE;
UPDATE calls SET grown = TRUE
WHERE mode = 'group' AND conversation_id IN (SELECT c.id FROM conversations AS c WHERE c.type = 'direct');
-- Several servers may have placed several by now. All but the first go on as if they had grown.
UPDATE calls SET grown = TRUE
WHERE mode = 'group' AND status IN ('initiated', 'ongoing') AND EXISTS (
    SELECT 1 FROM calls AS o
    WHERE o.conversation_id = calls.conversation_id AND o.id < calls.id AND o.mode = 'group' AND NOT o.grown
        AND o.status IN ('initiated', 'ongoing'));
DROP INDEX calls_open_direct_key;
CREATE UNIQUE INDEX calls_open_key ON calls (conversation_id, mode)
    WHERE NOT grown AND status IN ('initiated', 'ongoing');

-- Calls that a user must not hear of don't stand between those that are listed or counted: whoever is blocked can place
-- as many as they like.
DROP INDEX call_participants_user_id_started_at_idx;
CREATE INDEX call_participants_user_id_started_at_idx ON call_participants (user_id, hidden, started_at, call_id);
DROP INDEX call_participants_missed_idx;
CREATE INDEX call_participants_missed_idx ON call_participants (user_id, hidden, started_at, call_id)
    WHERE joined_at IS NULL AND (status = 'left' OR leave_reason = 'busy');
DROP INDEX call_participants_missed_left_at_idx;
CREATE INDEX call_participants_missed_left_at_idx ON call_participants (user_id, hidden, left_at)
    WHERE joined_at IS NULL AND (status = 'left' OR leave_reason = 'busy');
