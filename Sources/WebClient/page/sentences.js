// Everything that goes wrong or ends, in sentences that say what to do. Pure.

import { isGroupCall } from "../library/roster.js";
import { isOpen, participantOf } from "../library/wire.js";
import { nameOf, roughDuration } from "./format.js";

/** @type {Record<string, string>} */
const general = {
  OFFLINE: "The server cannot be reached. Check your connection and try again.",
  TIMEOUT: "The server did not answer in time. Try again in a moment.",
  CLOSED: "You are not connected. Reload the page.",
  UNAVAILABLE: "The server is temporarily unavailable. Try again in a moment.",
  INTERNAL: "Something went wrong on the server. Try again. If it happens again, tell the administrator.",
  UNSUPPORTED: "This server does not support that. Reload the page to get the matching version.",
  UNAUTHENTICATED: "You are signed out. Sign in again.",
  FORBIDDEN: "You are not allowed to do that.",
  NOT_FOUND: "That no longer exists. Reload the page.",
  CONFLICT: "Something has changed in the meantime. Check it and try again.",
  TOO_LARGE: "That is too long. Make it shorter and try again.",
  CALL_ENDED: "The call is over.",
  ANSWERED_ELSEWHERE: "You answered on another device.",
  BUSY_HERE: "You are in a call. Hang up first.",
  NO_MICROPHONE:
    "Ringback cannot use the microphone. Allow it in the address bar, make sure it is plugged in, and try again.",
  NO_CAMERA: "Ringback cannot use the camera. Allow it in the address bar and make sure nothing else is using it.",
  NO_SCREEN: "The screen was not shared. Choose a window or a screen to share it.",
  INSECURE_CONTEXT: "Calls need a secure address: open Ringback over https, or as localhost on this machine.",
  MEDIA_FAILED: "Audio and video could not get through. Try again, or from another network.",
};

const particular = {
  login: {
    UNAUTHENTICATED: "Wrong username or password. Check both and try again.",
    INVALID: "Enter your username and your password.",
  },
  register: {
    CONFLICT: "This username is taken. Choose another one.",
    FORBIDDEN: "This server does not accept new accounts. Ask the administrator.",
  },
  message: {
    TOO_LARGE: "This message is too long. Send it in parts.",
    FORBIDDEN: "You cannot write in this conversation.",
  },
  call: {
    NOT_FOUND: "This person can no longer be called.",
    CONFLICT: "There is a call already. Hang up first.",
    FORBIDDEN: "You cannot call this person.",
  },
  groupCall: {
    NOT_FOUND: "Nobody in this group can be called.",
    CONFLICT: "There is a call already. Hang up first.",
    FORBIDDEN: "Nobody in this group can be called.",
  },
  group: {
    NOT_FOUND: "They are no longer in the call.",
    CONFLICT: "That is not possible in this call now.",
    FORBIDDEN: "Only a host of the call can do that.",
  },
  add: {
    NOT_FOUND: "None of them can be called.",
    CONFLICT: "Nobody can be added to this call now.",
    FORBIDDEN: "They cannot be added to this call, or only a host can add people.",
  },
  invitation: {
    NOT_FOUND: "This invitation was withdrawn, or answered on another device.",
    CONFLICT: "The group is full. Ask its owner to make room.",
  },
  contact: {
    NOT_FOUND: "This request or person no longer exists.",
    CONFLICT: "That is not possible: you have blocked them, or your list is full.",
  },
  share: {
    CONFLICT: "Somebody is already sharing a screen. Wait until they stop.",
    FORBIDDEN: "Screen sharing is not allowed in this call.",
  },
};

/** @typedef {keyof typeof particular} Context what was tried */
/** @typedef {import("../library/errors.js").RingbackError} RingbackError */

/**
 * An error as a sentence.
 * @param {unknown} thrown what the library or the browser threw
 * @param {Context} [context] what was tried
 */
export function errorSentence(thrown, context) {
  const error = thrown instanceof Error ? /** @type {Partial<RingbackError>} */ (thrown) : null;
  const code = error?.code ?? "INTERNAL";
  if (code === "RATE_LIMITED") {
    const seconds = Math.ceil((error?.retryAfterMs ?? 0) / 1000);
    // Only what is counted by the day takes so long.
    if (seconds > 7200) return `You have reached the limit for a day. Try again in ${roughDuration(seconds)}.`;
    if (seconds > 90) return `Too many attempts. Try again in ${Math.ceil(seconds / 60)} minutes.`;
    return `Too many attempts. Try again in ${seconds > 1 ? `${seconds} seconds` : "a moment"}.`;
  }
  /** @type {Record<string, string>} */
  const here = context ? particular[context] : {};
  const known = here[code] ?? general[code];
  if (known) return known;
  // INVALID names the field at fault better than any sentence made here.
  return error?.message ? error.message.replace(/[^.!?]$/, "$&.") : general.INTERNAL;
}

/**
 * The line that a call leaves in its conversation: "Missed voice call", "Video call, 3 min".
 * @param {Wire.CallSummary} call
 * @param {string} me
 */
