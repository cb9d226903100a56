// The page: puts its parts together.

import { Contacts, RingbackClient } from "../library/ringback.js";
import { notify } from "./attention.js";
import { CallTogether } from "./call-back.js";
import { CallBar } from "./call-bar.js";
import { CallScreen } from "./call-screen.js";
import { CallSettings } from "./call-settings.js";
import { ContactBook } from "./contact-book.js";
import { ConversationList } from "./conversation-list.js";
import { Devices } from "./devices.js";
import { byId, el, toast } from "./dom.js";
import { listOfNames, nameOf } from "./format.js";
import { Groups } from "./groups.js";
import { History } from "./history.js";
import { icon } from "./icons.js";
import { Incoming } from "./incoming.js";
import { InvitationBook } from "./invitation-book.js";
import { Invitations } from "./invitations.js";
import { Login } from "./login.js";
import { NewGroup } from "./new-group.js";
import { People } from "./people.js";
import { forgetQuestion } from "./question.js";
import { errorSentence } from "./sentences.js";
import { SettingsPanel } from "./settings-panel.js";
import { beTheLiveTab } from "./single-tab.js";
import { unlockSoundsOnFirstTouch } from "./sounds.js";
import { Thread } from "./thread.js";

const query = new URLSearchParams(location.search);
const profile = (query.get("profile") ?? "").replace(/[^\w-]/g, "").slice(0, 40);
// `?relay` sends all media over the TURN server, to try that out.
const client = new RingbackClient({ profile, rtc: query.has("relay") ? { iceTransportPolicy: "relay" } : {} });

// For the console and for tests.
Object.assign(window, {
  ringback: {
    client,
    get call() {
      return client.connection;
    },
  },
});

const app = byId("app");
const tabs = ["chats", "calls", "devices"];

/**
 * Does something about a call, and says why when it cannot be done.
 * @template Result
 * @param {() => Result} action
 */
function attempt(action) {
  try {
    return action();
  } catch (error) {
    toast(errorSentence(error, "call"));
    return undefined;
  }
}

const together = new CallTogether(client, {
  onWaiting: (first, others) => {
    toast(`${listOfNames(others.map(nameOf))} will be called when ${nameOf(first)} has answered.`);
  },
  onFailure: (error) => toast(errorSentence(error, "add")),
});
const placeCall = (/** @type {Wire.User} */ user, /** @type {boolean} */ video) =>
  attempt(() => client.placeCall(user, { video }));
const callGroup = (/** @type {Wire.Conversation} */ conversation, /** @type {boolean} */ video) =>
  attempt(() => client.placeGroupCall(conversation, { video }));
const joinCall = (/** @type {Wire.Call} */ call, video = false) => attempt(() => client.joinCall(call.id, { video }));
/**
 * @param {import("./call-back.js").CallBack} whom
 * @param {boolean} video
 */
const callBack = ({ join, group, people = [] }, video) => {
  if (join) joinCall(join, video);
  else if (group) callGroup(group, video);
  else attempt(() => together.call(people, video));
};

// ------------------------------------------------------------------------------------------- the parts

/** @type {ConversationList} */
const conversations = new ConversationList(client, {
  onOpen: openConversation,
  onLoaded: () => thread.update(conversations.get(thread.conversationId ?? "")),
});
const contacts = new Contacts(client);
const book = new ContactBook(contacts);
const invitations = new InvitationBook(client);
new Invitations(invitations, book, { onAccepted: openConversation });
const settings = new CallSettings(contacts);
/** @type {Thread} */
const thread = new Thread(client, book, {
  onCall: placeCall,
  onCallGroup: callGroup,
  onJoin: (call) => joinCall(call),
  onBack: () => showList(),
  onSeen: (id, seq) => conversations.seen(id, seq),
  onSent: (message) => conversations.take(message),
});
const people = new People(client, {
  onOpen: openConversation,
  onSearching: (searching) => showPanel(searching ? "people" : "chats"),
});
const newGroup = new NewGroup(client, { onMade: openConversation });
byId("make-group").addEventListener("click", () => newGroup.open());
const groups = new Groups(client, (conversationId) => conversations.get(conversationId));
const history = new History(client, groups, { onCallBack: callBack });
const devices = new Devices(client);
const titleOf = (/** @type {string} */ conversationId) => conversations.titleOf(conversationId);
new CallScreen(client, {
  onCallAgain: (connection) => {
    const group = groups.get(connection.conversationId);
    callBack(together.whomAgain(connection, client.userId, group), connection.video);
  },
  titleOf,
});
new Incoming(client, {
  onAnswer: (call, video) => attempt(() => client.answerCall(call.id, { video })),
  titleOf,
});
const callBar = new CallBar(client, {
  onMove: (call) => attempt(() => client.moveCall(call.id)),
  onJoin: (call) => joinCall(call),
  titleOf,
});
const settingsPanel = new SettingsPanel(book, settings);
const login = new Login(client, { profile, onDone: enter });

/** @param {Wire.Conversation} conversation */
function openConversation(conversation) {
  conversations.add(conversation);
  conversations.select(conversation.id);
  app.dataset.view = "thread";
  thread.open(conversation);
}

function showList() {
  app.dataset.view = "list";
  conversations.select(null);
  thread.close();
}

// -------------------------------------------------------------------------------------------- the tabs

/** @param {string} name */
function showPanel(name) {
  for (const panel of ["people", ...tabs]) byId(`panel-${panel}`).hidden = panel !== name;
  for (const tab of tabs) {
    const selected = tab === name || (name === "people" && tab === "chats");
    byId(`tab-${tab}`).setAttribute("aria-selected", String(selected));
    byId(`tab-${tab}`).tabIndex = selected ? 0 : -1;
  }
  if (name === "calls") history.refresh();
  if (name === "devices") devices.refresh();
}

