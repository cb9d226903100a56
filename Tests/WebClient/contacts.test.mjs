import assert from "node:assert/strict";
import { test } from "node:test";
import { Contacts } from "../../Sources/WebClient/library/contacts.js";

/**
 * A client whose server gives these answers, one after the other.
 * @param {...object} answers
 */
function client(...answers) {
  /** @type {[method: string, path: string, body?: object][]} */
  const requests = [];
  /**
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   */
  const rest = async (method, path, body) => {
    requests.push(body === undefined ? [method, path] : [method, path, body]);
    return answers.shift() ?? {};
  };
  return { requests, contacts: new Contacts({ rest }) };
}

test("settings: what the wire leaves out is off", async () => {
  const { contacts } = client({ whoCanCall: "WHO_CAN_CALL_EVERYONE" });
  assert.deepEqual(await contacts.callSettings(), { callWaiting: false, whoCanCall: "everyone" });
});

test("a change says only what is changed", async () => {
  const stored = { callWaiting: true, whoCanCall: "WHO_CAN_CALL_CONTACTS" };
  /** @type {[changes: Partial<import("../../Sources/WebClient/library/contacts.js").CallSettings>, sent: object][]} */
  const table = [
    [{ whoCanCall: "contacts" }, { whoCanCall: "WHO_CAN_CALL_CONTACTS" }],
    [{ callWaiting: false }, { callWaiting: false }],
  ];
  for (const [changes, sent] of table) {
    const { requests, contacts } = client(stored);
    assert.deepEqual(await contacts.changeCallSettings(changes), { callWaiting: true, whoCanCall: "contacts" });
    const [[method, path, body]] = requests;
    assert.deepEqual([method, path], ["PATCH", "/v1/me/call-settings"]);
    // As it goes over the wire, where undefined is nothing.
    assert.deepEqual(JSON.parse(JSON.stringify(body)), sent);
  }
});

test("lists are read to their end", async () => {
  const contact = (/** @type {string} */ id) => ({ user: { id }, status: "CONTACT_STATUS_RECEIVED" });
  const { requests, contacts } = client({ contacts: [contact("a")], nextCursor: "a/b" }, { contacts: [contact("b")] });
  assert.deepEqual(await contacts.list(), [
    { user: { id: "a" }, status: "received" },
    { user: { id: "b" }, status: "received" },
  ]);
  const paths = requests.map(([, path]) => path);
  assert.deepEqual(paths, ["/v1/contacts?limit=100", "/v1/contacts?limit=100&cursor=a%2Fb"]);
  assert.deepEqual(await client({}).contacts.blocked(), []);
});

test("each verb is one request", async () => {
  /** @type {["accept" | "decline" | "remove" | "block" | "unblock", ...string[]][]} */
  const table = [
    ["accept", "POST", "/v1/contacts/u%2F1/accept"],
    ["decline", "POST", "/v1/contacts/u%2F1/reject"],
    ["remove", "DELETE", "/v1/contacts/u%2F1"],
    ["block", "PUT", "/v1/blocks/u%2F1"],
    ["unblock", "DELETE", "/v1/blocks/u%2F1"],
  ];
  for (const [verb, ...request] of table) {
    const { requests, contacts } = client();
    await contacts[verb]("u/1");
    assert.deepEqual(requests, [request], verb);
  }
  const { requests, contacts } = client({ user: { id: "u1" }, status: "CONTACT_STATUS_ACCEPTED" });
  assert.deepEqual(await contacts.ask("u1"), { user: { id: "u1" }, status: "accepted" });
  assert.deepEqual(requests, [["POST", "/v1/contacts", { userId: "u1" }]]);
});
