// The microphone, the camera and the screen of this device.

import { RingbackError } from "./errors.js";

const audioConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
const videoConstraints = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };

const deviceNames = { NO_MICROPHONE: "microphone", NO_CAMERA: "camera", NO_SCREEN: "screen" };

/** @param {keyof typeof deviceNames} code @param {unknown} cause */
function mediaError(code, cause) {
  // A DOMException, which in some browsers is no Error.
  const name = cause instanceof Object && "name" in cause ? /** @type {{name: unknown}} */ (cause).name : "";
  const denied = name === "NotAllowedError" || name === "SecurityError";
  const what = deviceNames[code];
  return new RingbackError(code, denied ? `The ${what} was not allowed.` : `The ${what} cannot be used.`, { cause });
}

function devices() {
  const found = globalThis.navigator?.mediaDevices;
  if (!found) {
    throw new RingbackError("INSECURE_CONTEXT", "Microphone and camera need https, or the address localhost.");
  }
  return found;
}

/** The tracks that a call sends. Each is null while it is off. */
export class LocalMedia {
  /** @type {MediaStreamTrack | null} */
  microphone = null;
  /** @type {MediaStreamTrack | null} */
  camera = null;
  /** @type {MediaStreamTrack | null} */
  screen = null;
  /** What the camera sees, for a preview. */
  preview = new MediaStream();
  /**
   * Why the camera could not be opened, if it could not.
   * @type {RingbackError | null}
   */
  cameraError = null;

  /**
   * Opens the microphone and, if wanted, the camera: with one question to the user. Goes on without the
   * camera if that fails.
   * @param {{camera: boolean}} wanted
   */
  async open({ camera }) {
    if (camera) {
      try {
        const stream = await devices().getUserMedia({ audio: audioConstraints, video: videoConstraints });
        this.#useMicrophone(stream.getAudioTracks()[0] ?? null);
        this.#useCamera(stream.getVideoTracks()[0] ?? null);
        return;
      } catch (cause) {
        if (cause instanceof RingbackError) throw cause;
        this.cameraError = mediaError("NO_CAMERA", cause);
      }
    }
    const media = devices();
    try {
      const stream = await media.getUserMedia({ audio: audioConstraints });
      this.#useMicrophone(stream.getAudioTracks()[0] ?? null);
    } catch (cause) {
      throw mediaError("NO_MICROPHONE", cause);
    }
  }

  /** Opens the camera. */
  async openCamera() {
    if (this.camera) return;
    const media = devices();
    try {
      const stream = await media.getUserMedia({ video: videoConstraints });
      this.#useCamera(stream.getVideoTracks()[0] ?? null);
      this.cameraError = null;
    } catch (cause) {
      throw mediaError("NO_CAMERA", cause);
    }
  }

  // Whoever puts a track in place stops the one that was there: nobody else could any more.

  /** @param {MediaStreamTrack | null} track */
  #useMicrophone(track) {
    this.microphone?.stop();
    this.microphone = track;
  }

  /** @param {MediaStreamTrack | null} track */
  #useCamera(track) {
    this.closeCamera();
    this.camera = track;
    if (track) this.preview.addTrack(track);
  }

  /** Switches the camera off, and its light with it. */
  closeCamera() {
    if (!this.camera) return;
    this.preview.removeTrack(this.camera);
    this.camera.stop();
    this.camera = null;
  }

  /** Asks the user what to share. Whether there is a screen to share, see {@link canShareScreen}. */
  async openScreen() {
    const media = devices();
    try {
      const stream = await media.getDisplayMedia({ video: { frameRate: { ideal: 15, max: 30 } }, audio: false });
      this.closeScreen();
      this.screen = stream.getVideoTracks()[0] ?? null;
      if (this.screen) this.screen.contentHint = "detail";
    } catch (cause) {
      throw mediaError("NO_SCREEN", cause);
    }
  }

  /** Ends the sharing of the screen. */
  closeScreen() {
    this.screen?.stop();
    this.screen = null;
  }

  /** Switches everything off. */
  close() {
    this.#useMicrophone(null);
    this.closeCamera();
    this.closeScreen();
  }
}

/** Whether this browser can share a screen; phones cannot. */
export function canShareScreen() {
  return typeof globalThis.navigator?.mediaDevices?.getDisplayMedia === "function";
}