export function callLine(call, me) {
  const kind = call.type === "CALL_TYPE_VIDEO" ? "video call" : "voice call";
  if (call.status === "CALL_STATUS_COMPLETED") {
    return `${kind[0].toUpperCase()}${kind.slice(1)}, ${roughDuration(call.durationSeconds ?? 0)}`;
  }
  if (call.endReason === "CALL_END_REASON_DECLINED") return `Declined ${kind}`;
  if (call.initiatorId !== me) return `Missed ${kind}`;
  if (call.endReason === "CALL_END_REASON_CANCELLED") return `Cancelled ${kind}`;
  if (call.endReason === "CALL_END_REASON_BUSY") return `Busy: ${kind}`;
  return `Unanswered ${kind}`;
}

/**
 * Who invites into a group, and how large it is.
 * @param {Pick<Wire.GroupInvitation, "inviter" | "memberCount">} invitation
 */
export function invitationLine({ inviter, memberCount = 0 }) {
  return `${nameOf(inviter)} invites you · ${memberCount === 1 ? "1 member" : `${memberCount} members`}`;
}

/**
 * What to show of a message in one line.
 * @param {Pick<Wire.Message, "call" | "body">} message
 * @param {string} me
 */
export function messageLine(message, me) {
  return message.call ? callLine(message.call, me) : (message.body ?? "");
}

/**
 * Where a call among many came to nothing, it was not for one person's sake.
 * @type {Partial<Record<Wire.CallEndReason, string>>}
 */
const groupEnds = {
  CALL_END_REASON_NO_ANSWER: "Nobody answered.",
  CALL_END_REASON_DECLINED: "Everybody declined the call.",
  CALL_END_REASON_BUSY: "Everybody is in another call. Try again later.",
};

/**
 * Why a call ended, for the one who reads it.
 * @param {Wire.Call} call
 * @param {string} me
 * @param {string} peer a name
 */
export function callEndSentence(call, me, peer) {
  const mine = call.initiatorId === me;
  const together = mine && isGroupCall(call) && call.endReason && groupEnds[call.endReason];
  if (together) return together;
  switch (call.endReason) {
    case "CALL_END_REASON_NO_ANSWER":
      return mine ? `${peer} did not answer.` : `You missed a call from ${peer}.`;
    case "CALL_END_REASON_DECLINED":
      return mine ? `${peer} declined the call.` : "You declined the call.";
    case "CALL_END_REASON_BUSY":
      return mine ? `${peer} is in another call. Try again later.` : `${peer} called while you were in another call.`;
    case "CALL_END_REASON_CANCELLED":
      return mine ? "You cancelled the call." : `${peer} hung up before you answered.`;
    case "CALL_END_REASON_CALLER_DISCONNECTED":
      return mine ? "Your connection was lost before the call was answered." : `${peer} lost connection before you answered.`;
    case "CALL_END_REASON_HANGUP": {
      const left = participantOf(call, me)?.leaveReason === "LEAVE_REASON_HANGUP";
      return left ? "You hung up." : `${peer} hung up.`;
    }
    case "CALL_END_REASON_DISCONNECTED": {
      const own = participantOf(call, me)?.leaveReason === "LEAVE_REASON_DISCONNECTED";
      return own ? "Your connection was lost for too long." : `${peer} lost connection.`;
    }
    case "CALL_END_REASON_ICE_FAILED":
      return general.MEDIA_FAILED;
    case "CALL_END_REASON_MAX_DURATION":
      return "The call reached the maximum duration on this server. Call again to continue.";
    case "CALL_END_REASON_SERVER_RESTART":
      return "The server restarted and the call could not continue. Call again.";
    case "CALL_END_REASON_ALONE":
      return "Only one person was left in the call for too long.";
    case "CALL_END_REASON_EMPTY":
      return "Everybody has left the call.";
    case "CALL_END_REASON_ENDED_BY_HOST":
      return "The host ended the call for everybody.";
    default:
      return "The call is over.";
  }
}

/**
 * Why somebody is out of a group call that goes on, for themselves.
 * @param {Wire.Call} call
 * @param {string} me
 */
export function leaveSentence(call, me) {
  switch (participantOf(call, me)?.leaveReason) {
    case "LEAVE_REASON_REMOVED":
      return "A host removed you from the call. You can join again.";
    case "LEAVE_REASON_KICKED":
      return "A host removed you from the call permanently.";
    case "LEAVE_REASON_DISCONNECTED":
      return "Your connection was lost for too long.";
    default:
      return "You left the call.";
  }
}

/**
 * Why this device's part in a call is over.
 * @param {import("../library/call-connection.js").CallEnd} end
 * @param {string} me
 * @param {string} peer a name
 * @param {boolean} [isGroup] whether it was one among many; where there is no call, the end does not tell
 */
