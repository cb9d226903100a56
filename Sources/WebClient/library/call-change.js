// What of a call has changed, and the call with it. Pure.

/** What only shows of a participant. */
const shownFields = /** @type {const} */ (["alerted", "reconnecting", "media", "onHold", "handRaisedAt"]);
/** What a call itself is. */
const stateFields = /** @type {const} */ ([
  "status",
  "answeredAt",
  "endedAt",
  "endReason",
  "ringExpiresAt",
  "mode",
  "locked",
]);

/**
 * `object` with these fields of `other`, those that are absent there left out.
 * @template {object} Whole
 * @template {keyof Whole} Field
 * @param {Whole} object
 * @param {readonly Field[]} fields
 * @param {Pick<Whole, Field>} other
 * @returns {Whole}
 */
function withFields(object, fields, other) {
  const result = { ...object };
  for (const field of fields) {
    if (other[field] === undefined) delete result[field];
    else result[field] = other[field];
  }
  return result;
}

/**
 * The call with a change of it that fits: one whose `baseRevision` the call has reached. `call` stays as it is.
 * @param {Wire.Call} call
 * @param {Wire.CallChanged} change
 * @returns {Wire.Call}
 */
export function withChange(call, change) {
  const changed = { ...(change.state ? withFields(call, stateFields, change.state) : call), revision: change.revision };
  const idOf = (/** @type {Wire.CallParticipant} */ { user }) => user?.id;
  const whole = new Map((change.participants ?? []).map((participant) => [idOf(participant), participant]));
  const shown = new Map((change.shown ?? []).map((participant) => [participant.userId, participant]));
  const known = (call.participants ?? []).map((participant) => {
    const id = idOf(participant);
    const only = shown.get(id);
    return whole.get(id) ?? (only ? withFields(participant, shownFields, only) : participant);
  });
  const knownIds = new Set(known.map(idOf));
  changed.participants = [...known, ...[...whole.values()].filter((participant) => !knownIds.has(idOf(participant)))];
  if (change.screenShares) changed.screenShares = change.screenShares.shares ?? [];
  if (change.joinRequests) changed.joinRequests = change.joinRequests.users ?? [];
  return changed;
}
