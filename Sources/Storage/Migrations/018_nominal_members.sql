-- Members in name only: who is put into a group by somebody whom they have blocked, and would be a member without the block.

-- As what the group's members see whoever is invited: NULL as invited, else as a member of this role.
ALTER TABLE group_invitations ADD COLUMN shown_role TEXT
    CONSTRAINT group_invitations_shown_role_check CHECK (shown_role IN ('admin', 'member'));
