// Calling again the people of a call that is over.

import { canJoin, isGroupCall, peerOf } from "../library/ringback.js";
import { listOfNames, nameOf } from "./format.js";

/** So many people at most are added to a call at a time. */
const addLimit = 32;

/**
 * What a call in a list is called. Pure.
 * @param {import("../library/ringback.js").Call} call
 * @param {string} me
 * @param {object | null} group the group conversation that it belongs to, if it does
 */
export function callTitle(call, me, group) {
  if (!isGroupCall(call)) return nameOf(peerOf(call, me)?.user);
  return group?.name || listOfNames(othersOf(call, me).map(nameOf)) || "Group call";
}

/** The others of a call, in the order in which they came to it. Pure. */
export function othersOf(call, me) {
  return (call.participants ?? []).map(({ user }) => user).filter(({ id }) => id !== me);
}

/**
 * What calling back means: to come into a call that goes on, to call in its group, or to call its people. Pure.
 * @param {import("../library/ringback.js").Call} call
 * @param {string} me
 * @param {object | null} group the group conversation that it belongs to, if it does
 * @returns {{join: object} | {group: object} | {people: object[]}}
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
  #people = new WeakMap();

  /**
   * @param {import("../library/ringback.js").RingbackClient} client
   * @param {object} handlers
   * @param {(first: object, others: object[]) => void} handlers.onWaiting the others wait for the first one's answer
   * @param {(error: Error) => void} handlers.onFailure the others could not be rung
   */
  constructor(client, { onWaiting, onFailure }) {
    this.#client = client;
    this.#onWaiting = onWaiting;
    this.#onFailure = onFailure;
  }

  /** @param {object[]} people at least one @param {boolean} video */
  call([first, ...others], video) {
    const connection = this.#client.placeCall(first, { video });
    this.#people.set(connection, [first, ...others]);
    if (others.length) this.#addWhenAnswered(connection, first, others);
  }

  /**
   * Whom to call again, after a call of this device: all whom it was meant for, also those who were not rung.
   * @param {import("../library/ringback.js").CallConnection} connection
   * @param {string} me
   * @param {object | null} group the group conversation that it belongs to, if it does
   * @returns {{group: object} | {people: object[]}}
   */
  whomAgain(connection, me, group) {
    if (!connection.isGroup) return { people: this.#people.get(connection) ?? [connection.peer] };
    return group ? { group } : { people: othersOf(connection.call, me) };
  }

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
