// Ringing, and the tone the caller hears: made here, no files.

/** @type {AudioContext | null} */
let context = null;

/** Browsers let a page make sound only after the user touched it: the first touch opens the way. */
export function unlockSoundsOnFirstTouch() {
  const unlock = () => {
    context ??= new AudioContext();
    context.resume().catch(() => {});
  };
  for (const type of ["pointerdown", "keydown"]) document.addEventListener(type, unlock, { once: true, capture: true });
}

/**
 * One note with soft edges.
 * @param {AudioNode} output
 * @param {number} frequency in hertz
 * @param {number} start by the clock of the output
 * @param {number} length in seconds
 * @param {number} level from 0 to 1
 */
function note(output, frequency, start, length, level) {
  const oscillator = output.context.createOscillator();
  const gain = output.context.createGain();
  oscillator.frequency.value = frequency;
  gain.gain.setValueAtTime(0, start);
  gain.gain.linearRampToValueAtTime(level, start + 0.02);
  gain.gain.setValueAtTime(level, start + length - 0.05);
  gain.gain.linearRampToValueAtTime(0, start + length);
  oscillator.connect(gain).connect(output);
  oscillator.start(start);
  oscillator.stop(start + length);
}

/** @typedef {"ring" | "waiting" | "ringback"} Sound */

/** @type {Record<Sound, {periodMs: number, play: (output: AudioNode, at: number) => void}>} */
const patterns = {
  // Somebody calls: two rising calls, then a pause.
  ring: {
    periodMs: 3_000,
    play: (output, at) => {
      for (const offset of [0, 0.8]) {
        [659.3, 784, 987.8, 784].forEach((pitch, index) => note(output, pitch, at + offset + index * 0.13, 0.17, 0.16));
      }
    },
  },
  // Somebody calls while one is in a call: two short soft notes.
  waiting: {
    periodMs: 5_000,
    play: (output, at) => {
      for (const offset of [0, 0.35]) note(output, 440, at + offset, 0.2, 0.06);
    },
  },
  // It rings at the other side: one second on, three off.
  ringback: {
    periodMs: 4_000,
    play: (output, at) => {
      note(output, 425, at, 1, 0.07);
      note(output, 450, at, 1, 0.03);
    },
  },
};

/** @type {{name: Sound, output: AudioNode, timer: ReturnType<typeof setInterval>} | null} */
let playing = null;

/**
 * Repeats a pattern until {@link stopSound}.
 * @param {Sound} name
 */
export function repeatSound(name) {
  if (playing?.name === name) return;
  if (playing) stopSound(playing.name);
  try {
    context ??= new AudioContext();
    context.resume().catch(() => {});
  } catch {
    return;
  }
  const speaker = context;
  const output = speaker.createGain();
  output.connect(speaker.destination);
  const once = () => {
    if (speaker.state === "running") patterns[name].play(output, speaker.currentTime + 0.03);
  };
  once();
  playing = { name, output, timer: setInterval(once, patterns[name].periodMs) };
}

/**
 * Stops a pattern, if it is the one that plays.
 * @param {Sound} name
 */
export function stopSound(name) {
  if (!playing || playing.name !== name) return;
  clearInterval(playing.timer);
  playing.output.disconnect();
  playing = null;
}

/** Two falling notes: the call is over. */
export function playEnd() {
  if (context?.state !== "running") return;
  note(context.destination, 520, context.currentTime, 0.14, 0.08);
  note(context.destination, 390, context.currentTime + 0.15, 0.2, 0.08);
}
