-- People whom somebody does not know can invite them into a group, but not put them there.

-- Whom a user knows besides their contacts: they have written to them, called them, or answered their call.
CREATE TABLE acquaintances (
    user_id {uuid} NOT NULL CONSTRAINT acquaintances_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    known_id {uuid} NOT NULL CONSTRAINT acquaintances_known_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    since {timestamp} NOT NULL,
    CONSTRAINT acquaintances_pkey PRIMARY KEY (user_id, known_id)
){strict};
CREATE INDEX acquaintances_known_id_idx ON acquaintances (known_id);
INSERT INTO acquaintances (user_id, known_id, since)
SELECT p.user_id, o.user_id, c.created_at FROM conversations AS c
JOIN conversation_participants AS p ON p.conversation_id = c.id
JOIN conversation_participants AS o ON o.conversation_id = c.id AND o.user_id <> p.user_id
WHERE c.type = 'direct' AND (
    EXISTS (SELECT 1 FROM messages AS m WHERE m.conversation_id = c.id AND m.sender_id = p.user_id)
    OR EXISTS (
        SELECT 1 FROM calls AS k JOIN call_participants AS q ON q.call_id = k.id AND q.user_id = p.user_id
        WHERE k.conversation_id = c.id AND q.joined_at IS NOT NULL));

CREATE TABLE group_invitations (
    conversation_id {uuid} NOT NULL
        CONSTRAINT group_invitations_conversation_id_fkey REFERENCES conversations (id) ON DELETE CASCADE,
    -- Who is invited.
    user_id {uuid} NOT NULL CONSTRAINT group_invitations_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    inviter_id {uuid} NOT NULL CONSTRAINT group_invitations_inviter_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    -- Whether it only looks pending: who is invited has declined it, or was never to hear of it.
    hidden {boolean} NOT NULL,
    created_at {timestamp} NOT NULL,
    CONSTRAINT group_invitations_pkey PRIMARY KEY (conversation_id, user_id)
){strict};
CREATE INDEX group_invitations_user_id_idx ON group_invitations (user_id, hidden, created_at, conversation_id);
CREATE INDEX group_invitations_inviter_id_idx ON group_invitations (inviter_id, user_id);

-- Whose invitations a user has declined, and when the last time: they have to wait before another one is shown.
CREATE TABLE declined_inviters (
    user_id {uuid} NOT NULL CONSTRAINT declined_inviters_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    inviter_id {uuid} NOT NULL CONSTRAINT declined_inviters_inviter_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    declined_at {timestamp} NOT NULL,
    CONSTRAINT declined_inviters_pkey PRIMARY KEY (user_id, inviter_id)
){strict};
CREATE INDEX declined_inviters_inviter_id_idx ON declined_inviters (inviter_id);
