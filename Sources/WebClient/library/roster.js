// Who is in a call, what they may do to each other, and whose media go where. Pure.

import { isOpen, participantOf } from "./wire.js";

/** So many people at most send their media to each other directly; beyond that the first ones do. */
export const meshLimit = 4;

/**
 * Whether a call is one among many.
 * @param {Wire.Call | null | undefined} call
 */
export function isGroupCall(call) {
  return call?.mode === "CALL_MODE_GROUP";
}

/**
 * Whether a participant is in the call now.
 * @param {Wire.CallParticipant | undefined} participant
 */
export function isInCall(participant) {
  return participant?.status === "PARTICIPANT_STATUS_CONNECTED";
}

/** @param {Wire.CallParticipant} participant */
const joinTime = (participant) => Date.parse(participant.joinedAt ?? "") || 0;

/**
 * Those who are in the call, who came first first: in the same order at everybody.
 * @param {Wire.Call | null | undefined} call
 */
function inOrderOfJoining(call) {
  return (call?.participants ?? [])
    .filter(isInCall)
    .sort((left, right) => joinTime(left) - joinTime(right) || (left.user.id < right.user.id ? -1 : 1));
}

/**
 * One line of {@link rosterOf}.
 * @typedef {object} RosterEntry
 * @property {Wire.User} user
 * @property {boolean} isMe
 * @property {"in" | "ringing" | "out"} presence `ringing`: is being called; `out`: declined or left
 * @property {"host" | "coHost" | "participant"} role
 * @property {boolean} muted
 * @property {boolean} camera
 * @property {boolean} sharing
 * @property {boolean} onHold
 * @property {boolean} handRaised
 * @property {boolean} reconnecting
 * @property {boolean} alerted whether one of their devices rings
 * @property {Wire.LeaveReason | ""} leaveReason of those who are out
 */

/** @type {Partial<Record<Wire.ParticipantRole, "host" | "coHost">>} */
const roles = { PARTICIPANT_ROLE_HOST: "host", PARTICIPANT_ROLE_CO_HOST: "coHost" };

/**
 * Whether a participant is host or co-host.
 * @param {Wire.CallParticipant | undefined} participant
 */
function isHosting(participant) {
  return !!participant?.role && participant.role in roles;
}

/**
 * Everybody in a call, as a page lists them: oneself, the others as they came, who is being called, who is out.
 * @param {Wire.Call | null | undefined} call
 * @param {string | undefined} me
 * @returns {RosterEntry[]}
 */
export function rosterOf(call, me) {
  const all = call?.participants ?? [];
  const joined = inOrderOfJoining(call);
  const ringing = all.filter(({ status }) => status === "PARTICIPANT_STATUS_RINGING");
  const out = all.filter((participant) => !joined.includes(participant) && !ringing.includes(participant));
  /** @type {[RosterEntry["presence"], Wire.CallParticipant][]} */
  const presences = [];
  for (const participant of joined) presences.push(["in", participant]);
  for (const participant of ringing) presences.push(["ringing", participant]);
  for (const participant of out) presences.push(["out", participant]);
  const sharers = new Set((call?.screenShares ?? []).map(({ sharerId }) => sharerId));
  return presences
    .map(/** @returns {RosterEntry} */ ([presence, participant]) => ({
      user: participant.user,
      isMe: participant.user.id === me,
      presence,
      role: (participant.role && roles[participant.role]) ?? "participant",
      muted: presence === "in" && !participant.media?.microphone,
      camera: presence === "in" && !!participant.media?.camera,
      sharing: sharers.has(participant.user.id),
      onHold: !!participant.onHold,
      handRaised: !!participant.handRaisedAt,
      reconnecting: !!participant.reconnecting,
      alerted: !!participant.alerted,
      leaveReason: presence === "out" ? (participant.leaveReason ?? "") : "",
    }))
    .sort((left, right) => Number(right.isMe) - Number(left.isMe));
}

/**
 * What somebody may do to a group call as a whole; the server checks it again.
 * @param {Wire.Call | null | undefined} call
 * @param {string | undefined} me
 * @returns {{add: boolean, lock: boolean, admit: boolean, muteAll: boolean, end: boolean}}
 */
