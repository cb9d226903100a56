-- Calls. They outlive their users: a user who took part in one can be made anonymous, but not deleted.

CREATE TABLE calls (
    id {uuid} NOT NULL CONSTRAINT calls_pkey PRIMARY KEY,
    conversation_id {uuid} NOT NULL
        CONSTRAINT calls_conversation_id_fkey REFERENCES conversations (id) ON DELETE CASCADE,
    initiator_id {uuid} NOT NULL CONSTRAINT calls_initiator_id_fkey REFERENCES users (id) ON DELETE RESTRICT,
    -- The initiator's own name for the call, which makes the invite repeatable.
    client_call_id {uuid} NOT NULL,
    mode TEXT NOT NULL CONSTRAINT calls_mode_check CHECK (mode IN ('direct', 'group')),
    type TEXT NOT NULL CONSTRAINT calls_type_check CHECK (type IN ('voice', 'video')),
    status TEXT NOT NULL
        CONSTRAINT calls_status_check CHECK (status IN ('initiated', 'ongoing', 'completed', 'missed')),
    media_path TEXT NOT NULL DEFAULT 'peer'
        CONSTRAINT calls_media_path_check CHECK (media_path IN ('peer', 'forwarded')),
    -- Counts the changes, so that an owner that was replaced can't write any more.
    revision {integer} NOT NULL,
    started_at {timestamp} NOT NULL,
    answered_at {timestamp},
    ended_at {timestamp},
    ring_expires_at {timestamp},
    end_reason TEXT CONSTRAINT calls_end_reason_check CHECK (end_reason IN (
        'no_answer', 'declined', 'busy', 'cancelled', 'caller_disconnected', 'hangup', 'disconnected', 'ice_failed',
        'alone', 'empty', 'ended_by_host', 'max_duration', 'server_restart')),
    CONSTRAINT calls_answered_check CHECK ((status IN ('ongoing', 'completed')) = (answered_at IS NOT NULL)),
    CONSTRAINT calls_ended_check CHECK ((status IN ('completed', 'missed')) = (ended_at IS NOT NULL)),
    CONSTRAINT calls_ended_reason_check CHECK ((ended_at IS NULL) = (end_reason IS NULL))
){strict};
CREATE UNIQUE INDEX calls_initiator_id_client_call_id_key ON calls (initiator_id, client_call_id);
-- At most one open call in a direct conversation.
CREATE UNIQUE INDEX calls_open_direct_key ON calls (conversation_id)
    WHERE mode = 'direct' AND status IN ('initiated', 'ongoing');
-- What a server has to take up again after a restart.
CREATE INDEX calls_open_idx ON calls (id) WHERE status IN ('initiated', 'ongoing');
CREATE INDEX calls_conversation_id_idx ON calls (conversation_id, started_at);

CREATE TABLE call_participants (
    call_id {uuid} NOT NULL CONSTRAINT call_participants_call_id_fkey REFERENCES calls (id) ON DELETE CASCADE,
    user_id {uuid} NOT NULL CONSTRAINT call_participants_user_id_fkey REFERENCES users (id) ON DELETE RESTRICT,
    status TEXT NOT NULL
        CONSTRAINT call_participants_status_check CHECK (status IN ('ringing', 'connected', 'declined', 'left')),
    joined_at {timestamp},
    left_at {timestamp},
    leave_reason TEXT CONSTRAINT call_participants_leave_reason_check CHECK (leave_reason IN (
        'declined', 'busy', 'no_answer', 'cancelled', 'call_ended', 'removed', 'hangup', 'disconnected', 'kicked',
        'ice_failed')),
    -- The device that is in the call.
    device_id {uuid},
    ring_expires_at {timestamp},
    -- The role in perfect negotiation.
    polite {boolean} NOT NULL DEFAULT FALSE,
    CONSTRAINT call_participants_pkey PRIMARY KEY (call_id, user_id)
){strict};
CREATE INDEX call_participants_user_id_idx ON call_participants (user_id, call_id);

CREATE TABLE screen_share_logs (
    id {serial} CONSTRAINT screen_share_logs_pkey PRIMARY KEY,
    call_id {uuid} NOT NULL CONSTRAINT screen_share_logs_call_id_fkey REFERENCES calls (id) ON DELETE CASCADE,
    sharer_user_id {uuid} NOT NULL
        CONSTRAINT screen_share_logs_sharer_user_id_fkey REFERENCES users (id) ON DELETE RESTRICT,
    started_at {timestamp} NOT NULL,
    ended_at {timestamp},
    end_reason TEXT CONSTRAINT screen_share_logs_end_reason_check CHECK (end_reason IN (
        'stopped', 'left', 'kicked', 'disconnected', 'replaced', 'call_ended', 'server_restart')),
    CONSTRAINT screen_share_logs_ended_reason_check CHECK ((ended_at IS NULL) = (end_reason IS NULL))
){strict};
-- At most one open row for a sharer in a call.
CREATE UNIQUE INDEX screen_share_logs_open_key ON screen_share_logs (call_id, sharer_user_id) WHERE ended_at IS NULL;
CREATE INDEX screen_share_logs_call_id_idx ON screen_share_logs (call_id);
CREATE INDEX screen_share_logs_sharer_user_id_idx ON screen_share_logs (sharer_user_id);
