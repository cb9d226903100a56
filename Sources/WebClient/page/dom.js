// Making elements. Text goes in as text, never as markup.

import { icon } from "./icons.js";

/**
 * @typedef {{[Type in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[Type]) => unknown}} Handlers
 * @typedef {{[name: string]: string | number | boolean | null | undefined | Handlers, on?: Handlers}} Attributes
 *   `class`, `testid`, `text`, `on: {event: handler}`, anything else is an attribute; false, null and undefined
 *   leave it out
 */

/**
 * Makes an element.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} [attributes]
 * @param {...(Node | string | null | false | undefined)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (typeof value === "object") {
      for (const [type, handler] of Object.entries(value)) {
        element.addEventListener(type, /** @type {EventListener} */ (handler));
      }
    } else if (name === "class") element.className = String(value);
    else if (name === "testid") element.dataset.testid = String(value);
    else if (name === "text") element.textContent = String(value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) if (child !== null && child !== undefined && child !== false) element.append(child);
  return element;
}

/**
 * A button that shows an icon alone; its label is for screen readers and the tooltip.
 * @param {import("./icons.js").IconName} name
 * @param {string} label
 * @param {Attributes} [attributes]
 */
export function iconButton(name, label, attributes = {}) {
  const classes = `icon-button ${attributes.class ?? ""}`.trim();
  return el("button", { type: "button", title: label, "aria-label": label, ...attributes, class: classes }, icon(name));
}

/**
 * What was looked for, which has to be there and of the right kind.
 * @template {HTMLElement} Kind
 * @param {unknown} found
 * @param {new () => Kind} kind
 * @param {string} name
 * @returns {Kind}
 */
function sureOf(found, kind, name) {
  if (found instanceof kind) return found;
  throw new Error(`There is no ${kind.name} called ${name}.`);
}

/**
 * The element with this id.
 * @template {HTMLElement} [Kind=HTMLElement]
 * @param {string} id
 * @param {new () => Kind} [kind]
 * @returns {Kind}
 */
export function byId(id, kind) {
  return sureOf(document.getElementById(id), kind ?? /** @type {new () => any} the kind left out */ (HTMLElement), id);
}

/**
 * The first element within another that a selector selects, which has to be there.
 * @template {HTMLElement} [Kind=HTMLElement]
 * @param {ParentNode} parent
 * @param {string} selector
 * @param {new () => Kind} [kind]
 * @returns {Kind}
 */
export function select(parent, selector, kind) {
  const found = parent.querySelector(selector);
  return sureOf(found, kind ?? /** @type {new () => any} the kind left out */ (HTMLElement), selector);
}

/**
 * The first element within another that a selector selects, if there is one.
 * @param {ParentNode} parent
 * @param {string} selector
 */
export function selectAny(parent, selector) {
  const found = parent.querySelector(selector);
  return found instanceof HTMLElement ? found : null;
}

/** The element that has the focus, if one has. */
export function focused() {
  return document.activeElement instanceof HTMLElement ? document.activeElement : null;
}

/**
 * Makes `parent` hold exactly these children, leaving alone those that are in place.
 * @param {Element} parent
 * @param {Node[]} children
 */
export function sync(parent, children) {
  const wanted = new Set(children);
  for (const child of [...parent.childNodes]) if (!wanted.has(child)) child.remove();
  let place = parent.firstChild;
  for (const child of children) {
    if (child === place) place = place.nextSibling;
    else parent.insertBefore(child, place);
  }
}

/**
 * Tells screen readers.
 * @param {string} text
 */
export function announce(text) {
  byId("announcer").textContent = text;
}

/**
 * A short note at the edge of the page, which goes by itself.
 * @param {string} text
 */
export function toast(text) {
  const note = el("div", { class: "toast", testid: "toast" }, el("span", { text }));
  const close = iconButton("close", "Dismiss", { on: { click: () => note.remove() } });
  note.append(close);
  byId("toasts").append(note);
  setTimeout(() => note.remove(), 8_000);
}