export function callPowers(call, me) {
  const own = participantOf(call ?? undefined, me);
  const isIn = isOpen(call ?? undefined) && isInCall(own);
  const isGroup = isGroupCall(call);
  const hosts = isIn && isGroup && isHosting(own);
  const goesOn = call?.status === "CALL_STATUS_ONGOING" || isGroup;
  return {
    add: isIn && goesOn && (!call?.locked || hosts),
    lock: hosts,
    admit: hosts,
    muteAll: hosts,
    end: hosts && own?.role === "PARTICIPANT_ROLE_HOST",
  };
}

/**
 * What somebody may do to one participant.
 * @typedef {"mute" | "stopCamera" | "stopScreen" | "lowerHand" | "makeHost" | "makeCoHost" | "makeParticipant"
 *   | "ringAgain" | "remove" | "bar"} Power
 */

/**
 * What somebody may do to another participant of a group call now; the server checks it again.
 * @param {Wire.Call | null | undefined} call
 * @param {string | undefined} me
 * @param {string} userId the other
 * @returns {Power[]}
 */
export function powersOver(call, me, userId) {
  const own = participantOf(call ?? undefined, me);
  const other = rosterOf(call, me).find(({ user }) => user.id === userId);
  if (!call || !isGroupCall(call) || !isOpen(call) || !isInCall(own) || !other || other.isMe) return [];
  const isHost = own?.role === "PARTICIPANT_ROLE_HOST";
  const hosts = isHosting(own);
  const isBarred = other.leaveReason === "LEAVE_REASON_KICKED";
  const mayRing = callPowers(call, me).add && (!isBarred || hosts);
  if (other.presence === "out") return mayRing ? ["ringAgain"] : [];
  if (!hosts || (other.role === "host" && !isHost)) return [];
  if (other.presence === "ringing") return ["remove", "bar"];
  /** @type {[Power, boolean][]} */
  const powers = [
    ["mute", !other.muted],
    ["stopCamera", other.camera],
    ["stopScreen", other.sharing],
    ["lowerHand", other.handRaised],
    ["makeHost", isHost],
    ["makeCoHost", isHost && other.role === "participant"],
    ["makeParticipant", isHost && other.role === "coHost"],
    ["remove", true],
    ["bar", true],
  ];
  return powers.filter(([, isThere]) => isThere).map(([power]) => power);
}

/**
 * Who waits to be let in, for those who can let them in; nobody for the others.
 * @param {Wire.Call | null | undefined} call
 * @param {string | undefined} me
 * @returns {Wire.User[]}
 */
export function lobbyOf(call, me) {
  return callPowers(call, me).admit ? (call?.joinRequests ?? []) : [];
}

/**
 * Whether somebody waits to be let in.
 * @param {Wire.Call | null | undefined} call
 * @param {string | undefined} me
 */
export function waitsInLobby(call, me) {
  return isOpen(call ?? undefined) && (call?.joinRequests ?? []).some(({ id }) => id === me);
}

/**
 * Whether somebody who declined or left may come into the call, or ask for it.
 * @param {Wire.Call | undefined} call
 * @param {string | undefined} me
 */
export function canJoin(call, me) {
  if (!isOpen(call) || !isGroupCall(call)) return false;
  const own = participantOf(call, me);
  const isOut = own?.status === "PARTICIPANT_STATUS_DECLINED" || own?.status === "PARTICIPANT_STATUS_LEFT";
  return isOut && own?.leaveReason !== "LEAVE_REASON_KICKED";
}

/**
 * The users with whom this one exchanges media directly. In a direct call the other side, from the ringing on; in a
 * group call whoever else is in it, within {@link meshLimit}; nobody where the server forwards the media.
 * @param {Wire.Call} call
 * @param {string | undefined} me
 * @returns {string[]}
 */
export function mediaPeers(call, me) {
  if (!isOpen(call)) return [];
  const others = (/** @type {string[]} */ ids) => ids.filter((id) => id !== me);
  if (!isGroupCall(call)) return others((call.participants ?? []).map(({ user }) => user.id));
  if (call.mediaPath === "MEDIA_PATH_FORWARDED") return [];
  const first = inOrderOfJoining(call)
    .slice(0, meshLimit)
    .map(({ user }) => user.id);
  return me !== undefined && first.includes(me) ? others(first) : [];
}

/**
 * The role in perfect negotiation with somebody: in a direct call as the server gave it; between two participants of
 * a group call the one with the smaller id is impolite.
 * @param {Wire.Call | null} call
 * @param {string | undefined} me
 * @param {string} userId
 */
export function isPolite(call, me, userId) {
  if (isGroupCall(call)) return (me ?? "") > userId;
  return participantOf(call ?? undefined, me)?.polite ?? false;
}
