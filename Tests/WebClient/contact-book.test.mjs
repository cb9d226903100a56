import assert from "node:assert/strict";
import { test } from "node:test";
import { hasCode } from "../../Sources/WebClient/library/errors.js";
import { ContactBook, verbsFor } from "../../Sources/WebClient/page/contact-book.js";
import { standingWord, verbWords } from "../../Sources/WebClient/page/sentences.js";
import { failure, turn } from "./browser.mjs";

/** @typedef {import("../../Sources/WebClient/library/contacts.js").Contact} Contact */
/** @typedef {import("../../Sources/WebClient/page/contact-book.js").Verb} Verb */
/** @typedef {import("../../Sources/WebClient/page/contact-book.js").Standing["contact"]} Status */

const ann = { id: "ann", displayName: "Ann" };
const ben = { id: "ben", username: "ben" };

/** A server whose answers the test gives: `answer(verb, value)` to the oldest request of that name. */
function server() {
  /** @type {{verb: string, resolve: (value: any) => void, reject: (error: Error) => void}[]} the verb's own value */
  const open = [];
  /** @type {string[]} */
  const asked = [];
  /** @param {string} verb @returns {(userId?: string) => Promise<any>} the verb's own value */
  const request = (verb) => (userId) => {
    asked.push(userId ? `${verb} ${userId}` : verb);
    return new Promise((resolve, reject) => open.push({ verb, resolve, reject }));
  };
  const api = {
    list: request("list"),
    ask: request("ask"),
    accept: request("accept"),
    decline: request("decline"),
    remove: request("remove"),
    blocked: request("blocked"),
    block: request("block"),
    unblock: request("unblock"),
  };
  /**
   * @param {string} verb
   * @param {unknown} [value]
   */
  const answer = async (verb, value) => {
    const [{ resolve, reject }] = open.splice(open.findIndex((one) => one.verb === verb), 1);
    if (value instanceof Error) reject(value);
    else resolve(value);
    await turn();
  };
  const lists = async (/** @type {Contact[]} */ contacts, /** @type {Wire.User[]} */ blocked = []) => {
    await turn();
    await answer("list", contacts);
    await answer("blocked", blocked);
  };
  return { api, asked, answer, lists };
}

/**
 * A book with these lists, and what was asked for from then on.
 * @param {Contact[]} contacts
 * @param {Wire.User[]} [blocked]
 */
async function book(contacts, blocked) {
  const made = server();
  const contactBook = new ContactBook(made.api);
  contactBook.load();
  await made.lists(contacts, blocked);
  made.asked.length = 0;
  return { ...made, book: contactBook };
}

const names = (/** @type {Wire.User[]} */ users) => users.map(({ id }) => id);

test("what can be done depends on how things stand, and all of it has words", () => {
  /** @type {[contact: Status, blocked: boolean, verbs: Verb[]][]} */
  const table = [
    ["", false, ["ask", "block"]],
    ["requested", false, ["withdraw", "block"]],
    ["received", false, ["accept", "decline", "block"]],
    ["accepted", false, ["remove", "block"]],
    ["accepted", true, ["unblock"]],
  ];
  for (const [contact, blocked, verbs] of table) {
    assert.deepEqual(verbsFor({ contact, blocked }), verbs);
    for (const verb of verbs) assert.match(verbWords[verb].done("Ann"), /Ann/);
  }
  assert.equal(standingWord({ contact: "accepted", blocked: true }), "Blocked");
  assert.equal(standingWord({ contact: "", blocked: false }), "");
});

test("there is one loading at a time, and it is told of", async () => {
  const { api, asked, lists } = server();
  const contactBook = new ContactBook(api);
  /** @type {boolean[][]} */
  const seen = [];
  contactBook.addEventListener("change", () => seen.push([contactBook.isLoading, contactBook.isLoaded]));
  assert.equal(contactBook.load(), contactBook.load());
  await lists([{ user: ben, status: "received" }, { user: ann, status: "received" }]);
  assert.deepEqual(asked, ["list", "blocked"]);
  assert.deepEqual(seen, [[true, false], [false, true]]);
  assert.deepEqual(names(contactBook.contacts("received")), ["ann", "ben"]);
});

test("a failure is kept until the next loading; what was there stays", async () => {
  const { book: contactBook, answer, lists } = await book([{ user: ann, status: "accepted" }]);
  contactBook.load();
  await turn();
  await answer("blocked", []);
  await answer("list", failure("OFFLINE"));
  assert.ok(hasCode(contactBook.error, "OFFLINE"));
  assert.deepEqual(names(contactBook.contacts("accepted")), ["ann"]);
  contactBook.load();
  await lists([]);
  assert.equal(contactBook.error, null);
  assert.deepEqual(contactBook.contacts("accepted"), []);
});

