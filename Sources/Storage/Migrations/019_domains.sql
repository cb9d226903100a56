-- What every call and every message writes costs less in PostgreSQL. SQLite compiles a check once for a statement; PostgreSQL
-- reads the text of each check of a table again whenever a statement writes to it, and keeps that of a domain. So the
-- enumerations of these tables become domains, with the same constraints under the same names.

{postgresql}CREATE DOMAIN call_mode AS TEXT CONSTRAINT calls_mode_check CHECK (VALUE IN ('direct', 'group'));
{postgresql}CREATE DOMAIN call_type AS TEXT CONSTRAINT calls_type_check CHECK (VALUE IN ('voice', 'video'));
{postgresql}CREATE DOMAIN call_status AS TEXT CONSTRAINT calls_status_check CHECK (VALUE IN ('initiated', 'ongoing',
{postgresql}    'completed', 'missed'));
{postgresql}CREATE DOMAIN call_media_path AS TEXT CONSTRAINT calls_media_path_check CHECK (VALUE IN ('peer', 'forwarded'));
{postgresql}CREATE DOMAIN call_end_reason AS TEXT CONSTRAINT calls_end_reason_check CHECK (VALUE IN ('no_answer', 'declined',
{postgresql}    'busy', 'cancelled', 'caller_disconnected', 'hangup', 'disconnected', 'ice_failed', 'alone', 'empty',
{postgresql}    'ended_by_host', 'max_duration', 'server_restart'));
{postgresql}ALTER TABLE calls
{postgresql}    DROP CONSTRAINT calls_mode_check, DROP CONSTRAINT calls_type_check, DROP CONSTRAINT calls_status_check,
{postgresql}    DROP CONSTRAINT calls_media_path_check, DROP CONSTRAINT calls_end_reason_check,
{postgresql}    ALTER COLUMN mode TYPE call_mode, ALTER COLUMN type TYPE call_type, ALTER COLUMN status TYPE call_status,
{postgresql}    ALTER COLUMN media_path TYPE call_media_path, ALTER COLUMN end_reason TYPE call_end_reason;

{postgresql}CREATE DOMAIN call_participant_status AS TEXT CONSTRAINT call_participants_status_check CHECK (VALUE IN (
{postgresql}    'ringing', 'connected', 'declined', 'left'));
{postgresql}CREATE DOMAIN call_leave_reason AS TEXT CONSTRAINT call_participants_leave_reason_check CHECK (VALUE IN (
{postgresql}    'declined', 'busy', 'no_answer', 'cancelled', 'call_ended', 'removed', 'hangup', 'disconnected', 'kicked',
{postgresql}    'ice_failed'));
{postgresql}CREATE DOMAIN call_participant_role AS TEXT CONSTRAINT call_participants_role_check CHECK (VALUE IN ('host',
{postgresql}    'co_host', 'participant'));
{postgresql}CREATE DOMAIN call_participant_standing AS TEXT CONSTRAINT call_participants_standing_check CHECK (VALUE IN (
{postgresql}    'member', 'guest', 'former'));
{postgresql}ALTER TABLE call_participants
{postgresql}    DROP CONSTRAINT call_participants_status_check, DROP CONSTRAINT call_participants_leave_reason_check,
{postgresql}    DROP CONSTRAINT call_participants_role_check, DROP CONSTRAINT call_participants_standing_check,
{postgresql}    ALTER COLUMN status TYPE call_participant_status, ALTER COLUMN leave_reason TYPE call_leave_reason,
{postgresql}    ALTER COLUMN role TYPE call_participant_role, ALTER COLUMN standing TYPE call_participant_standing;

{postgresql}CREATE DOMAIN message_type AS TEXT CONSTRAINT messages_type_check CHECK (VALUE IN ('text', 'image', 'file',
{postgresql}    'voice', 'video', 'sticker', 'system'));
{postgresql}CREATE DOMAIN message_status AS TEXT CONSTRAINT messages_status_check CHECK (VALUE IN ('sent', 'delivered',
{postgresql}    'read'));
{postgresql}ALTER TABLE messages
{postgresql}    DROP CONSTRAINT messages_type_check, DROP CONSTRAINT messages_status_check,
{postgresql}    ALTER COLUMN type TYPE message_type, ALTER COLUMN status TYPE message_status;

{postgresql}CREATE DOMAIN conversation_type AS TEXT CONSTRAINT conversations_type_check CHECK (VALUE IN ('direct', 'group'));
{postgresql}ALTER TABLE conversations
{postgresql}    DROP CONSTRAINT conversations_type_check, ALTER COLUMN type TYPE conversation_type;
