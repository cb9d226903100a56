// The buttons beneath a call.

import { canShareScreen, hasCode } from "../library/ringback.js";
import { announce, el, iconButton, toast } from "./dom.js";
import { icon } from "./icons.js";
import { errorSentence } from "./sentences.js";

/** The toolbar of one call. */
export class CallControls {
  #connection;
  #buttons;
  #onDone;

  /**
   * @param {import("../library/ringback.js").CallConnection} connection
   * @param {{onAdd: () => void, onPeople: () => void, onDone: () => void}} handlers
   */
  constructor(connection, { onAdd, onPeople, onDone }) {
    this.#connection = connection;
    this.#onDone = onDone;
    /**
     * @param {import("./icons.js").IconName} iconName
     * @param {string} label
     * @param {string} testid
     * @param {string | null} key
     * @param {() => void} action
     */
    const control = (iconName, label, testid, key, action) =>
      iconButton(iconName, label, { class: "round", testid, "aria-keyshortcuts": key, on: { click: action } });
    this.#buttons = {
      mute: control("mic", "Mute (M)", "call-mute", "m", () => this.toggleMute()),
      camera: control("video", "Camera (V)", "call-camera", "v", () => this.toggleCamera()),
      share: control("screen", "Share screen (S)", "call-share", "s", () => this.toggleShare()),
      hold: control("pause", "Hold (H)", "call-hold", "h", () => this.toggleHold()),
      hand: control("hand", "Raise hand (R)", "call-hand", "r", () => this.toggleHand()),
      add: control("add", "Add people (A)", "call-add", "a", onAdd),
      people: control("people", "People (P)", "call-people", "p", onPeople),
      hangUp: control("hangup", "Hang up", "call-hangup", null, () => connection.hangUp()),
    };
    this.#buttons.hangUp.classList.add("decline");
    this.#buttons.people.setAttribute("aria-expanded", "false");
    const attributes = { class: "controls", role: "toolbar", "aria-label": "Call" };
    /** To be put on the page. */
    this.element = el("div", attributes, ...Object.values(this.#buttons));
  }

  /**
   * Shows what is on, and what can be pressed.
   * @param {{mayAdd: boolean, peopleShown: boolean}} more
   */
  draw({ mayAdd, peopleShown }) {
    const connection = this.#connection;
    const { mute, camera, share, hold, hand, add, people, hangUp } = this.#buttons;
    if (connection.muted) drawToggle(mute, true, "micOff", "Unmute (M)");
    else drawToggle(mute, false, "mic", "Mute (M)");
    if (connection.cameraOn) drawToggle(camera, false, "video", "Camera off (V)");
    else drawToggle(camera, true, "videoOff", "Camera on (V)");
    if (connection.sharing) drawToggle(share, true, "screen", "Stop sharing (S)");
    else drawToggle(share, false, "screen", "Share screen (S)");
    if (connection.onHold) drawToggle(hold, true, "play", "Resume (H)");
    else drawToggle(hold, false, "pause", "Hold (H)");
    if (connection.handRaised) drawToggle(hand, true, "hand", "Lower hand (R)");
    else drawToggle(hand, false, "hand", "Raise hand (R)");
    drawToggle(hangUp, false, "hangup", connection.isGroup ? "Leave" : "Hang up");
    camera.disabled = !connection.canSetCamera;
    share.hidden = !canShareScreen();
    share.disabled = !connection.sharing && !(connection.wasConnected && connection.canShareScreen);
    hold.disabled = !connection.onHold && !connection.canHold;
    hand.hidden = people.hidden = !connection.isGroup;
    hand.disabled = !connection.canHold;
    add.disabled = !mayAdd;
    people.classList.toggle("toggled", peopleShown);
    people.setAttribute("aria-expanded", String(peopleShown));
  }

  /**
   * Presses the button that belongs to a key.
   * @param {string} key
   * @returns {boolean} whether there is one
   */
  press(key) {
    const { mute, camera, share, hold, hand, add, people } = this.#buttons;
    const keys = { m: mute, v: camera, s: share, h: hold, r: hand, a: add, p: people };
    const button = new Map(Object.entries(keys)).get(key);
    if (!button || button.hidden) return false;
    button.click();
    return true;
  }

  toggleMute() {
    this.#connection.setMuted(!this.#connection.muted);
    announce(this.#connection.muted ? "Muted" : "Unmuted");
  }

  toggleCamera() {
    this.#attempt((connection) => connection.setCamera(!connection.cameraOn));
  }

  toggleShare() {
    if (this.#connection.sharing) this.#connection.stopScreenShare();
    else this.#attempt((connection) => connection.startScreenShare());
  }

  toggleHold() {
    const onHold = !this.#connection.onHold;
    this.#connection.setOnHold(onHold);
    announce(onHold ? "On hold" : "Resumed");
  }

  toggleHand() {
    this.#attempt((connection) => connection.setHand(!connection.handRaised));
  }

  /** @param {(connection: import("../library/ringback.js").CallConnection) => unknown} action */
  async #attempt(action) {
    try {
      const done = action(this.#connection);
      // What cannot be pressed meanwhile looks so.
      this.#onDone();
      await done;
    } catch (error) {
      // Who closes the browser's own dialog knows what happened.
      if (!hasCode(error, "NO_SCREEN")) toast(errorSentence(error, "share"));
    }
    this.#onDone();
  }
}

/**
 * The label says what a press does now; `toggled` is for the eye alone.
 * @param {HTMLButtonElement} button
 * @param {boolean} toggled
 * @param {import("./icons.js").IconName} iconName
 * @param {string} label
 */
function drawToggle(button, toggled, iconName, label) {
  if (button.title === label) return;
  button.classList.toggle("toggled", toggled);
  button.title = label;
  button.setAttribute("aria-label", label);
  button.replaceChildren(icon(iconName));
}