export function endSentence(end, me, peer, isGroup = isGroupCall(end.call)) {
  switch (end.cause) {
    case "hangup":
      if (isGroup && end.call?.answeredAt) return "You left the call.";
      return end.call?.answeredAt ? "You hung up." : "You cancelled the call.";
    case "denied":
      return "A host did not let you in.";
    case "moved":
      return "The call continues on your other device.";
    case "elsewhere":
      return "You answered on another device.";
    case "error":
      return errorSentence(end.error, isGroup ? "groupCall" : "call");
    default:
      if (!end.call) return "The call is over.";
      return isOpen(end.call) ? leaveSentence(end.call, me) : callEndSentence(end.call, me, peer);
  }
}

/**
 * What a host has done to this device.
 * @param {Wire.Medium} medium
 * @param {string} host a name
 */
export function stoppedSentence(medium, host) {
  switch (medium) {
    case "MEDIUM_MICROPHONE":
      return `${host} muted you. Unmute when you want to speak.`;
    case "MEDIUM_CAMERA":
      return `${host} turned off your camera.`;
    default:
      return `${host} stopped your screen share.`;
  }
}

/**
 * What is to be said of somebody in the list of a call.
 * @param {import("../library/roster.js").RosterEntry} entry
 */
export function presenceWords(entry) {
  if (entry.presence === "ringing") return entry.alerted ? "Ringing…" : "Calling…";
  if (entry.presence === "out") {
    /** @type {Partial<Record<Wire.LeaveReason, string>>} */
    const words = {
      LEAVE_REASON_DECLINED: "Declined",
      LEAVE_REASON_BUSY: "In another call",
      LEAVE_REASON_NO_ANSWER: "No answer",
      LEAVE_REASON_DISCONNECTED: "Disconnected",
      LEAVE_REASON_REMOVED: "Removed",
      LEAVE_REASON_KICKED: "Removed permanently",
    };
    return (entry.leaveReason && words[entry.leaveReason]) || "Left";
  }
  const words = [
    { host: "Host", coHost: "Co-host", participant: "" }[entry.role],
    entry.reconnecting && "Reconnecting…",
    entry.onHold && "On hold",
    entry.handRaised && "Hand raised",
    entry.sharing && "Sharing the screen",
    entry.muted && "Muted",
  ];
  return words.filter(Boolean).join(" · ");
}

/**
 * What the buttons of a participant's menu say.
 * @type {Record<import("../library/roster.js").Power, string>}
 */
export const powerWords = {
  mute: "Mute",
  stopCamera: "Turn off camera",
  stopScreen: "Stop screen share",
  lowerHand: "Lower hand",
  makeHost: "Make host",
  makeCoHost: "Make co-host",
  makeParticipant: "Make participant",
  ringAgain: "Call again",
  remove: "Remove",
  bar: "Remove permanently",
};

/**
 * What is said of the things that can be done about somebody: in a menu, on a button of a list, and afterwards.
 * @type {Record<import("./contact-book.js").Verb, {menu: string, button: string, done: (name: string) => string}>}
 */
export const verbWords = {
  ask: {
    menu: "Add as contact",
    button: "Add",
    done: (name) => `Contact request sent to ${name}.`,
  },
  accept: { menu: "Accept contact request", button: "Accept", done: (name) => `${name} is now a contact.` },
  decline: {
    menu: "Decline contact request",
    button: "Decline",
    done: (name) => `You declined the request from ${name}. They are not told.`,
  },
  withdraw: {
    menu: "Withdraw contact request",
    button: "Withdraw",
    done: (name) => `You withdrew the request to ${name}.`,
  },
  remove: { menu: "Remove from contacts", button: "Remove", done: (name) => `${name} is no longer a contact.` },
  block: { menu: "Block…", button: "Block", done: (name) => `${name} is blocked.` },
  unblock: { menu: "Unblock", button: "Unblock", done: (name) => `${name} is no longer blocked.` },
};

/**
 * How things stand with somebody, in a word; empty for most.
 * @param {import("./contact-book.js").Standing} standing
 */
export function standingWord({ contact, blocked }) {
  if (blocked) return "Blocked";
  return { accepted: "Contact", requested: "Request sent", received: "Contact request", "": "" }[contact];
}

/**
 * Why it stopped ringing; empty when the person did it here.
 * @param {import("../library/switchboard.js").RingStop} reason
 * @param {string} peer a name
 */
export function ringStopSentence(reason, peer) {
  switch (reason) {
    case "RING_STOP_REASON_ANSWERED_ELSEWHERE":
      return `Answered on another device.`;
    case "RING_STOP_REASON_DECLINED_ELSEWHERE":
      return `Declined on another device.`;
    case "RING_STOP_REASON_CANCELLED":
      return `${peer} hung up before you answered.`;
    case "RING_STOP_REASON_NO_ANSWER":
      return `You missed a call from ${peer}.`;
    case "RING_STOP_REASON_CALLER_DISCONNECTED":
      return `${peer} lost connection before you answered.`;
    case "RING_STOP_REASON_REMOVED":
      return "A host stopped the call to you.";
    default:
      return "";
  }
}
