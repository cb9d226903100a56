-- What group calls keep: who may do what to the others, whom the call must stay hidden from, who was rung when.

-- Whether newcomers have to be admitted.
ALTER TABLE calls ADD COLUMN locked {boolean} NOT NULL DEFAULT FALSE;
ALTER TABLE call_participants ADD COLUMN role TEXT NOT NULL DEFAULT 'participant'
    CONSTRAINT call_participants_role_check CHECK (role IN ('host', 'co_host', 'participant'));
-- When the participant was last rung.
ALTER TABLE call_participants ADD COLUMN rung_at {timestamp};
-- Whether the participant must not hear of the call: the caller is blocked or not welcome.
ALTER TABLE call_participants ADD COLUMN hidden {boolean} NOT NULL DEFAULT FALSE;

UPDATE call_participants SET role = 'host'
WHERE user_id = (SELECT c.initiator_id FROM calls AS c WHERE c.id = call_participants.call_id);
UPDATE call_participants SET rung_at = (SELECT c.started_at FROM calls AS c WHERE c.id = call_participants.call_id)
WHERE role = 'participant';
