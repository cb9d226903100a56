// One call on the page.

import { callPowers, hasCode, isOpen } from "../library/ringback.js";
import { AddPeople } from "./add-people.js";
import { CallControls } from "./call-controls.js";
import { DirectStage } from "./direct-stage.js";
import { announce, byId, el, iconButton, toast } from "./dom.js";
import { duration, listOfNames, nameOf } from "./format.js";
import { GroupStage } from "./group-stage.js";
import { icon } from "./icons.js";
import { PeoplePanel } from "./people-panel.js";
import { endSentence, errorSentence, stoppedSentence } from "./sentences.js";
import { playEnd, repeatSound, stopSound } from "./sounds.js";

/** @typedef {import("../library/ringback.js").CallConnection} CallConnection */
/** @typedef {import("../library/call-connection.js").CallState} CallState */

/** @type {Partial<Record<CallState, string>>} */
const stateText = {
  starting: "Calling…",
  calling: "Calling…",
  ringing: "Ringing…",
  lobby: "Waiting to be let in…",
  connecting: "Connecting…",
  reconnecting: "Reconnecting…",
};
/** How long the reason stays on show, in milliseconds: short after a hang-up, long when there is news. */
const shortStayMs = 6_000;
const longStayMs = 20_000;
/** How long what a host did stays on show, in milliseconds. */
const stoppedStayMs = 8_000;

/**
 * @typedef {object} ViewHandlers
 * @property {(connection: CallConnection) => void} onCallAgain
 * @property {() => void} onClose the call is over, and was on show for long enough
 * @property {(conversationId: string) => string} titleOf what a group is called; empty when it has no name
 */

/**
 * Why a call is over, in a sentence; empty while it is not.
 * @param {CallConnection} connection
 * @param {string} me
 */
export function whyOver({ end, peer, isGroup }, me) {
  return end ? endSentence(end, me, nameOf(peer), isGroup) : "";
}

/** Shows one call in the place of calls, until {@link CallView.end}. */
export class CallView {
  #client;
  #root = byId("call");
  #handlers;
  #parts;
  /** @type {DirectStage | GroupStage} */
  #stage;
  #controls;
  #panel;
  #adding;
  #stop = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #closeTimer;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;
  #stopped = { text: "", until: 0 };
  #spoken = "";

