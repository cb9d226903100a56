-- What is still to be told to the operator's own services, and for a day what was told.

CREATE TABLE outbox (
    -- The order in which things happened.
    number {serial} CONSTRAINT outbox_pkey PRIMARY KEY,
    -- Names the delivery for the receiver; the same in each attempt.
    id {uuid} NOT NULL,
    channel TEXT NOT NULL CONSTRAINT outbox_channel_check CHECK (channel IN ('webhook', 'push')),
    -- What is told one after the other: the events of a call, the pushes of a call to one user.
    stream {key} NOT NULL,
    kind TEXT NOT NULL,
    -- JSON, as it is sent. A push has no devices in it: they are looked up when it is sent.
    body TEXT NOT NULL,
    created_at {timestamp} NOT NULL,
    -- When it is to be sent, or sent again.
    due_at {timestamp} NOT NULL,
    -- When it is given up.
    expires_at {timestamp} NOT NULL,
    -- How often sending was begun.
    attempts {integer} NOT NULL DEFAULT 0,
    -- The lease of whoever is sending it. Ends by itself, so what a killed server was sending is sent again.
    claim {uuid},
    claimed_until {timestamp},
    finished_at {timestamp},
    outcome TEXT CONSTRAINT outbox_outcome_check CHECK (outcome IN (
        'delivered', 'given_up', 'expired', 'superseded', 'unneeded')),
    CONSTRAINT outbox_finished_check CHECK ((finished_at IS NULL) = (outcome IS NULL)),
    CONSTRAINT outbox_claim_check CHECK ((claim IS NULL) = (claimed_until IS NULL))
){strict};
CREATE INDEX outbox_due_idx ON outbox (channel, due_at) WHERE finished_at IS NULL;
CREATE INDEX outbox_stream_idx ON outbox (stream, number);
CREATE INDEX outbox_finished_at_idx ON outbox (finished_at) WHERE finished_at IS NOT NULL;

-- A push token is one installation's, whoever is signed in there.
CREATE INDEX sessions_push_token_idx ON sessions (push_token) WHERE push_token IS NOT NULL;
