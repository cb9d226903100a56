// What is seen and heard of a call between two.

import { avatar } from "./avatar.js";
import { byId, el } from "./dom.js";
import { nameOf } from "./format.js";

/** The picture of the other side, its screen, and one's own picture. */
export class DirectStage {
  #connection;
  #audio = byId("remote-audio", HTMLAudioElement);
  #parts;
  #onSilenced;

  /**
   * @param {import("../library/ringback.js").CallConnection} connection
   * @param {{onSilenced: (silenced: boolean) => void}} handlers `silenced`: the browser wants a touch before it plays
   */
  constructor(connection, { onSilenced }) {
    this.#connection = connection;
    this.#onSilenced = onSilenced;
    this.#parts = {
      face: el("div", { class: "face" }, el("div", { class: "pulse" }, avatar(connection.peer, "large"))),
      remoteScreen: videoElement("remote-screen"),
      remoteVideo: videoElement("remote-video"),
      localVideo: videoElement("local-video"),
    };
    /** To be put on the page. */
    this.element = el("div", { class: "stage" }, ...Object.values(this.#parts));
  }

  /** @returns {"screen" | "video" | "face"} what fills it */
  draw() {
    const connection = this.#connection;
    const { face, remoteScreen, remoteVideo, localVideo } = this.#parts;
    const shown = connection.state !== "ended" && !connection.onHold;
    attach(remoteVideo, connection.remote?.camera);
    attach(remoteScreen, connection.remote?.screen);
    attach(localVideo, connection.cameraOn ? connection.local.preview : null);
    this.#audio.muted = !shown;
    if (connection.remote && this.#audio.srcObject !== connection.remote.audio) {
      this.#audio.srcObject = connection.remote.audio;
      this.play();
    }
    remoteScreen.hidden = !shown || !connection.showsScreen;
    remoteVideo.hidden = !shown || !connection.showsCamera;
    localVideo.hidden = !shown || !connection.cameraOn;
    face.hidden = !remoteScreen.hidden || !remoteVideo.hidden;
    return !remoteScreen.hidden ? "screen" : !remoteVideo.hidden ? "video" : "face";
  }

  /** Plays the sound; after a touch, where the browser wants one. */
  play() {
    play(this.#audio, this.#onSilenced);
  }

  /** A word on the other side, when there is something to say. */
  get note() {
    const connection = this.#connection;
    const peer = connection.peerParticipant;
    const name = nameOf(connection.peer);
    if (connection.onHold) return "You have put the call on hold. Nobody hears or sees you.";
    if (peer?.onHold) return `${name} has put the call on hold.`;
    if (peer?.reconnecting) return `${name} lost connection. Waiting for them to reconnect.`;
    if (connection.sharing) return `${name} can see your screen.`;
    if (connection.state === "connected" && peer?.media && !peer.media.microphone) return `${name} is muted.`;
    return "";
  }

  /** Ends. */
  close() {
    this.#audio.srcObject = null;
  }
}

/**
 * A picture without sound: sound has elements of its own.
 * @param {string} testid
 */
export function videoElement(testid) {
  const video = el("video", { testid, class: testid, autoplay: true, playsinline: true, hidden: true });
  video.muted = true;
  return video;
}

/**
 * Shows a stream, or nothing.
 * @param {HTMLMediaElement} element
 * @param {MediaStream | null | undefined} stream
 */
export function attach(element, stream) {
  if (element.srcObject !== (stream ?? null)) element.srcObject = stream ?? null;
}

/**
 * Plays sound, and tells when the browser wants a touch first, after a reload for instance.
 * @param {HTMLMediaElement} audio
 * @param {(silenced: boolean) => void} onSilenced
 */
export function play(audio, onSilenced) {
  audio.play().then(
    () => onSilenced(false),
    (error) => error.name === "NotAllowedError" && onSilenced(true),
  );
}