test("every change shows at once when it is done, and not before", async () => {
  /** @type {[verb: Verb, before: Status, answered: Contact | undefined, after: Status][]} */
  const table = [
    ["ask", "", { user: ann, status: "requested" }, "requested"],
    // They had asked already.
    ["ask", "", { user: ann, status: "accepted" }, "accepted"],
    ["accept", "received", undefined, "accepted"],
    ["decline", "received", undefined, ""],
    ["withdraw", "requested", undefined, ""],
    ["remove", "accepted", undefined, ""],
  ];
  for (const [verb, before, answered, after] of table) {
    const { book: contactBook, answer, asked } = await book(before ? [{ user: ann, status: before }] : []);
    const done = contactBook.change(verb, ann);
    assert.equal(contactBook.standingOf("ann").contact, before, verb);
    await answer(verb === "withdraw" ? "remove" : verb, answered);
    assert.equal(await done, true);
    assert.equal(contactBook.standingOf("ann").contact, after, verb);
    assert.deepEqual(asked, [`${verb === "withdraw" ? "remove" : verb} ann`]);
  }
});

test("a second press while the first is on its way asks for nothing", async () => {
  const { book: contactBook, answer, asked } = await book([{ user: ann, status: "received" }]);
  const first = contactBook.change("accept", ann);
  assert.equal(contactBook.isBusy("ann"), true);
  assert.equal(await contactBook.change("decline", ann), false);
  const other = contactBook.change("ask", ben);
  await answer("accept");
  await answer("ask", { user: ben, status: "requested" });
  assert.deepEqual([await first, await other], [true, true]);
  assert.equal(contactBook.isBusy("ann"), false);
  assert.deepEqual(asked, ["accept ann", "ask ben"]);
});

test("a block hides a contact and withdraws a request; without it the lists are asked for again", async () => {
  const { book: contactBook, answer, asked, lists } = await book([
    { user: ann, status: "accepted" },
    { user: ben, status: "requested" },
  ]);
  for (const user of [ann, ben]) {
    const done = contactBook.change("block", user);
    await answer("block");
    await done;
  }
  assert.deepEqual(names(contactBook.blocked), ["ann", "ben"]);
  assert.deepEqual([contactBook.contacts("accepted"), contactBook.contacts("requested")], [[], []]);
  asked.length = 0;
  const done = contactBook.change("unblock", ann);
  await answer("unblock");
  await done;
  assert.equal(contactBook.standingOf("ann").blocked, false);
  await lists([{ user: ann, status: "accepted" }], [ben]);
  assert.deepEqual(asked, ["unblock ann", "list", "blocked"]);
  assert.deepEqual(names(contactBook.contacts("accepted")), ["ann"]);
});

test("a request that was taken back meanwhile: the refusal is told, and the lists are asked for again", async () => {
  const { book: contactBook, answer, asked, lists } = await book([{ user: ann, status: "received" }]);
  const refused = assert.rejects(contactBook.change("accept", ann), { code: "NOT_FOUND" });
  await answer("accept", failure("NOT_FOUND"));
  await refused;
  assert.equal(contactBook.isBusy("ann"), false);
  await lists([]);
  assert.deepEqual(asked, ["accept ann", "list", "blocked"]);
  assert.equal(contactBook.standingOf("ann").contact, "");
});

test("a list that was read before a change does not undo it", async () => {
  const { book: contactBook, answer, asked, lists } = await book([]);
  contactBook.load();
  await turn();
  const done = contactBook.change("block", ann);
  await answer("block");
  await done;
  await lists([], []);
  // What came was of before: it is asked for once more.
  await lists([], [ann]);
  assert.deepEqual(asked, ["list", "blocked", "block ann", "list", "blocked"]);
  assert.deepEqual(names(contactBook.blocked), ["ann"]);
  assert.equal(contactBook.isLoading, false);
});

test("after a sign-out nothing of the former person comes back", async () => {
  const { book: contactBook, answer, lists } = await book([{ user: ann, status: "accepted" }]);
  contactBook.load();
  await turn();
  const late = contactBook.change("block", ann);
  contactBook.clear();
  assert.deepEqual([contactBook.isLoaded, contactBook.isLoading, contactBook.isBusy("ann")], [false, false, false]);
  await answer("block");
  await late;
  await lists([{ user: ann, status: "accepted" }], [ben]);
  assert.deepEqual([contactBook.blocked, contactBook.contacts("accepted")], [[], []]);
  assert.equal(contactBook.isLoaded, false);
});
