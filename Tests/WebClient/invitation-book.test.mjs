import assert from "node:assert/strict";
import { test } from "node:test";
import { InvitationBook } from "../../Sources/WebClient/page/invitation-book.js";
import { invitationLine } from "../../Sources/WebClient/page/sentences.js";
import { failure, turn } from "./browser.mjs";

const band = { conversationId: "band", name: "Band", inviter: { id: "ann", displayName: "Ann" }, memberCount: 3 };
const club = { conversationId: "club", name: "Club", inviter: { id: "ben", username: "ben" }, memberCount: 1 };
const names = (/** @type {InvitationBook} */ book) => book.invitations.map(({ name }) => name);

/** A book on a server whose answers the test gives, the oldest first. */
function made() {
  /** @type {string[]} */
  const asked = [];
  /** @type {{resolve: (value: any) => void, reject: (error: Error) => void}[]} the verb's own value */
  const waiting = [];
  /** @param {string} verb @returns {(id?: string) => Promise<any>} the verb's own value */
  const ask = (verb) => (id) =>
    new Promise((resolve, reject) => {
      asked.push(id ? `${verb} ${id}` : verb);
      waiting.push({ resolve, reject });
    });
  const api = {
    invitations: ask("list"),
    acceptInvitation: ask("accept"),
    declineInvitation: ask("decline"),
  };
  const answer = async (/** @type {unknown} */ value) => {
    const next = waiting.shift();
    assert.ok(next);
    const { resolve, reject } = next;
    if (value instanceof Error) reject(value);
    else resolve(value);
    await turn();
  };
  const book = new InvitationBook(api);
  let changes = 0;
  book.addEventListener("change", () => (changes += 1));
  return { book, asked, answer, changes: () => changes };
}

test("an invitation that comes stands first, and once", async () => {
  const { book, answer } = made();
  book.load();
  await answer([band]);
  book.take(club);
  book.take(band);
  assert.deepEqual(names(book), ["Band", "Club"]);
});

test("accepting gives the group, and is asked for once however often it is pressed", async () => {
  const { book, asked, answer } = made();
  book.take(band);
  const accepted = book.answer("accept", "band");
  assert.equal(book.isBusy("band"), true);
  assert.equal(await book.answer("accept", "band"), null);
  await answer({ id: "band" });
  assert.deepEqual(await accepted, { id: "band" });
  assert.deepEqual(asked, ["accept band"]);
  assert.deepEqual(names(book), []);
  assert.equal(book.isBusy("band"), false);
});

test("what is declined does not come back with a list that is older", async () => {
  const { book, answer } = made();
  book.take(band);
  const declined = book.answer("decline", "band");
  book.load();
  await answer(undefined);
  assert.equal(await declined, null);
  await answer([band, club]);
  assert.deepEqual(names(book), ["Club"]);
  // Whoever invites again some time later is heard.
  book.load();
  await answer([band, club]);
  assert.deepEqual(names(book), ["Band", "Club"]);
});

test("an answer that fails leaves the invitation, unless it is gone", async () => {
  for (const [code, left] of Object.entries({ UNAVAILABLE: ["Band"], NOT_FOUND: [] })) {
    const { book, answer } = made();
    book.take(band);
    const rejected = assert.rejects(book.answer("accept", "band"), { code });
    await answer(failure(code));
    await rejected;
    assert.deepEqual(names(book), left);
    assert.equal(book.isBusy("band"), false);
  }
});

test("a list that cannot be had leaves what is there", async () => {
  const { book, answer } = made();
  book.take(band);
  book.load();
  await answer(failure("OFFLINE"));
  assert.deepEqual(names(book), ["Band"]);
});

test("the invitations of somebody who is blocked go, and all go with the sign-in", async () => {
  const { book, answer, changes } = made();
  book.take(band);
  book.take(club);
  book.forgetInviter("ann");
  assert.deepEqual(names(book), ["Club"]);
  book.load();
  book.clear();
  const before = changes();
  await answer([band]);
  assert.deepEqual(names(book), []);
  assert.equal(changes(), before);
});

test("an invitation says who invites, and how large the group is", () => {
  assert.equal(invitationLine(band), "Ann invites you · 3 members");
  assert.equal(invitationLine(club), "ben invites you · 1 member");
});
