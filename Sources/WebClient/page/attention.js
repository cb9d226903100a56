// Drawing the eye to a tab in the background: its title, and a notification where that is allowed.

const plainTitle = document.title;
/** @type {ReturnType<typeof setInterval> | undefined} */
let flashing;
let unread = 0;
/** @type {Notification | null} */
let notification = null;

function restTitle() {
  document.title = unread ? `(${unread}) ${plainTitle}` : plainTitle;
}

/**
 * Shows the number of unread messages in the title.
 * @param {number} count
 */
export function showUnread(count) {
  unread = count;
  if (!flashing) restTitle();
}

/**
 * Flashes the title, and notifies when the page is not seen.
 * @param {string} text
 * @param {() => void} onClick
 */
export function callForAttention(text, onClick) {
  clearInterval(flashing);
  let shown = false;
  const flash = () => {
    shown = !shown;
    if (shown) document.title = `☎ ${text}`;
    else restTitle();
  };
  flash();
  flashing = setInterval(flash, 1_000);
  if (document.visibilityState === "hidden") notify(text, onClick, true);
}

/** Back to normal. */
export function attentionPaid() {
  clearInterval(flashing);
  flashing = undefined;
  notification?.close();
  notification = null;
  restTitle();
}

/**
 * A notification, if the user allowed that.
 * @param {string} text
 * @param {() => void} [onClick]
 * @param {boolean} [stays]
 */
export function notify(text, onClick, stays = false) {
  if (globalThis.Notification?.permission !== "granted") return;
  try {
    notification?.close();
    notification = new Notification(plainTitle, {
      body: text,
      icon: "/page/favicon.svg",
      tag: "ringback",
      requireInteraction: stays,
    });
    notification.onclick = () => {
      window.focus();
      onClick?.();
    };
  } catch {
    // Some phones have notifications for service workers alone.
  }
}

/** Whether the user can still be asked. */
export function canAskForNotifications() {
  return globalThis.Notification?.permission === "default";
}

/** Asks the user. Must come from a click. */
export async function askForNotifications() {
  return (await Notification.requestPermission()) === "granted";
}
