// Calling again the people of a call that is over.

import { canJoin, isGroupCall, peerOf } from "../library/ringback.js";
import { listOfNames, nameOf } from "./format.js";

/** So many people at most are added to a call at a time. */
const addLimit = 32;

/** @typedef {import("../library/ringback.js").CallConnection} CallConnection */

/**
 * What calling back means: one of them.
 * @typedef {{join?: Wire.Call, group?: Wire.Conversation, people?: Wire.User[]}} CallBack
 */

/**
 * What a call in a list is called. Pure.
 * @param {Wire.Call} call
 * @param {string} me
 * @param {Wire.Conversation | null} group the group conversation that it belongs to, if it does
 */
export function callTitle(call, me, group) {
  if (!isGroupCall(call)) return nameOf(peerOf(call, me)?.user);
  return group?.name || listOfNames(othersOf(call, me).map(nameOf)) || "Group call";
}

/**
 * The others of a call, in the order in which they came to it. Pure.
 * @param {Wire.Call} call
 * @param {string} me
 */
export function othersOf(call, me) {
  return (call.participants ?? []).map(({ user }) => user).filter(({ id }) => id !== me);
}

/**
 * What calling back means: to come into a call that goes on, to call in its group, or to call its people. Pure.
 * @param {Wire.Call} call
 * @param {string} me
 * @param {Wire.Conversation | null} group the group conversation that it belongs to, if it does
 * @returns {CallBack}
 */
export function callBackOf(call, me, group) {
  if (canJoin(call, me)) return { join: call };
  if (isGroupCall(call) && group) return { group };
  return { people: othersOf(call, me) };
}

/**
 * Calls several people who have no group: the first one, and the others when that one has answered. A call between two
 * takes in more people only then.
 */
export class CallTogether {
  #client;
  #onWaiting;
  #onFailure;
  /** @type {WeakMap<object, Wire.User[]>} */
  #people = new WeakMap();

  /**
   * @param {Pick<import("../library/ringback.js").RingbackClient, "placeCall">} client
   * @param {object} handlers
   * @param {(first: Wire.User, others: Wire.User[]) => void} handlers.onWaiting the others wait for the first one
   * @param {(error: unknown) => void} handlers.onFailure the others could not be rung
   */
  constructor(client, { onWaiting, onFailure }) {
    this.#client = client;
    this.#onWaiting = onWaiting;
    this.#onFailure = onFailure;
  }

  /** @param {Wire.User[]} people at least one @param {boolean} video */
  call([first, ...others], video) {
    const connection = this.#client.placeCall(first, { video });
    this.#people.set(connection, [first, ...others]);
    if (others.length) this.#addWhenAnswered(connection, first, others);
  }

  /**
   * Whom to call again, after a call of this device: all whom it was meant for, also those who were not rung.
   * @param {Pick<CallConnection, "isGroup" | "peer" | "call">} connection
   * @param {string} me
   * @param {Wire.Conversation | null} group the group conversation that it belongs to, if it does
   * @returns {CallBack}
   */
  whomAgain(connection, me, group) {
    if (!connection.isGroup) return { people: this.#people.get(connection) ?? [connection.peer] };
    if (group) return { group };
    return { people: connection.call ? othersOf(connection.call, me) : [] };
  }

  /**
   * @param {CallConnection} connection
   * @param {Wire.User} first
   * @param {Wire.User[]} others
   */
  #addWhenAnswered(connection, first, others) {
    const look = async () => {
      const isOver = connection.state === "ended";
      if (!isOver && !connection.call?.answeredAt) return;
      connection.removeEventListener("state", look);
      if (isOver) return;
      try {
        const ids = others.map(({ id }) => id);
        for (let place = 0; place < ids.length; place += addLimit) {
          await connection.controls.add(ids.slice(place, place + addLimit));
        }
      } catch (error) {
        this.#onFailure(error);
      }
    };
    connection.addEventListener("state", look);
    this.#onWaiting(first, others);
  }
}
