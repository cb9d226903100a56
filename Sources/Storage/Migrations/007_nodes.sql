-- Nodes: the servers that share the database. A call has one owner at a time, by the owner's lease and epoch.

CREATE TABLE nodes (
    id {uuid} NOT NULL CONSTRAINT nodes_pkey PRIMARY KEY,
    -- Counts the starts, so that an earlier process of the same node can't write any more.
    epoch {integer} NOT NULL,
    started_at {timestamp} NOT NULL,
    -- The last sign of life.
    renewed_at {timestamp} NOT NULL,
    -- From then on other nodes may take over what this one owns.
    expires_at {timestamp} NOT NULL,
    CONSTRAINT nodes_epoch_check CHECK (epoch > 0)
){strict};

-- Who writes the call; of a call that is over, who wrote it last. A call of an earlier schema has no owner. There is no
-- foreign key: it would make every placed call lock its node's row.
ALTER TABLE calls ADD COLUMN owner_id {uuid};
ALTER TABLE calls ADD COLUMN owner_epoch {integer}
    CONSTRAINT calls_owner_check CHECK ((owner_id IS NULL) = (owner_epoch IS NULL));
