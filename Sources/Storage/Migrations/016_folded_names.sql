-- Names that differ only by characters that cannot be seen.

-- The display name in lower case, with all its characters; from now on `search_name` is the same without those that cannot
-- be seen. NULL where an older program stored the name, until the server works both out at its next start.
ALTER TABLE users ADD COLUMN folded_name {key};
DROP INDEX users_search_name_idx;
CREATE INDEX users_search_name_idx ON users (search_name, folded_name);
CREATE INDEX users_unfolded_idx ON users (id) WHERE folded_name IS NULL;
