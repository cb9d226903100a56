-- Conversations own their messages. Messages outlive their sender: the sender becomes NULL.

CREATE TABLE conversations (
    id {uuid} NOT NULL CONSTRAINT conversations_pkey PRIMARY KEY,
    type TEXT NOT NULL CONSTRAINT conversations_type_check CHECK (type IN ('direct', 'group')),
    name TEXT,
    description TEXT,
    icon_url TEXT,
    created_by {uuid} CONSTRAINT conversations_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
    -- The place of the newest message; 0 when there is none.
    last_seq {integer} NOT NULL DEFAULT 0,
    last_message_at {timestamp},
    -- The ordered pair of users of a direct conversation, so that it can't exist twice.
    direct_key {key},
    created_at {timestamp} NOT NULL,
    updated_at {timestamp} NOT NULL,
    CONSTRAINT conversations_direct_key_check CHECK ((type = 'direct') = (direct_key IS NOT NULL))
){strict};
CREATE UNIQUE INDEX conversations_direct_key_key ON conversations (direct_key);
CREATE INDEX conversations_created_by_idx ON conversations (created_by);

CREATE TABLE conversation_participants (
    conversation_id {uuid} NOT NULL
        CONSTRAINT conversation_participants_conversation_id_fkey REFERENCES conversations (id) ON DELETE CASCADE,
    user_id {uuid} NOT NULL
        CONSTRAINT conversation_participants_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    role TEXT NOT NULL DEFAULT 'member'
        CONSTRAINT conversation_participants_role_check CHECK (role IN ('owner', 'admin', 'member')),
    added_by {uuid} CONSTRAINT conversation_participants_added_by_fkey REFERENCES users (id) ON DELETE SET NULL,
    joined_at {timestamp} NOT NULL,
    left_at {timestamp},
    delivered_seq {integer} NOT NULL DEFAULT 0,
    read_seq {integer} NOT NULL DEFAULT 0,
    muted_until {timestamp},
    CONSTRAINT conversation_participants_pkey PRIMARY KEY (conversation_id, user_id)
){strict};
CREATE INDEX conversation_participants_user_id_idx ON conversation_participants (user_id);
CREATE INDEX conversation_participants_added_by_idx ON conversation_participants (added_by);

CREATE TABLE messages (
    id {uuid} NOT NULL CONSTRAINT messages_pkey PRIMARY KEY,
    conversation_id {uuid} NOT NULL
        CONSTRAINT messages_conversation_id_fkey REFERENCES conversations (id) ON DELETE CASCADE,
    seq {integer} NOT NULL CONSTRAINT messages_seq_check CHECK (seq > 0),
    sender_id {uuid} CONSTRAINT messages_sender_id_fkey REFERENCES users (id) ON DELETE SET NULL,
    client_message_id {uuid},
    type TEXT NOT NULL CONSTRAINT messages_type_check
        CHECK (type IN ('text', 'image', 'file', 'voice', 'video', 'sticker', 'system')),
    body TEXT NOT NULL,
    metadata {json},
    reply_to {uuid} CONSTRAINT messages_reply_to_fkey REFERENCES messages (id) ON DELETE SET NULL,
    -- The lowest over all recipients.
    status TEXT NOT NULL DEFAULT 'sent'
        CONSTRAINT messages_status_check CHECK (status IN ('sent', 'delivered', 'read')),
    created_at {timestamp} NOT NULL,
    edited_at {timestamp},
    deleted_at {timestamp}
){strict};
CREATE UNIQUE INDEX messages_conversation_id_seq_key ON messages (conversation_id, seq);
CREATE UNIQUE INDEX messages_sender_id_client_message_id_key ON messages (sender_id, client_message_id);
CREATE INDEX messages_reply_to_idx ON messages (reply_to);

CREATE TABLE message_receipts (
    message_id {uuid} NOT NULL CONSTRAINT message_receipts_message_id_fkey REFERENCES messages (id) ON DELETE CASCADE,
    user_id {uuid} NOT NULL CONSTRAINT message_receipts_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    status TEXT NOT NULL CONSTRAINT message_receipts_status_check CHECK (status IN ('delivered', 'read')),
    delivered_at {timestamp} NOT NULL,
    read_at {timestamp},
    CONSTRAINT message_receipts_pkey PRIMARY KEY (message_id, user_id)
){strict};
CREATE INDEX message_receipts_user_id_idx ON message_receipts (user_id);

CREATE TABLE message_attachments (
    id {uuid} NOT NULL CONSTRAINT message_attachments_pkey PRIMARY KEY,
    -- NULL until the message is sent.
    message_id {uuid} CONSTRAINT message_attachments_message_id_fkey REFERENCES messages (id) ON DELETE CASCADE,
    uploader_id {uuid} CONSTRAINT message_attachments_uploader_id_fkey REFERENCES users (id) ON DELETE SET NULL,
    kind TEXT NOT NULL CONSTRAINT message_attachments_kind_check
        CHECK (kind IN ('image', 'video', 'document', 'audio', 'other')),
    file_name TEXT NOT NULL,
    file_type TEXT NOT NULL,
    size_bytes {integer} NOT NULL CONSTRAINT message_attachments_size_bytes_check CHECK (size_bytes >= 0),
    storage_key TEXT NOT NULL,
    url TEXT,
    md5 TEXT,
    sha256 TEXT,
    created_at {timestamp} NOT NULL
){strict};
CREATE UNIQUE INDEX message_attachments_storage_key_key ON message_attachments (storage_key);
CREATE INDEX message_attachments_message_id_idx ON message_attachments (message_id);
CREATE INDEX message_attachments_uploader_id_idx ON message_attachments (uploader_id);

CREATE TABLE message_reactions (
    id {uuid} NOT NULL CONSTRAINT message_reactions_pkey PRIMARY KEY,
    message_id {uuid} NOT NULL
        CONSTRAINT message_reactions_message_id_fkey REFERENCES messages (id) ON DELETE CASCADE,
    user_id {uuid} NOT NULL CONSTRAINT message_reactions_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    reaction_type TEXT NOT NULL
        CONSTRAINT message_reactions_reaction_type_check CHECK (LENGTH(reaction_type) BETWEEN 1 AND 50),
    created_at {timestamp} NOT NULL
){strict};
CREATE UNIQUE INDEX message_reactions_message_id_user_id_reaction_type_key
    ON message_reactions (message_id, user_id, reaction_type);
CREATE INDEX message_reactions_user_id_idx ON message_reactions (user_id);
