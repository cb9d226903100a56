// The call history, the newest first.

import { isGroupCall, participantOf, peerOf } from "../library/ringback.js";
import { avatar } from "./avatar.js";
import { callBackOf, callTitle, othersOf } from "./call-back.js";
import { byId, el, iconButton, toast } from "./dom.js";
import { duration, nameOf, when } from "./format.js";
import { icon } from "./icons.js";
import { callEndSentence, errorSentence } from "./sentences.js";

/** @type {Partial<Record<Wire.CallEndReason, string>>} */
const unansweredWords = {
  CALL_END_REASON_DECLINED: "Declined",
  CALL_END_REASON_BUSY: "Busy",
  CALL_END_REASON_CANCELLED: "Cancelled",
};

/**
 * What to say of a call in the list. Pure.
 * @param {Wire.Call} call
 * @param {string} me
 * @returns {{missed: boolean, outgoing: boolean, text: string}}
 */
export function describeCall(call, me) {
  const outgoing = call.initiatorId === me;
  const open = call.status === "CALL_STATUS_INITIATED" || call.status === "CALL_STATUS_ONGOING";
  if (open) return { missed: false, outgoing, text: call.answeredAt ? "In progress" : "Ringing now" };
  const own = participantOf(call, me);
  // A call among many may have been answered by others alone.
  if (call.answeredAt && (outgoing || own?.joinedAt || !isGroupCall(call))) {
    return { missed: false, outgoing, text: duration(Date.parse(call.endedAt ?? "") - Date.parse(call.answeredAt)) };
  }
  const declined = own?.leaveReason === "LEAVE_REASON_DECLINED";
  const text = (call.endReason && unansweredWords[call.endReason]) || "No answer";
  if (outgoing) return { missed: false, outgoing, text };
  return { missed: !declined, outgoing, text: declined ? "Declined" : "Missed" };
}

/**
 * The missed call of a page that was missed last: with it, all are seen. Pure.
 * @param {Wire.Call[]} calls
 * @param {Pick<Wire.CallRecord, "callId" | "missed">[]} records
 * @param {string} me
 * @returns {string | undefined} its id
 */
export function lastMissed(calls, records, me) {
  const missed = new Set(records.filter((record) => record.missed).map((record) => record.callId));
  const leftAt = (/** @type {Wire.Call} */ call) => Date.parse(participantOf(call, me)?.leftAt ?? "") || 0;
  return calls.filter((call) => missed.has(call.id)).sort((one, other) => leftAt(other) - leftAt(one))[0]?.id;
}

export class History {
  #client;
  #panel = byId("panel-calls");
  #tab = byId("tab-calls");
  /** @type {Wire.Call[]} */
  #calls = [];
  #cursor = "";
  #onlyMissed = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #groups;
  #onCallBack;

  /**
   * @param {import("../library/ringback.js").RingbackClient} client
   * @param {import("./groups.js").Groups} groups
   * @param {{onCallBack: (whom: import("./call-back.js").CallBack, video: boolean) => void}} handlers
   */
  constructor(client, groups, { onCallBack }) {
    this.#client = client;
    this.#groups = groups;
    this.#onCallBack = onCallBack;
    client.addEventListener("call", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => (this.#panel.hidden ? this.count() : this.refresh()), 300);
    });
    client.addEventListener("welcome", () => this.count());
  }

  /** Fetches the newest page. */
  refresh() {
    return this.#load("");
  }

