-- Posts, what others say of them, who follows whom, and the figures of a day.

CREATE TABLE posts (
    id {uuid} NOT NULL CONSTRAINT posts_pkey PRIMARY KEY,
    user_id {uuid} NOT NULL CONSTRAINT posts_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    content TEXT NOT NULL,
    image_urls {json},
    is_deleted {boolean} NOT NULL DEFAULT FALSE,
    created_at {timestamp} NOT NULL,
    updated_at {timestamp} NOT NULL
){strict};
CREATE INDEX posts_user_id_idx ON posts (user_id, created_at);
CREATE INDEX posts_created_at_idx ON posts (created_at);

CREATE TABLE likes (
    id {uuid} NOT NULL CONSTRAINT likes_pkey PRIMARY KEY,
    user_id {uuid} NOT NULL CONSTRAINT likes_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    post_id {uuid} NOT NULL CONSTRAINT likes_post_id_fkey REFERENCES posts (id) ON DELETE CASCADE,
    created_at {timestamp} NOT NULL
){strict};
CREATE UNIQUE INDEX likes_user_id_post_id_key ON likes (user_id, post_id);
CREATE INDEX likes_post_id_idx ON likes (post_id);

CREATE TABLE comments (
    id {uuid} NOT NULL CONSTRAINT comments_pkey PRIMARY KEY,
    user_id {uuid} NOT NULL CONSTRAINT comments_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    post_id {uuid} NOT NULL CONSTRAINT comments_post_id_fkey REFERENCES posts (id) ON DELETE CASCADE,
    content TEXT NOT NULL,
    parent_comment_id {uuid}
        CONSTRAINT comments_parent_comment_id_fkey REFERENCES comments (id) ON DELETE CASCADE,
    is_deleted {boolean} NOT NULL DEFAULT FALSE,
    created_at {timestamp} NOT NULL,
    updated_at {timestamp} NOT NULL
){strict};
CREATE INDEX comments_user_id_idx ON comments (user_id);
CREATE INDEX comments_post_id_idx ON comments (post_id, created_at);
CREATE INDEX comments_parent_comment_id_idx ON comments (parent_comment_id);

CREATE TABLE follows (
    id {uuid} NOT NULL CONSTRAINT follows_pkey PRIMARY KEY,
    follower_id {uuid} NOT NULL CONSTRAINT follows_follower_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    following_id {uuid} NOT NULL CONSTRAINT follows_following_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    created_at {timestamp} NOT NULL,
    CONSTRAINT follows_self_check CHECK (follower_id <> following_id)
){strict};
CREATE UNIQUE INDEX follows_follower_id_following_id_key ON follows (follower_id, following_id);
CREATE INDEX follows_following_id_idx ON follows (following_id);

CREATE TABLE app_statistics (
    id {serial} CONSTRAINT app_statistics_pkey PRIMARY KEY,
    date {date} NOT NULL,
    active_users {integer} NOT NULL DEFAULT 0,
    new_users {integer} NOT NULL DEFAULT 0,
    total_messages {integer} NOT NULL DEFAULT 0,
    total_calls {integer} NOT NULL DEFAULT 0,
    total_call_seconds {integer} NOT NULL DEFAULT 0,
    total_posts {integer} NOT NULL DEFAULT 0,
    total_likes {integer} NOT NULL DEFAULT 0,
    total_comments {integer} NOT NULL DEFAULT 0,
    created_at {timestamp} NOT NULL
){strict};
CREATE UNIQUE INDEX app_statistics_date_key ON app_statistics (date);
