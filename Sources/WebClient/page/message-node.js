// One message on the page, and the days between messages.

import { uint64 } from "../library/ringback.js";
import { el } from "./dom.js";
import { dayLabel, nameOf, timeOfDay } from "./format.js";
import { messageLine } from "./sentences.js";

/**
 * What of a message is drawn.
 * @typedef {Pick<Wire.Message, "senderId" | "createdAt" | "body" | "type" | "call" | "seq">} Shown
 */

/** Messages of one person this close together stand together, in milliseconds. */
const togetherMs = 5 * 60_000;

const timeOf = (/** @type {Shown} */ message) => new Date(message.createdAt ?? NaN);

/**
 * Whether a message stands together with the one before it.
 * @param {Shown} message
 * @param {Shown | null} before
 */
export function continues(message, before) {
  return (
    !!before &&
    before.senderId === message.senderId &&
    timeOf(message).getTime() - timeOf(before).getTime() < togetherMs
  );
}

/**
 * What the day of a message is called.
 * @param {Shown} message
 */
export function dayOf(message) {
  return dayLabel(timeOf(message));
}

/**
 * The line above the messages of a day.
 * @param {string} day
 */
export function dayLine(day) {
  return el("div", { class: "day" }, el("span", { text: day }));
}

/**
 * @param {Shown} message as on the wire, or on its way
 * @param {object} around
 * @param {string} around.me whose page it is
 * @param {Wire.Conversation | null} around.group the conversation, where there are names to be told
 * @param {boolean} around.isContinued whether it stands together with the one before it
 * @param {import("./thread-log.js").Unsent} [around.unsent] how it is on its way
 * @param {() => void} around.onRetry
 */
export function messageNode(message, { me, group, isContinued, unsent, onRetry }) {
  const time = timeOf(message);
  if (message.type === "MESSAGE_TYPE_SYSTEM" || !message.senderId) {
    const text = `${messageLine(message, me)} · ${timeOfDay(time)}`;
    return el("div", { class: "system", text, testid: message.call ? "call-line" : "system-line" });
  }
  const mine = message.senderId === me;
  const sender = group?.members?.find((member) => member.id === message.senderId);
  const node = el(
    "div",
    {},
    group && !mine && !isContinued && el("span", { class: "sender", text: nameOf(sender) }),
    el("p", { class: "body", dir: "auto", text: message.body ?? "" }),
    unsent?.failed ? failure(unsent.failed, onRetry) : timeNode(time, message.createdAt, unsent),
  );
  const state = unsent?.failed ? "failed" : unsent ? "pending" : "";
  node.className = ["message", mine ? "mine" : "theirs", isContinued && "continues", state].filter(Boolean).join(" ");
  node.dataset.testid = unsent ? "message-unsent" : "message";
  if (message.seq) node.dataset.seq = String(uint64(message.seq));
  return node;
}

/**
 * @param {Date} time
 * @param {string | undefined} datetime
 * @param {import("./thread-log.js").Unsent | undefined} unsent
 */
function timeNode(time, datetime, unsent) {
  return el("time", { datetime, text: unsent ? "Sending…" : timeOfDay(time), title: time.toLocaleString() });
}

/** @param {string} why @param {() => void} onRetry */
function failure(why, onRetry) {
  const again = { type: "button", class: "link", text: "Send again", testid: "message-retry", on: { click: onRetry } };
  return el("p", { class: "failure", role: "alert" }, el("span", { text: `Not sent. ${why} ` }), el("button", again));
}
