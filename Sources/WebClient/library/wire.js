/// <reference path="./wire-schema.d.ts" />
// Reading and making the JSON form of the wire schema. Fields with default values are left out on the
// wire, so everything here accepts their absence.

/**
 * A new random UUID (version 4). Works outside secure contexts too, where `crypto.randomUUID` is missing.
 * @returns {string}
 */
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/**
 * Text without halves of surrogate pairs: U+FFFD stands for each. A half comes from a program that has cut an emoji in
 * two; no encoding of the wire has a form for it, and the server refuses what has one.
 * @param {string} text
 * @returns {string}
 */
export function wellFormed(text) {
  // Safari 16.4, Chrome 111 and Firefox 119 are the first that know the method.
  const { toWellFormed } = /** @type {String & {toWellFormed?: () => string}} */ (text);
  if (toWellFormed) return toWellFormed.call(text);
  return text.replace(/\p{Surrogate}/gu, "\ufffd");
}

/**
 * What goes to the server, as JSON.
 * @param {object} message
 * @returns {string}
 */
export function encode(message) {
  return JSON.stringify(message, (_, value) => (typeof value === "string" ? wellFormed(value) : value));
}

/**
 * A 64-bit number of the wire: a decimal string, a number, or nothing, which means 0.
 * @param {string | number | undefined} value
 * @returns {bigint}
 */
export function uint64(value) {
  try {
    return BigInt(value ?? 0);
  } catch {
    return 0n;
  }
}

/**
 * Whether the call still rings or goes on.
 * @param {Wire.Call | undefined} call
 */
export function isOpen(call) {
  return call?.status === "CALL_STATUS_INITIATED" || call?.status === "CALL_STATUS_ONGOING";
}

/**
 * A user's own part in a call.
 * @param {Wire.Call | undefined} call
 * @param {string | undefined} userId
 * @returns {Wire.CallParticipant | undefined}
 */
export function participantOf(call, userId) {
  return call?.participants?.find((participant) => participant.user?.id === userId);
}

/**
 * The other side of a direct call.
 * @param {Wire.Call | undefined} call
 * @param {string | undefined} userId who asks
 * @returns {Wire.CallParticipant | undefined}
 */
export function peerOf(call, userId) {
  return call?.participants?.find((participant) => participant.user?.id !== userId);
}

/**
 * Whether a call rings for this user now.
 * @param {Wire.Call | undefined} call
 * @param {string | undefined} userId
 */
export function isRingingFor(call, userId) {
  return isOpen(call) && participantOf(call, userId)?.status === "PARTICIPANT_STATUS_RINGING";
}

/**
 * Whether this device is the one that is in the call for this user.
 * @param {Wire.Call | undefined} call
 * @param {string | undefined} userId
 * @param {string} deviceId
 */
export function isConnectedHere(call, userId, deviceId) {
  const own = participantOf(call, userId);
  return isOpen(call) && own?.status === "PARTICIPANT_STATUS_CONNECTED" && own.deviceId === deviceId;
}

/**
 * Whether another device of this user is in the call.
 * @param {Wire.Call | undefined} call
 * @param {string | undefined} userId
 * @param {string} deviceId
 */
export function isConnectedElsewhere(call, userId, deviceId) {
  const own = participantOf(call, userId);
  return (
    isOpen(call) && own?.status === "PARTICIPANT_STATUS_CONNECTED" && !!own.deviceId && own.deviceId !== deviceId
  );
}

/**
 * A name for this device that people recognise: "Firefox on Linux".
 * @param {string} [userAgent]
 */
export function describeDevice(userAgent = globalThis.navigator?.userAgent ?? "") {
  /** @param {[RegExp, string][]} names */
  const firstIn = (names) => names.find(([pattern]) => pattern.test(userAgent))?.[1];
  const browser =
    firstIn([
      [/Edg\//, "Edge"],
      [/OPR\//, "Opera"],
      [/Firefox\//, "Firefox"],
      [/Chrome\//, "Chrome"],
      [/Safari\//, "Safari"],
    ]) ?? "Browser";
  const system =
    firstIn([
      [/iPhone|iPad/, "iOS"],
      [/Android/, "Android"],
      [/Windows/, "Windows"],
      [/Mac OS X/, "macOS"],
      [/CrOS/, "ChromeOS"],
      [/Linux/, "Linux"],
    ]) ?? "";
  return system ? `${browser} on ${system}` : browser;
}
