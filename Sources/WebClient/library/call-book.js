// The calls a client knows of. Pure: no clock, no network.

import { withChange } from "./call-change.js";
import { isOpen, uint64 } from "./wire.js";

/** How many ended calls are remembered, so that a late event does not open one again. */
const rememberedEnds = 64;

/**
 * Whether `candidate` is to replace `known`: never by an older or equal revision.
 * @param {Wire.Call | undefined} known
 * @param {Pick<Wire.Call, "revision">} candidate
 */
export function isNewer(known, candidate) {
  return !known || uint64(candidate.revision) > uint64(known.revision);
}

/** Keeps the newest state of every open call. */
export class CallBook {
  constructor() {
    /**
     * Open calls by id.
     * @type {Map<string, Wire.Call>}
     */
    this.open = new Map();
    /** @type {Map<string, Wire.Call>} */
    this.ended = new Map();
  }

  /**
   * Takes a call in.
   * @param {Wire.Call} call
   * @returns {{changed: boolean, previous?: Wire.Call}} `changed` is false when it was not news
   */
  put(call) {
    const previous = this.#known(call.id);
    if (!isNewer(previous, call)) return { changed: false, previous };
    if (isOpen(call)) {
      // A call that is over stays over, whatever a confused message says.
      if (this.ended.has(call.id)) return { changed: false, previous };
      this.open.set(call.id, call);
    } else {
      this.open.delete(call.id);
      this.ended.set(call.id, call);
      const [oldest] = this.ended.keys();
      if (this.ended.size > rememberedEnds) this.ended.delete(oldest);
    }
    return { changed: true, previous };
  }

  /**
   * Takes in what of a call has changed.
   * @param {Wire.CallChanged} change
   * @returns {{call?: Wire.Call, isMissed: boolean}} `call` with the change, if it was news; `isMissed` when it can't be
   *   put on what is known of the call
   */
  change(change) {
    const known = this.#known(change.callId);
    if (known && (!isNewer(known, change) || !isOpen(known))) return { isMissed: false };
    if (!known || uint64(known.revision) < uint64(change.baseRevision)) return { isMissed: true };
    const call = withChange(known, change);
    return this.put(call).changed ? { call, isMissed: false } : { isMissed: false };
  }

  /**
   * Whether a call is known at a revision or a later one.
   * @param {string} callId
   * @param {bigint} revision
   */
  isKnown(callId, revision) {
    const known = this.#known(callId);
    return known !== undefined && uint64(known.revision) >= revision;
  }

  /** @param {string} callId */
  #known(callId) {
    return this.open.get(callId) ?? this.ended.get(callId);
  }

  /**
   * Replaces everything by the server's snapshot.
   * @param {Wire.Call[]} calls every open call
   * @returns {{gone: Wire.Call[], present: Wire.Call[]}}
   *   `gone` were open here and are not any more
   */
  replaceAll(calls) {
    const next = new Map(calls.filter(isOpen).map((call) => [call.id, call]));
    const gone = [...this.open.values()].filter((call) => !next.has(call.id));
    this.open.clear();
    for (const [id, call] of next) this.open.set(id, call);
    for (const id of next.keys()) this.ended.delete(id);
    return { gone, present: [...next.values()] };
  }

  /**
   * Forgets an open call.
   * @param {string} callId
   * @returns {Wire.Call | undefined} what was known of it
   */
  forget(callId) {
    const call = this.open.get(callId);
    this.open.delete(callId);
    return call;
  }

  /** Forgets everything. */
  clear() {
    this.open.clear();
    this.ended.clear();
  }
}
