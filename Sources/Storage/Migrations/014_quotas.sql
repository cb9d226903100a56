-- How much of a day's quotas each user has taken.

CREATE TABLE daily_usage (
    user_id {uuid} NOT NULL CONSTRAINT daily_usage_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    -- Days since 1970-01-01, in UTC.
    day {integer} NOT NULL,
    kind TEXT NOT NULL,
    used {integer} NOT NULL CONSTRAINT daily_usage_used_check CHECK (used >= 0),
    CONSTRAINT daily_usage_pkey PRIMARY KEY (user_id, day, kind)
){strict};
