// One tab of a profile is live at a time: two would be one device twice, and ring twice.

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
  let queued = null;
  let waited = false;
  let courtesy;
  const goLive = () => {
    // Kept over a reload of this tab, and seen by this tab alone.
    sessionStorage.setItem(name, "live");
    onHere();
  };
  const hold = () => {
    queued = null;
    courtesy = setTimeout(goLive, waited ? courtesyMs : 0);
    return new Promise(() => {});
  };
  const stepBack = () => {
    waited = true;
    sessionStorage.removeItem(name);
    onElsewhere();
  };
  const lose = () => {
    clearTimeout(courtesy);
    stepBack();
    queue();
  };
  const queue = () => {
    const place = new AbortController();
    queued = place;
    locks.request(name, { signal: place.signal }, hold).catch(() => place.signal.aborted || lose());
  };
  const take = () => {
    queued?.abort();
    waited = false;
    // A held lock ends by being stolen alone, and then its request rejects.
    locks.request(name, { steal: true }, hold).catch(lose);
  };
  if (sessionStorage.getItem(name)) take();
  else queue();
  setTimeout(() => queued && stepBack(), patienceMs);
  return take;
}
