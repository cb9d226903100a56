// The call on show.

import { canShareScreen } from "../ringback.js";
import { avatar } from "./avatar.js";
import { announce, byId, el, iconButton, toast } from "./dom.js";
import { duration, nameOf } from "./format.js";
import { icon } from "./icons.js";
import { endSentence, errorSentence } from "./sentences.js";
import { playEnd, repeatSound, stopSound } from "./sounds.js";

const stateText = {
  starting: "Calling…",
  calling: "Calling…",
  ringing: "Ringing…",
  connecting: "Connecting…",
  reconnecting: "Reconnecting…",
};
/** How long the reason stays on show, in milliseconds: short after a hang-up, long when there is news. */
const shortStayMs = 6_000;
const longStayMs = 20_000;

export class CallScreen {
  #client;
  #root = byId("call");
  #audio = byId("remote-audio");
  #connection = null;
  #parts = {};
  #timer;
  #closeTimer;
  #spoken = "";
  #focusBefore = null;
  #onCallAgain;

  /**
   * @param {import("../ringback.js").RingbackClient} client
   * @param {{onCallAgain: (user: object, video: boolean) => void}} handlers
   */
  constructor(client, { onCallAgain }) {
    this.#client = client;
    this.#onCallAgain = onCallAgain;
    client.addEventListener("connection", ({ detail }) => detail.connection && this.#show(detail.connection));
    client.addEventListener("signedout", () => this.#close());
    document.addEventListener("keydown", (event) => this.#keyPressed(event));
  }

  #show(connection) {
    clearTimeout(this.#closeTimer);
    clearInterval(this.#timer);
    this.#focusBefore ??= document.activeElement;
    this.#connection = connection;
    this.#spoken = "";
    this.#build(connection);
    this.#root.hidden = false;
    this.#setMini(false);
    this.#root.focus();
    const ifCurrent = (handler) => (event) => this.#connection === connection && handler(event);
    for (const type of ["state", "media", "tracks"]) connection.addEventListener(type, ifCurrent(() => this.#draw()));
    connection.addEventListener("ended", ifCurrent(() => this.#ended()));
    connection.addEventListener("failure", ifCurrent(({ detail }) => this.#failed(detail)));
    this.#timer = setInterval(() => this.#drawState(), 1_000);
    this.#draw();
  }

  #build(connection) {
    const name = nameOf(connection.peer);
    const video = (testid) =>
      el("video", { testid, class: testid, autoplay: true, playsinline: true, hidden: true });
    const button = (text, action, attributes) =>
      el("button", { type: "button", text, ...attributes, on: { click: action } });
    const control = (iconName, label, testid, key, action) =>
      iconButton(iconName, label, { class: "round", testid, "aria-keyshortcuts": key, on: { click: action } });
    const parts = {
      name: el("h2", { text: name, testid: "call-peer" }),
      state: el("p", { class: "call-state", testid: "call-state" }),
      note: el("p", { class: "call-note", testid: "call-note" }),
      face: el("div", { class: "face" }, el("div", { class: "pulse" }, avatar(connection.peer, "large"))),
      remoteVideo: video("remote-video"),
      remoteScreen: video("remote-screen"),
      localVideo: video("local-video"),
      mute: control("mic", "Mute (M)", "call-mute", "m", () => this.#toggleMute()),
      camera: control("video", "Camera (V)", "call-camera", "v", () => this.#toggleCamera()),
      share: control("screen", "Share screen (S)", "call-share", "s", () => this.#toggleShare()),
      hangUp: control("hangup", "Hang up", "call-hangup", null, () => connection.hangUp()),
      hear: button("Press to hear the call", () => this.#play(), { class: "quiet hear", hidden: true }),
      mini: iconButton("shrink", "Make the call small", {
        class: "mini-toggle",
        testid: "call-mini",
        on: { click: () => this.#setMini(!this.#isMini) },
      }),
      reason: el("p", { class: "reason", role: "alert", testid: "call-ended-reason" }),
    };
    for (const element of [parts.remoteVideo, parts.remoteScreen, parts.localVideo]) element.muted = true;
    parts.hangUp.classList.add("decline");
    parts.share.hidden = !canShareScreen();
    const again = () => {
      const { peer, video: withVideo } = connection;
      this.#close();
      this.#onCallAgain(peer, withVideo);
    };
    parts.again = button("Call again", again, { class: "primary", testid: "call-again" });
    parts.close = button("Close", () => this.#close(), { class: "quiet", testid: "call-close" });
    const afterButtons = el("div", { class: "after-buttons" }, parts.close, parts.again);
    parts.after = el("div", { class: "after", hidden: true }, parts.reason, afterButtons);
    const { mute, camera, share, hangUp } = parts;
    this.#parts = parts;
    this.#root.tabIndex = -1;
    this.#root.replaceChildren(
      el("header", { class: "call-head" }, el("div", { class: "call-who" }, parts.name, parts.state), parts.mini),
      el("div", { class: "stage" }, parts.face, parts.remoteScreen, parts.remoteVideo, parts.localVideo),
      parts.note,
      parts.hear,
      parts.after,
      el("div", { class: "controls", role: "toolbar", "aria-label": "Call" }, mute, camera, share, hangUp),
    );
  }

  // ------------------------------------------------------------------------------------------- drawing

  #draw() {
    const connection = this.#connection;
    const { mute, camera, share, remoteVideo, remoteScreen, localVideo, face, note } = this.#parts;
    const ended = connection.state === "ended";
    this.#root.dataset.state = connection.state;
    attach(remoteVideo, connection.remote?.camera);
    attach(remoteScreen, connection.remote?.screen);
    attach(localVideo, connection.cameraOn ? connection.local.preview : null);
    if (connection.remote && this.#audio.srcObject !== connection.remote.audio) this.#hear(connection.remote.audio);
    remoteScreen.hidden = ended || !connection.showsScreen;
    remoteVideo.hidden = ended || !connection.showsCamera;
    localVideo.hidden = ended || !connection.cameraOn;
    face.hidden = !remoteScreen.hidden || !remoteVideo.hidden;
    this.#root.dataset.layout = !remoteScreen.hidden ? "screen" : !remoteVideo.hidden ? "video" : "face";
    if (connection.muted) drawToggle(mute, true, "micOff", "Unmute (M)");
    else drawToggle(mute, false, "mic", "Mute (M)");
    if (connection.cameraOn) drawToggle(camera, false, "video", "Camera off (V)");
    else drawToggle(camera, true, "videoOff", "Camera on (V)");
    if (connection.sharing) drawToggle(share, true, "screen", "Stop sharing (S)");
    else drawToggle(share, false, "screen", "Share screen (S)");
    camera.disabled = !connection.canSetCamera;
    share.disabled = !connection.sharing && !(connection.wasConnected && connection.canShareScreen);
    note.textContent = ended ? "" : this.#note();
    this.#drawState();
    if (ended) this.#drawReason();
  }

  #note() {
    const connection = this.#connection;
    const peer = connection.peerParticipant;
    const name = nameOf(connection.peer);
    if (peer?.reconnecting) return `${name} lost the connection. Waiting for them to come back.`;
    if (connection.sharing) return `${name} sees your screen.`;
    if (connection.state === "connected" && peer?.media && !peer.media.microphone) return `${name} is muted.`;
    return "";
  }

  #drawState() {
    const connection = this.#connection;
    const { state } = this.#parts;
    if (connection.state === "ended") {
      clearInterval(this.#timer);
      state.textContent = "Call ended";
      return;
    }
    const answering = connection.state === "starting" && connection.call;
    const since = Date.parse(connection.call?.answeredAt ?? "");
    const text = answering ? stateText.connecting : stateText[connection.state];
    state.textContent = text ?? duration(Number.isNaN(since) ? 0 : this.#client.serverNow() - since);
    const spoken = text ?? "Connected";
    if (spoken !== this.#spoken) {
      this.#spoken = spoken;
      announce(spoken);
      const mine = connection.call?.initiatorId === this.#client.user?.id;
      if (connection.state === "ringing" && mine) repeatSound("ringback");
      else stopSound("ringback");
    }
  }

  #hear(stream) {
    this.#audio.srcObject = stream;
    this.#play();
  }

  #play() {
    this.#parts.hear.hidden = true;
    this.#audio.play().catch((error) => {
      // Browsers want a touch first, after a reload for instance.
      if (error.name === "NotAllowedError") this.#parts.hear.hidden = false;
    });
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

  #toggleMute() {
    this.#connection.setMuted(!this.#connection.muted);
    announce(this.#connection.muted ? "Muted" : "Unmuted");
  }

  #toggleCamera() {
    if (!this.#parts.camera.disabled) this.#attempt((connection) => connection.setCamera(!connection.cameraOn));
  }

  #toggleShare() {
    if (this.#parts.share.disabled) return;
    if (this.#connection.sharing) this.#connection.stopScreenShare();
    else this.#attempt((connection) => connection.startScreenShare());
  }

  async #attempt(action) {
    const connection = this.#connection;
    try {
      const done = action(connection);
      // What cannot be pressed meanwhile looks so.
      this.#draw();
      await done;
    } catch (error) {
      // Who closes the browser's own dialog knows what happened.
      if (error.code !== "NO_SCREEN") toast(errorSentence(error, "share"));
    }
    if (this.#connection === connection) this.#draw();
  }

  #keyPressed(event) {
    if (!this.#connection || this.#root.hidden || byId("incoming").open) return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    // Who is at something else, beside a small call, does not mean the call.
    const focused = document.activeElement ?? document.body;
    if (this.#isMini || (focused !== document.body && !this.#root.contains(focused))) return;
    if (this.#connection.state === "ended") {
      if (event.key === "Escape") this.#close();
      return;
    }
    const actions = { m: () => this.#toggleMute(), v: () => this.#toggleCamera(), s: () => this.#toggleShare() };
    const action = actions[event.key.toLowerCase()];
    if (event.key === "Escape") this.#setMini(true);
    if (!action || (event.key.toLowerCase() === "s" && this.#parts.share.hidden)) return;
    event.preventDefault();
    action();
  }

  // -------------------------------------------------------------------------------------------- ending

  #ended() {
    stopSound("ringback");
    playEnd();
    clearInterval(this.#timer);
    this.#audio.srcObject = null;
    this.#setMini(false);
    this.#draw();
    this.#parts.after.hidden = false;
    this.#parts.close.focus();
    const { cause, call } = this.#connection.end;
    const short = cause === "hangup" || cause === "elsewhere" || call?.endReason === "CALL_END_REASON_HANGUP";
    this.#closeTimer = setTimeout(() => this.#close(), short ? shortStayMs : longStayMs);
  }

  #drawReason() {
    const { reason, again } = this.#parts;
    const { end, peer } = this.#connection;
    if (!end) return;
    const sentence = endSentence(end, this.#client.user?.id, nameOf(peer));
    if (reason.textContent !== sentence) reason.textContent = sentence;
    again.hidden = end.cause === "moved" || end.cause === "elsewhere";
  }

  #close() {
    clearTimeout(this.#closeTimer);
    clearInterval(this.#timer);
    stopSound("ringback");
    this.#connection = null;
    this.#audio.srcObject = null;
    this.#root.hidden = true;
    byId("app").inert = false;
    this.#focusBefore?.focus?.();
    this.#focusBefore = null;
  }
}

function attach(video, stream) {
  if (video.srcObject !== (stream ?? null)) video.srcObject = stream ?? null;
}

/** The label says what a press does now; `toggled` is for the eye alone. */
function drawToggle(button, toggled, iconName, label) {
  if (button.title === label) return;
  button.classList.toggle("toggled", toggled);
  button.title = label;
  button.setAttribute("aria-label", label);
  button.replaceChildren(icon(iconName));
}