  /**
   * @param {import("../library/ringback.js").RingbackClient} client
   * @param {CallConnection} connection
   * @param {ViewHandlers} handlers
   */
  constructor(client, connection, handlers) {
    this.#client = client;
    this.#handlers = handlers;
    /** The call. */
    this.connection = connection;
    this.#adding = new AddPeople(client, connection);
    this.#controls = new CallControls(connection, {
      onAdd: () => this.#adding.open(),
      onPeople: () => this.#showPeople(this.#panel.element.hidden),
      onDone: () => this.#stop.signal.aborted || this.draw(),
    });
    this.#panel = new PeoplePanel(client, connection, { onClose: () => this.#showPeople(false) });
    this.#parts = this.#makeParts();
    this.#stage = this.#makeStage();
    this.#build();
    this.#listen();
    this.#timer = setInterval(() => this.#drawState(), 1_000);
    this.draw();
  }

  #makeParts() {
    /**
     * @param {string} text
     * @param {() => void} action
     * @param {import("./dom.js").Attributes} attributes
     */
    const button = (text, action, attributes) =>
      el("button", { type: "button", text, ...attributes, on: { click: action } });
    return {
      name: el("h2", { testid: "call-peer" }),
      state: el("p", { class: "call-state", testid: "call-state" }),
      note: el("p", { class: "call-note", role: "status", testid: "call-note" }),
      waiting: button("", () => this.#showPeople(true), { class: "quiet knock", testid: "lobby-notice", hidden: true }),
      held: el("div", { class: "held-calls" }),
      hear: button("Click to hear the call", () => this.#stage.play(), { class: "quiet hear", hidden: true }),
      mini: iconButton("shrink", "Minimize the call", {
        class: "mini-toggle",
        testid: "call-mini",
        on: { click: () => this.#setMini(!this.isMini) },
      }),
      reason: el("p", { class: "reason", role: "alert", testid: "call-ended-reason" }),
      again: button("Call again", () => this.#callAgain(), { class: "primary", testid: "call-again" }),
      close: button("Close", () => this.#handlers.onClose(), { class: "quiet", testid: "call-close" }),
      after: el("div", { class: "after", hidden: true }),
    };
  }

  #build() {
    const { name, state, mini, waiting, note, held, hear, after, reason, close, again } = this.#parts;
    after.append(reason, el("div", { class: "after-buttons" }, close, again));
    this.#root.tabIndex = -1;
    this.#root.replaceChildren(
      el("header", { class: "call-head" }, el("div", { class: "call-who" }, name, state), mini),
      this.#stage.element,
      this.#panel.element,
      el("div", { class: "call-notes" }, waiting, note, held, hear),
      after,
      this.#controls.element,
    );
    this.#root.hidden = false;
    this.#setMini(false);
    this.#root.focus();
  }

  #listen() {
    const { connection } = this;
    const { signal } = this.#stop;
    for (const type of /** @type {const} */ (["state", "media", "tracks"])) {
      connection.addEventListener(type, () => this.draw(), { signal });
    }
    connection.addEventListener("ended", ({ detail }) => this.#ended(detail), { signal });
    connection.addEventListener("failure", ({ detail }) => failed(detail), { signal });
    connection.addEventListener("stopped", ({ detail }) => this.#wasStopped(detail), { signal });
  }

  /** Ends: another call is shown, or none. */
  end() {
    this.#stop.abort();
    clearTimeout(this.#closeTimer);
    clearInterval(this.#timer);
    stopSound("ringback");
    this.#adding.close();
    this.#stage.close();
    this.#root.classList.remove("with-people");
  }

  #callAgain() {
    this.#handlers.onClose();
    this.#handlers.onCallAgain(this.connection);
  }

  // ------------------------------------------------------------------------------------------- drawing

  /** @returns {DirectStage | GroupStage} */
  #makeStage() {
    const Stage = this.#Stage;
    return new Stage(this.connection, { onSilenced: (silenced) => (this.#parts.hear.hidden = !silenced) });
  }

  get #Stage() {
    return this.connection.isGroup ? GroupStage : DirectStage;
  }

  /** A call between two that grows gets tiles. */
  #drawStage() {
    if (this.#stage instanceof this.#Stage) return;
    const former = this.#stage;
    this.#stage = this.#makeStage();
    former.element.replaceWith(this.#stage.element);
    former.close();
  }

  get #title() {
    const { isGroup, roster, peer, conversationId } = this.connection;
    if (!isGroup) return nameOf(peer);
    const others = roster.filter(({ isMe, presence }) => !isMe && presence !== "out");
    const names = listOfNames(others.map(({ user }) => nameOf(user)));
    return this.#handlers.titleOf(conversationId) || names || "Group call";
  }

  /** Shows the call as it is now. */
  draw() {
    const { connection } = this;
    const { name, note, waiting } = this.#parts;
    const ended = connection.isOver;
    this.#root.dataset.state = connection.state;
    this.#root.classList.toggle("on-hold", connection.onHold);
    if (!ended) this.#drawStage();
    this.#root.dataset.layout = this.#stage.draw();
    if (!ended) name.textContent = this.#title;
    const powers = callPowers(connection.call, this.#client.userId);
    this.#panel.draw();
    this.#controls.draw({ mayAdd: powers.add, peopleShown: !this.#panel.element.hidden });
    const count = this.#panel.waiting;
    waiting.hidden = ended || !count || !this.#panel.element.hidden;
    waiting.textContent = count === 1 ? "Somebody is waiting to be let in" : `${count} people are waiting to be let in`;
    note.textContent = ended ? "" : this.#note();
    this.#drawHeld();
    this.#drawState();
    if (ended) this.#drawReason();
  }

  #note() {
    return Date.now() < this.#stopped.until ? this.#stopped.text : this.#stage.note;
  }

  #drawHeld() {
    const held = this.connection.isOver ? [] : this.#client.heldConnections;
    this.#parts.held.replaceChildren(
      ...held.map((connection) =>
        el(
          "button",
          {
            type: "button",
            class: "quiet held-call",
            testid: "call-switch",
            on: { click: () => this.#client.resumeCall(connection) },
          },
          icon("pause"),
          el("span", { text: `${nameOf(connection.peer)} is on hold. Switch` }),
        ),
      ),
    );
  }

  #drawState() {
    const { connection } = this;
    const { state, note } = this.#parts;
    if (connection.isOver) {
      clearInterval(this.#timer);
      state.textContent = "Call ended";
      return;
    }
    if (note.textContent === this.#stopped.text && this.#stopped.text) note.textContent = this.#note();
    const answering = connection.state === "starting" && connection.call;
    const since = Date.parse(connection.call?.answeredAt ?? "");
    const text = answering ? stateText.connecting : stateText[connection.state];
    const time = duration(Number.isNaN(since) ? 0 : this.#client.serverNow() - since);
    const extras = connection.isGroup && connection.call?.locked ? " · Locked" : "";
    state.textContent = text ?? (connection.onHold ? `On hold · ${time}` : time + extras);
    const spoken = text ?? "Connected";
    if (spoken !== this.#spoken) {
      this.#spoken = spoken;
      announce(spoken);
      const mine = connection.call?.initiatorId === this.#client.userId;
      if (connection.state === "ringing" && mine) repeatSound("ringback");
      else stopSound("ringback");
    }
  }

  /** @param {{medium: Wire.Medium, byUserId: string}} what */
  #wasStopped({ medium, byUserId }) {
    const host = this.connection.roster.find(({ user }) => user.id === byUserId);
    this.#stopped = { text: stoppedSentence(medium, nameOf(host?.user)), until: Date.now() + stoppedStayMs };
    this.draw();
  }

  // ------------------------------------------------------------------------------------------ controls

  /** Whether the call is small, beside something else. */
  get isMini() {
    return this.#root.classList.contains("mini");
  }

  /** @param {boolean} mini */
  #setMini(mini) {
    const { mini: toggle } = this.#parts;
    this.#root.classList.toggle("mini", mini);
    byId("app").inert = !mini;
    const label = mini ? "Enlarge the call" : "Minimize the call";
    toggle.title = label;
    toggle.setAttribute("aria-label", label);
    toggle.replaceChildren(icon(mini ? "grow" : "shrink"));
  }

  /** @param {boolean} shown */
  #showPeople(shown) {
    this.#panel.element.hidden = !shown;
    this.#root.classList.toggle("with-people", shown);
    this.draw();
    if (!shown) this.#root.focus();
  }

  /**
   * Does what a key stands for.
   * @param {string} key
   * @returns {boolean} whether the key has done its work with that
   */
  press(key) {
    const isEscape = key === "Escape";
    if (this.connection.isOver) {
      if (isEscape) this.#handlers.onClose();
      return false;
    }
    if (!isEscape) return this.#controls.press(key.toLowerCase());
    if (this.#panel.element.hidden) this.#setMini(true);
    else this.#showPeople(false);
    return false;
  }

  // -------------------------------------------------------------------------------------------- ending

  /** @param {import("../library/call-connection.js").CallEnd} end */
  #ended({ cause, call }) {
    stopSound("ringback");
    playEnd();
    clearInterval(this.#timer);
    this.#adding.close();
    this.#panel.element.hidden = true;
    this.#root.classList.remove("with-people");
    this.#setMini(false);
    this.draw();
    this.#stage.close();
    this.#parts.after.hidden = false;
    this.#parts.close.focus();
    const short = cause === "hangup" || cause === "elsewhere" || call?.endReason === "CALL_END_REASON_HANGUP";
    this.#closeTimer = setTimeout(() => this.#handlers.onClose(), short ? shortStayMs : longStayMs);
  }

  #drawReason() {
    const { reason, again } = this.#parts;
    const { end, isGroup } = this.connection;
    if (!end) return;
    const sentence = whyOver(this.connection, this.#client.userId);
    if (reason.textContent !== sentence) reason.textContent = sentence;
    // A call among many that goes on is to be joined again, not placed again.
    const goesOn = isGroup && isOpen(end.call ?? undefined);
    again.hidden = goesOn || end.cause === "moved" || end.cause === "elsewhere";
  }
}

/**
 * An error that did not end the call.
 * @param {unknown} error
 */
function failed(error) {
  const codes = ["NO_CAMERA", "NO_MICROPHONE", "INSECURE_CONTEXT"];
  if (codes.some((code) => hasCode(error, code))) toast(errorSentence(error));
  else console.warn("Ringback call:", error);
}
