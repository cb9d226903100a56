// The call on show.

import { callPowers, isOpen } from "../library/ringback.js";
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

export class CallScreen {
  #client;
  #root = byId("call");
  #connection = null;
  #parts = {};
  #stage = null;
  #controls = null;
  #panel = null;
  #adding = null;
  #timer;
  #closeTimer;
  #stopped = { text: "", until: 0 };
  #spoken = "";
  #focusBefore = null;
  #onCallAgain;
  #titleOf;

  /**
   * @param {import("../library/ringback.js").RingbackClient} client
   * @param {object} handlers
   * @param {(connection: import("../library/ringback.js").CallConnection) => void} handlers.onCallAgain
   * @param {(conversationId: string) => string} handlers.titleOf what a group is called; empty when it has no name
   */
  constructor(client, { onCallAgain, titleOf }) {
    this.#client = client;
    this.#onCallAgain = onCallAgain;
    this.#titleOf = titleOf;
    client.addEventListener("connection", ({ detail }) => this.#changed(detail));
    client.addEventListener("signedout", () => this.#close());
    document.addEventListener("keydown", (event) => this.#keyPressed(event));
  }

  #changed({ connection, ended }) {
    // Where another call comes into its place, or it was on hold beside this one, a note has to do.
    if (ended && connection) toast(this.#sentence(ended));
    if (connection && connection !== this.#connection) this.#show(connection);
    else if (this.#connection) this.#draw();
  }

  #sentence(connection) {
    return endSentence(connection.end, this.#client.user?.id, nameOf(connection.peer), connection.isGroup);
  }

  #show(connection) {
    clearTimeout(this.#closeTimer);
    clearInterval(this.#timer);
    this.#adding?.close();
    this.#focusBefore ??= document.activeElement;
    this.#connection = connection;
    this.#spoken = "";
    this.#stopped = { text: "", until: 0 };
    this.#build(connection);
    this.#root.hidden = false;
    this.#setMini(false);
    this.#root.focus();
    const ifCurrent = (handler) => (event) => this.#connection === connection && handler(event);
    for (const type of ["state", "media", "tracks"]) connection.addEventListener(type, ifCurrent(() => this.#draw()));
    connection.addEventListener("ended", ifCurrent(() => this.#ended()));
    connection.addEventListener("failure", ifCurrent(({ detail }) => this.#failed(detail)));
    connection.addEventListener("stopped", ifCurrent(({ detail }) => this.#wasStopped(detail)));
    this.#timer = setInterval(() => this.#drawState(), 1_000);
    this.#draw();
  }

  #build(connection) {
    const button = (text, action, attributes) =>
      el("button", { type: "button", text, ...attributes, on: { click: action } });
    const again = () => {
      this.#close();
      this.#onCallAgain(connection);
    };
    const parts = {
      name: el("h2", { testid: "call-peer" }),
      state: el("p", { class: "call-state", testid: "call-state" }),
      note: el("p", { class: "call-note", role: "status", testid: "call-note" }),
      waiting: button("", () => this.#showPeople(true), { class: "quiet knock", testid: "lobby-notice", hidden: true }),
      held: el("div", { class: "held-calls" }),
      hear: button("Press to hear the call", () => this.#stage.play(), { class: "quiet hear", hidden: true }),
      mini: iconButton("shrink", "Make the call small", {
        class: "mini-toggle",
        testid: "call-mini",
        on: { click: () => this.#setMini(!this.#isMini) },
      }),
      reason: el("p", { class: "reason", role: "alert", testid: "call-ended-reason" }),
      again: button("Call again", again, { class: "primary", testid: "call-again" }),
      close: button("Close", () => this.#close(), { class: "quiet", testid: "call-close" }),
    };
    const afterButtons = el("div", { class: "after-buttons" }, parts.close, parts.again);
    parts.after = el("div", { class: "after", hidden: true }, parts.reason, afterButtons);
    this.#parts = parts;
    this.#stage?.close();
    this.#stage = null;
    this.#adding = new AddPeople(this.#client, connection);
    this.#controls = new CallControls(connection, {
      onAdd: () => this.#adding.open(),
      onPeople: () => this.#showPeople(this.#panel.element.hidden),
      onDone: () => this.#connection === connection && this.#draw(),
    });
    this.#panel = new PeoplePanel(this.#client, connection, { onClose: () => this.#showPeople(false) });
    this.#root.tabIndex = -1;
    this.#drawStage();
    this.#root.replaceChildren(
      el("header", { class: "call-head" }, el("div", { class: "call-who" }, parts.name, parts.state), parts.mini),
      this.#stage.element,
      this.#panel.element,
      el("div", { class: "call-notes" }, parts.waiting, parts.note, parts.held, parts.hear),
      parts.after,
      this.#controls.element,
    );
  }

  /** A call between two that grows gets tiles. */
  #drawStage() {
    const Stage = this.#connection.isGroup ? GroupStage : DirectStage;
    if (this.#stage instanceof Stage) return;
    const former = this.#stage;
    const onSilenced = (silenced) => (this.#parts.hear.hidden = !silenced);
    this.#stage = new Stage(this.#connection, { onSilenced });
    former?.element.replaceWith(this.#stage.element);
    former?.close();
  }

  // ------------------------------------------------------------------------------------------- drawing

  get #title() {
    const { isGroup, roster, peer, conversationId } = this.#connection;
    if (!isGroup) return nameOf(peer);
    const others = roster.filter(({ isMe, presence }) => !isMe && presence !== "out");
    const names = listOfNames(others.map(({ user }) => nameOf(user)));
    return this.#titleOf(conversationId) || names || "Group call";
  }

  #draw() {
    const connection = this.#connection;
    const { name, note, waiting } = this.#parts;
    const ended = connection.state === "ended";
    this.#root.dataset.state = connection.state;
    this.#root.classList.toggle("on-hold", connection.onHold);
    if (!ended) this.#drawStage();
    this.#root.dataset.layout = this.#stage.draw();
    if (!ended) name.textContent = this.#title;
    const powers = callPowers(connection.call, this.#client.user?.id);
    this.#panel.draw();
    this.#controls.draw({ mayAdd: powers.add, peopleShown: !this.#panel.element.hidden });
    const count = this.#panel.waiting;
    waiting.hidden = ended || !count || !this.#panel.element.hidden;
    waiting.textContent = count === 1 ? "Somebody waits to be let in" : `${count} people wait to be let in`;
    note.textContent = ended ? "" : this.#note();
    this.#drawHeld(ended);
    this.#drawState();
    if (ended) this.#drawReason();
  }

  #note() {
    return Date.now() < this.#stopped.until ? this.#stopped.text : this.#stage.note;
  }

  #drawHeld(ended) {
    const held = ended ? [] : this.#client.heldConnections;
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
          el("span", { text: `${nameOf(connection.peer)} is on hold. Switch over` }),
        ),
      ),
    );
  }

  #drawState() {
    const connection = this.#connection;
    const { state, note } = this.#parts;
    if (connection.state === "ended") {
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
      const mine = connection.call?.initiatorId === this.#client.user?.id;
      if (connection.state === "ringing" && mine) repeatSound("ringback");
      else stopSound("ringback");
    }
  }

  #wasStopped({ medium, byUserId }) {
    const host = this.#connection.roster.find(({ user }) => user.id === byUserId);
    this.#stopped = { text: stoppedSentence(medium, nameOf(host?.user)), until: Date.now() + stoppedStayMs };
    this.#draw();
  }

  #failed(error) {
    if (["NO_CAMERA", "NO_MICROPHONE", "INSECURE_CONTEXT"].includes(error.code)) toast(errorSentence(error));
    else console.warn("Ringback call:", error);
  }

  // ------------------------------------------------------------------------------------------ controls

  get #isMini() {
    return this.#root.classList.contains("mini");
  }

  #setMini(mini) {
    const { mini: toggle } = this.#parts;
    this.#root.classList.toggle("mini", mini);
    byId("app").inert = !mini && !this.#root.hidden;
    const label = mini ? "Make the call large" : "Make the call small";
    toggle.title = label;
    toggle.setAttribute("aria-label", label);
    toggle.replaceChildren(icon(mini ? "grow" : "shrink"));
  }

  #showPeople(shown) {
    this.#panel.element.hidden = !shown;
    this.#root.classList.toggle("with-people", shown);
    this.#draw();
    if (!shown) this.#root.focus();
  }

  #keyPressed(event) {
    if (!this.#connection || this.#root.hidden || document.querySelector("dialog[open]")) return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.defaultPrevented) return;
    // Who is at something else, beside a small call, does not mean the call.
    const focused = document.activeElement ?? document.body;
    if (this.#isMini || (focused !== document.body && !this.#root.contains(focused))) return;
    if (this.#connection.state === "ended") {
      if (event.key === "Escape") this.#close();
      return;
    }
    if (event.key === "Escape") {
      if (this.#panel.element.hidden) this.#setMini(true);
      else this.#showPeople(false);
    } else if (this.#controls.press(event.key.toLowerCase())) event.preventDefault();
  }

  // -------------------------------------------------------------------------------------------- ending

  #ended() {
    stopSound("ringback");
    playEnd();
    clearInterval(this.#timer);
    this.#adding.close();
    this.#panel.element.hidden = true;
    this.#root.classList.remove("with-people");
    this.#setMini(false);
    this.#draw();
    this.#stage.close();
    this.#parts.after.hidden = false;
    this.#parts.close.focus();
    const { cause, call } = this.#connection.end;
    const short = cause === "hangup" || cause === "elsewhere" || call?.endReason === "CALL_END_REASON_HANGUP";
    this.#closeTimer = setTimeout(() => this.#close(), short ? shortStayMs : longStayMs);
  }

  #drawReason() {
    const { reason, again } = this.#parts;
    const { end, isGroup } = this.#connection;
    if (!end) return;
    const sentence = this.#sentence(this.#connection);
    if (reason.textContent !== sentence) reason.textContent = sentence;
    // A call among many that goes on is to be joined again, not placed again.
    again.hidden = (isGroup && isOpen(end.call)) || end.cause === "moved" || end.cause === "elsewhere";
  }

  #close() {
    clearTimeout(this.#closeTimer);
    clearInterval(this.#timer);
    stopSound("ringback");
    this.#adding?.close();
    this.#stage?.close();
    this.#stage = null;
    this.#connection = null;
    this.#root.hidden = true;
    this.#root.classList.remove("with-people");
    byId("app").inert = false;
    this.#focusBefore?.focus?.();
    this.#focusBefore = null;
  }
}
