-- Who may call a user, and whether a second call rings during the first.

ALTER TABLE users ADD COLUMN call_waiting {boolean} NOT NULL DEFAULT FALSE;
ALTER TABLE users ADD COLUMN who_can_call TEXT NOT NULL DEFAULT 'everyone'
    CONSTRAINT users_who_can_call_check CHECK (who_can_call IN ('everyone', 'contacts', 'nobody'));