  /** Asks how many missed calls are unseen. A count that cannot be had stays as it was. */
  async count() {
    const unseen = await this.#client.unseenMissedCalls().catch(() => null);
    if (unseen !== null && this.#client.user) this.#showUnseen(unseen);
  }

  /** @param {number} unseen */
  #showUnseen(unseen) {
    const text = unseen > 99 ? "99+" : String(unseen);
    this.#tab.replaceChildren(
      "Calls",
      ...(unseen
        ? [
            el("span", { class: "tally", testid: "missed-badge" }, text),
            el("span", { class: "visually-hidden", text: unseen === 1 ? " missed call" : " missed calls" }),
          ]
        : []),
    );
  }

  /** @param {Wire.Call[]} calls @param {Wire.CallRecord[]} records */
  async #markSeen(calls, records) {
    if (this.#panel.hidden || document.visibilityState !== "visible") return;
    const last = lastMissed(calls, records, this.#client.userId);
    const unseen = await (last ? this.#client.markMissedCallsSeen(last) : this.#client.unseenMissedCalls()).catch(
      () => null,
    );
    if (unseen !== null && this.#client.user) this.#showUnseen(unseen);
  }

  /** Forgets everything. */
  clear() {
    clearTimeout(this.#timer);
    this.#calls = [];
    this.#onlyMissed = false;
    this.#showUnseen(0);
    this.#panel.replaceChildren();
  }

  /** @param {string} cursor */
  async #load(cursor) {
    const onlyMissed = this.#onlyMissed;
    try {
      const { calls, records, nextCursor } = await this.#client.callHistory({ cursor, missed: onlyMissed });
      await this.#groups.lookUp(calls.filter(isGroupCall).map(({ conversationId }) => conversationId));
      if (onlyMissed !== this.#onlyMissed || !this.#client.user) return;
      this.#markSeen(calls, records);
      this.#calls = cursor ? [...this.#calls, ...calls] : calls;
      this.#cursor = nextCursor;
    } catch (error) {
      if (this.#calls.length) toast(errorSentence(error));
      else this.#panel.replaceChildren(el("div", { class: "panel-note" }, el("p", { text: errorSentence(error) })));
      return;
    }
    if (this.#client.user) this.#draw();
  }

  #filter() {
    const choice = (/** @type {string} */ text, /** @type {boolean} */ onlyMissed, /** @type {string} */ testid) =>
      el("button", {
        type: "button",
        class: "link",
        text,
        testid,
        "aria-pressed": String(this.#onlyMissed === onlyMissed),
        on: {
          click: () => {
            this.#onlyMissed = onlyMissed;
            this.refresh();
          },
        },
      });
    return el(
      "div",
      { class: "filters", role: "group", "aria-label": "Filter calls" },
      choice("All", false, "history-all"),
      choice("Missed", true, "history-missed"),
    );
  }

  #draw() {
    if (!this.#calls.length) {
      const none = "No calls yet. Open a conversation and press the phone button.";
      const text = this.#onlyMissed ? "No missed calls." : none;
      this.#panel.replaceChildren(this.#filter(), el("div", { class: "panel-note" }, el("p", { text })));
      return;
    }
    const on = { click: () => this.#load(this.#cursor) };
    const more = el("button", { type: "button", class: "quiet more", text: "Older calls", on });
    this.#panel.replaceChildren(
      this.#filter(),
      el("ul", { class: "rows" }, ...this.#calls.map((call) => this.#row(call))),
      ...(this.#cursor ? [more] : []),
    );
  }

  /** @param {Wire.Call} call */
  #row(call) {
    const me = this.#client.userId;
    const isGroup = isGroupCall(call);
    const group = isGroup ? this.#groups.get(call.conversationId) : null;
    const name = callTitle(call, me, group);
    const { missed, outgoing, text } = describeCall(call, me);
    const video = call.type === "CALL_TYPE_VIDEO";
    const direction = outgoing ? "Outgoing" : "Incoming";
    const whom = callBackOf(call, me, group);
    const others = othersOf(call, me).map(nameOf);
    return el(
      "li",
      {
        class: `row history-row${missed ? " missed" : ""}`,
        testid: "history-item",
        title: isGroup ? `With ${others.join(", ")}` : callEndSentence(call, me, name),
      },
      // A group has the face that it has among the conversations; other people have their first letters.
      avatar(
        isGroup
          ? { id: call.conversationId ?? "", displayName: group?.name || others.slice(0, 2).join(" ") }
          : (peerOf(call, me)?.user ?? { id: "" }),
      ),
      el(
        "span",
        { class: "row-text" },
        el("span", { class: "row-name", text: name }),
        el(
          "span",
          { class: "row-detail" },
          icon(outgoing ? "outgoing" : "incoming"),
          el("span", { class: "visually-hidden", text: `${direction} ${kindOf(video, isGroup)}. ` }),
          el("span", { text: `${text} · ${when(call.startedAt)}` }),
        ),
      ),
      iconButton(video ? "video" : "phone", whom.join ? `Join the call with ${name}` : `Call ${name} back`, {
        testid: "history-call-back",
        disabled: whom.people?.length === 0,
        on: { click: () => this.#onCallBack(whom, video) },
      }),
    );
  }
}

/** @param {boolean} video @param {boolean} isGroup */
function kindOf(video, isGroup) {
  return `${isGroup ? "group " : ""}${video ? "video" : "voice"} call`;
}
