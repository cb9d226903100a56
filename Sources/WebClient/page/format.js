// Names, times and durations for people. Pure.

/**
 * What to call somebody.
 * @param {{displayName?: string, username?: string} | undefined} user
 */
export function nameOf(user) {
  return user?.displayName || user?.username || "Somebody";
}

/**
 * "Ada", "Ada and Grace", "Ada, Grace and 3 others".
 * @param {string[]} names
 */
export function listOfNames(names) {
  if (names.length < 3) return names.join(" and ");
  if (names.length === 3) return `${names[0]}, ${names[1]} and ${names[2]}`;
  return `${names[0]}, ${names[1]} and ${names.length - 2} others`;
}

/**
 * One or two letters that stand for a name.
 * @param {string} name
 */
export function initials(name) {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const first = [...(words[0] ?? "?")][0];
  const last = words.length > 1 ? [...words[words.length - 1]][0] : "";
  return (first + last).toUpperCase();
}

/**
 * Whether an address leads to this origin, as a browser reads it: `//evil` and `/\evil` do not.
 * @param {string} address absolute, or relative to the origin
 * @param {string} origin
 */
export function isOfOrigin(address, origin) {
  try {
    return new URL(address, origin).origin === origin;
  } catch {
    return false;
  }
}

/**
 * One of eight colours that stays with an id.
 * @param {string} id
 * @returns {number} 0 to 7
 */
export function colourOf(id = "") {
  let sum = 0;
  for (const letter of id) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) >>> 0;
  return sum % 8;
}

/**
 * "0:07", "12:03", "1:02:03".
 * @param {number} milliseconds
 */
export function duration(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/**
 * "12 s", "3 min", "1 h 5 min".
 * @param {number} seconds
 */
export function roughDuration(seconds) {
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return minutes % 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes / 60} h`;
}

/**
 * What a conversation is called: a group by its name, else by the other person.
 * @param {Pick<Wire.Conversation, "type" | "name" | "members">} conversation
 * @param {string} me
 */
export function titleOf(conversation, me) {
  if (conversation.type === "CONVERSATION_TYPE_GROUP") return conversation.name || "Group";
  return nameOf(conversation.members?.find((member) => member.id !== me) ?? conversation.members?.[0]);
}

/**
 * "14:05", as the reader's country writes it.
 * @param {Date} date
 */
export function timeOfDay(date) {
  return date.toLocaleTimeString([], { hour: "numeric", minute: "2-digit" });
}

/**
 * "Today", "Yesterday", "Tuesday", "3 March 2025".
 * @param {Date} date
 * @param {Date} [now]
 */
export function dayLabel(date, now = new Date()) {
  const midnight = (/** @type {Date} */ value) =>
    new Date(value.getFullYear(), value.getMonth(), value.getDate()).getTime();
  const days = Math.round((midnight(now) - midnight(date)) / 86_400_000);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  if (days > 1 && days < 7) return date.toLocaleDateString([], { weekday: "long" });
  const year = date.getFullYear() === now.getFullYear() ? undefined : "numeric";
  return date.toLocaleDateString([], { day: "numeric", month: "long", year });
}

/**
 * The time for something of today, the day for anything else.
 * @param {string | undefined} text
 * @param {Date} [now]
 */
export function when(text, now = new Date()) {
  const date = new Date(text ?? NaN);
  if (Number.isNaN(date.getTime())) return "";
  const day = dayLabel(date, now);
  return day === "Today" ? timeOfDay(date) : day;
}
