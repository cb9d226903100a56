-- Users and what belongs to one user alone. An account that its owner deletes is made anonymous, its row stays.

CREATE TABLE users (
    id {uuid} NOT NULL CONSTRAINT users_pkey PRIMARY KEY,
    username {key} NOT NULL CONSTRAINT users_username_check CHECK (LENGTH(username) BETWEEN 1 AND 50),
    email {key},
    email_verified_at {timestamp},
    password_hash TEXT,
    display_name TEXT NOT NULL,
    -- The display name in lower case as the server folds it, so that both engines search alike.
    search_name {key} NOT NULL,
    bio TEXT,
    avatar_url TEXT,
    status TEXT NOT NULL DEFAULT 'offline'
        CONSTRAINT users_status_check CHECK (status IN ('online', 'offline', 'busy', 'away')),
    role TEXT NOT NULL DEFAULT 'user' CONSTRAINT users_role_check CHECK (role IN ('user', 'admin')),
    is_blocked {boolean} NOT NULL DEFAULT FALSE,
    last_seen {timestamp},
    created_at {timestamp} NOT NULL,
    updated_at {timestamp} NOT NULL
){strict};
CREATE UNIQUE INDEX users_username_key ON users (LOWER(username));
CREATE UNIQUE INDEX users_email_key ON users (LOWER(email));
CREATE INDEX users_search_name_idx ON users (search_name);

CREATE TABLE oauth_identities (
    id {uuid} NOT NULL CONSTRAINT oauth_identities_pkey PRIMARY KEY,
    user_id {uuid} NOT NULL CONSTRAINT oauth_identities_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    provider TEXT NOT NULL CONSTRAINT oauth_identities_provider_check CHECK (provider IN ('google', 'github')),
    provider_user_id TEXT NOT NULL,
    created_at {timestamp} NOT NULL
){strict};
CREATE UNIQUE INDEX oauth_identities_provider_provider_user_id_key ON oauth_identities (provider, provider_user_id);
CREATE INDEX oauth_identities_user_id_idx ON oauth_identities (user_id);

CREATE TABLE sessions (
    id {uuid} NOT NULL CONSTRAINT sessions_pkey PRIMARY KEY,
    user_id {uuid} NOT NULL CONSTRAINT sessions_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    refresh_token_hash TEXT NOT NULL,
    -- The hash before the last rotation: for a moment its token is good once more, because the answer may be lost.
    previous_refresh_token_hash TEXT,
    expires_at {timestamp} NOT NULL,
    revoked_at {timestamp},
    last_activity {timestamp} NOT NULL,
    ip_address TEXT,
    user_agent TEXT,
    device_id {uuid} NOT NULL,
    device_name TEXT,
    push_token TEXT,
    created_at {timestamp} NOT NULL
){strict};
CREATE UNIQUE INDEX sessions_refresh_token_hash_key ON sessions (refresh_token_hash);
CREATE INDEX sessions_user_id_idx ON sessions (user_id);
-- One live session a device.
CREATE UNIQUE INDEX sessions_user_id_device_id_key ON sessions (user_id, device_id) WHERE revoked_at IS NULL;

CREATE TABLE revoked_tokens (
    jti TEXT NOT NULL CONSTRAINT revoked_tokens_pkey PRIMARY KEY,
    expires_at {timestamp} NOT NULL
){strict};
CREATE INDEX revoked_tokens_expires_at_idx ON revoked_tokens (expires_at);

CREATE TABLE verification_codes (
    id {uuid} NOT NULL CONSTRAINT verification_codes_pkey PRIMARY KEY,
    user_id {uuid} NOT NULL CONSTRAINT verification_codes_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    purpose TEXT NOT NULL CONSTRAINT verification_codes_purpose_check CHECK (purpose IN ('email', 'password_reset')),
    code_hash TEXT NOT NULL,
    attempts {integer} NOT NULL DEFAULT 0,
    expires_at {timestamp} NOT NULL,
    used_at {timestamp},
    created_at {timestamp} NOT NULL
){strict};
CREATE INDEX verification_codes_user_id_idx ON verification_codes (user_id, purpose);

CREATE TABLE contacts (
    user_id_1 {uuid} NOT NULL CONSTRAINT contacts_user_id_1_fkey REFERENCES users (id) ON DELETE CASCADE,
    user_id_2 {uuid} NOT NULL CONSTRAINT contacts_user_id_2_fkey REFERENCES users (id) ON DELETE CASCADE,
    requester_id {uuid} NOT NULL CONSTRAINT contacts_requester_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    status TEXT NOT NULL
        CONSTRAINT contacts_status_check CHECK (status IN ('pending', 'accepted', 'rejected', 'blocked')),
    created_at {timestamp} NOT NULL,
    updated_at {timestamp} NOT NULL,
    CONSTRAINT contacts_pkey PRIMARY KEY (user_id_1, user_id_2),
    CONSTRAINT contacts_order_check CHECK (user_id_1 < user_id_2),
    CONSTRAINT contacts_requester_check CHECK (requester_id = user_id_1 OR requester_id = user_id_2)
){strict};
CREATE INDEX contacts_user_id_2_idx ON contacts (user_id_2);
CREATE INDEX contacts_requester_id_idx ON contacts (requester_id);

CREATE TABLE blocked_users (
    blocker_id {uuid} NOT NULL CONSTRAINT blocked_users_blocker_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    blocked_id {uuid} NOT NULL CONSTRAINT blocked_users_blocked_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    created_at {timestamp} NOT NULL,
    CONSTRAINT blocked_users_pkey PRIMARY KEY (blocker_id, blocked_id),
    CONSTRAINT blocked_users_self_check CHECK (blocker_id <> blocked_id)
){strict};
CREATE INDEX blocked_users_blocked_id_idx ON blocked_users (blocked_id);
