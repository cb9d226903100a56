-- The history of calls, read by ranges of indexes; groups that a repeated request does not make twice.

-- When the call started, copied from it, so that a user's calls lie in the order in which they are listed.
-- Never NULL: SQLite can't be told so for a column that is added.
ALTER TABLE call_participants ADD COLUMN started_at {timestamp};
UPDATE call_participants SET started_at = (SELECT c.started_at FROM calls AS c WHERE c.id = call_participants.call_id);
DROP INDEX call_participants_user_id_idx;
CREATE INDEX call_participants_user_id_started_at_idx ON call_participants (user_id, started_at, call_id);
-- Calls that a user has missed: rung, and neither answered nor declined.
CREATE INDEX call_participants_missed_idx ON call_participants (user_id, started_at, call_id)
    WHERE joined_at IS NULL AND (status = 'left' OR leave_reason = 'busy');
CREATE INDEX call_participants_missed_left_at_idx ON call_participants (user_id, left_at)
    WHERE joined_at IS NULL AND (status = 'left' OR leave_reason = 'busy');

DROP INDEX calls_conversation_id_idx;
CREATE INDEX calls_conversation_id_started_at_idx ON calls (conversation_id, started_at, id);

-- Up to when a user has seen the missed calls.
CREATE TABLE missed_call_marks (
    user_id {uuid} NOT NULL CONSTRAINT missed_call_marks_pkey PRIMARY KEY
        CONSTRAINT missed_call_marks_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    seen_through {timestamp} NOT NULL
){strict};
-- What was missed before there was a count is not news.
INSERT INTO missed_call_marks (user_id, seen_through)
SELECT user_id, MAX(left_at) FROM call_participants WHERE left_at IS NOT NULL GROUP BY user_id;

-- The creator's own name for a group, which makes the request repeatable.
ALTER TABLE conversations ADD COLUMN client_conversation_id {uuid};
DROP INDEX conversations_created_by_idx;
CREATE UNIQUE INDEX conversations_created_by_client_conversation_id_key
    ON conversations (created_by, client_conversation_id);
