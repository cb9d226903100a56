-- Notifications to users, and reports to moderators. Reports outlive both the reporter and the moderator.

CREATE TABLE notifications (
    id {uuid} NOT NULL CONSTRAINT notifications_pkey PRIMARY KEY,
    user_id {uuid} NOT NULL CONSTRAINT notifications_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    type TEXT NOT NULL CONSTRAINT notifications_type_check CHECK (type IN (
        'friend_request', 'new_message', 'group_invite', 'group_update', 'missed_call', 'like', 'comment', 'follow')),
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    -- A user, message, conversation, call, post or comment, as the type says.
    related_id {uuid},
    is_read {boolean} NOT NULL DEFAULT FALSE,
    is_email_sent {boolean} NOT NULL DEFAULT FALSE,
    created_at {timestamp} NOT NULL
){strict};
CREATE INDEX notifications_user_id_idx ON notifications (user_id, created_at);

CREATE TABLE reports (
    id {uuid} NOT NULL CONSTRAINT reports_pkey PRIMARY KEY,
    reporter_id {uuid} CONSTRAINT reports_reporter_id_fkey REFERENCES users (id) ON DELETE SET NULL,
    target_type TEXT NOT NULL CONSTRAINT reports_target_type_check
        CHECK (target_type IN ('user', 'message', 'conversation', 'post', 'comment')),
    target_id {uuid} NOT NULL,
    reason TEXT NOT NULL CONSTRAINT reports_reason_check
        CHECK (reason IN ('spam', 'harassment', 'inappropriate_content', 'fake_profile', 'other')),
    description TEXT,
    status TEXT NOT NULL DEFAULT 'pending'
        CONSTRAINT reports_status_check CHECK (status IN ('pending', 'reviewed', 'resolved', 'dismissed')),
    reviewed_by {uuid} CONSTRAINT reports_reviewed_by_fkey REFERENCES users (id) ON DELETE SET NULL,
    reviewed_at {timestamp},
    created_at {timestamp} NOT NULL,
    updated_at {timestamp} NOT NULL
){strict};
CREATE INDEX reports_reporter_id_idx ON reports (reporter_id);
CREATE INDEX reports_reviewed_by_idx ON reports (reviewed_by);
CREATE INDEX reports_status_idx ON reports (status, created_at);
CREATE INDEX reports_target_id_idx ON reports (target_id);
