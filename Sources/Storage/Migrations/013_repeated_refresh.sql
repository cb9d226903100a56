-- The answer to a refresh may be lost. A repeat gives a second token beside the first, and the one that is used stays.
ALTER TABLE sessions ADD COLUMN repeated_refresh_token_hash TEXT;
