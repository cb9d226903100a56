// One tab of a profile is live at a time: two would be one device twice, and ring twice.

import { storageNamed } from "../library/ringback.js";

/** A tab that waited for another to close stays back this long: the other may just be loading again. */
const courtesyMs = 1_000;
/** How long a new tab waits before it says that another one is live. */
const patienceMs = 400;

/**
 * Waits for the right to be the live tab, and gets it back when the other tab closes.
 * @param {string} name
 * @param {{onElsewhere: () => void, onHere: () => void}} handlers
 *   `onElsewhere`: another tab has it, or has just taken it away; `onHere`: this tab has it
 * @returns {() => void} takes it away from the other tab
 */
export function beTheLiveTab(name, { onElsewhere, onHere }) {
  const locks = navigator.locks;
  if (!locks) {
    onHere();
    return () => {};
  }
  // Kept over a reload of this tab, and seen by this tab alone.
  const tab = storageNamed("sessionStorage");
  /** @type {AbortController | null} */
  let queued = null;
  let waited = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let courtesy;
  const goLive = () => {
    tab.setItem(name, "live");
    onHere();
  };
  const hold = () => {
    queued = null;
    courtesy = setTimeout(goLive, waited ? courtesyMs : 0);
    return new Promise(() => {});
  };
  const stepBack = () => {
    waited = true;
    tab.removeItem(name);
    onElsewhere();
  };
  const ended = (/** @type {unknown} */ error) => {
    // A held lock ends by being stolen alone. Where storage is blocked, locks are there but are not to be had.
    if (error instanceof Error && error.name === "AbortError") {
      lose();
    } else {
      queued = null;
      goLive();
    }
  };
  const lose = () => {
    clearTimeout(courtesy);
    stepBack();
    queue();
  };
  const queue = () => {
    const place = new AbortController();
    queued = place;
    locks.request(name, { signal: place.signal }, hold).catch((error) => place.signal.aborted || ended(error));
  };
  const take = () => {
    queued?.abort();
    waited = false;
    locks.request(name, { steal: true }, hold).catch(ended);
  };
  if (tab.getItem(name)) take();
  else queue();
  setTimeout(() => queued && stepBack(), patienceMs);
  return take;
}