for (const [index, tab] of tabs.entries()) {
  byId(`tab-${tab}`).addEventListener("click", () => {
    people.close();
    showPanel(tab);
  });
  byId(`tab-${tab}`).addEventListener("keydown", (event) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!step) return;
    const next = byId(`tab-${tabs[(index + step + tabs.length) % tabs.length]}`);
    next.click();
    next.focus();
  });
}

byId("open-settings").prepend(icon("settings"));
byId("open-settings").addEventListener("click", () => settingsPanel.open());
book.addEventListener("change", () => {
  const count = book.contacts("received").length;
  const requests = count === 1 ? ", 1 contact request" : `, ${count} contact requests`;
  const label = count ? `Settings${requests}` : "Settings";
  byId("open-settings").title = label;
  byId("open-settings").setAttribute("aria-label", label);
  byId("open-settings").classList.toggle("asked", count > 0);
});
// A call that begins is not to be hidden by what was being looked at.
client.addEventListener("connection", ({ detail }) => detail.connection && closeDialogs());

function closeDialogs() {
  forgetQuestion();
  settingsPanel.close();
}

byId("logout").append(icon("logout"));
byId("logout").addEventListener("click", () => {
  client.logout().catch(() => {
    toast("You are signed out here, but the server could not be reached. When you are online again, sign in and out once.");
  });
});

// ----------------------------------------------------------------------------------- the live connection

let wasOnline = false;

function drawBanner() {
  const away = client.state === "waiting" || (client.state === "connecting" && wasOnline);
  const banner = byId("banner");
  // Left alone while it says the same, so that screen readers say it once.
  if (banner.hidden === !away && banner.dataset.kind !== "refused") return;
  banner.dataset.kind = "away";
  banner.hidden = !away;
  banner.replaceChildren(
    el("span", { text: "No connection to the server. Reconnecting…" }),
    el("button", { type: "button", class: "link", text: "Try now", on: { click: () => client.retryNow() } }),
  );
}

/** Goes on with the calls that this device is in, one after the other, those on hold first. */
function rejoin() {
  if (client.connection) return;
  const [held, spoken] = client.callsToRejoin();
  if (!held) return;
  const first = attempt(() => client.rejoinCall(held.id));
  if (!spoken || !first) return;
  const next = () => {
    if (!first.isAttached && first.state !== "ended") return;
    first.removeEventListener("state", next);
    if (client.connection === null || client.connection === first) attempt(() => client.rejoinCall(spoken.id));
  };
  first.addEventListener("state", next);
}

client.addEventListener("state", ({ detail }) => {
  if (detail.state === "online") wasOnline = true;
  if (detail.state === "waiting") wasOnline = true;
  drawBanner();
});
client.addEventListener("refused", ({ detail }) => {
  // 4503: this device has opened another socket, in a browser that cannot tell its tabs apart.
  const why =
    detail.code === 4503 ? "Ringback was opened in another window on this device." : "The server closed the connection.";
  byId("banner").hidden = false;
  byId("banner").dataset.kind = "refused";
  byId("banner").replaceChildren(
    el("span", { text: why }),
    el("button", { type: "button", class: "link", text: "Connect here", on: { click: () => client.connect() } }),
  );
});
client.addEventListener("welcome", ({ detail }) => {
  drawName();
  if (!detail.recovered) {
    conversations.refresh();
    thread.refresh();
    book.load();
    invitations.load();
  }
  rejoin();
  callBar.draw();
});
client.addEventListener("invitation", ({ detail }) => invitations.take(detail.invitation));
client.addEventListener("message", ({ detail }) => {
  const { senderId, body = "" } = detail.message;
  if (document.visibilityState === "hidden" && senderId && senderId !== client.userId) notify(body.slice(0, 120));
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible" && client.user) thread.refresh();
});

// ---------------------------------------------------------------------------------------- in and out

function drawName() {
  byId("my-name").textContent = nameOf(client.user ?? undefined);
  byId("my-username").textContent = `@${client.user?.username ?? ""}`;
}

/** @type {(() => void) | null} */
let takeOver = null;
let isLiveTab = false;

/** Somebody is signed in: the page comes to life, unless it lives in another tab. */
function enter() {
  if (isLiveTab) open();
  takeOver ??= beTheLiveTab(`${client.namespace}:live`, {
    onHere: () => {
      isLiveTab = true;
      byId("elsewhere").hidden = true;
      if (client.isSignedIn) open();
      else login.open();
    },
    onElsewhere: () => {
      isLiveTab = false;
      client.disconnect();
      closeDialogs();
      app.hidden = true;
      login.close();
      byId("elsewhere").hidden = false;
    },
  });
}

function open() {
  app.hidden = false;
  drawName();
  showPanel("chats");
  showList();
  client.connect();
}

client.addEventListener("signedout", ({ detail }) => {
  wasOnline = false;
  app.hidden = true;
  byId("banner").hidden = true;
  closeDialogs();
  for (const part of [conversations, thread, history, devices, groups, book, invitations, settings]) part.clear();
  login.open(detail.reason ? "You were signed out. Sign in again." : "");
});
byId("use-here").addEventListener("click", () => takeOver?.());

unlockSoundsOnFirstTouch();
if (profile) document.documentElement.dataset.profile = profile;
if (client.isSignedIn) enter();
else login.open();
