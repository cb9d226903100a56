// The icons: strokes on a ground of 24 by 24.

const shapes = {
  phone: "M5 4h3.6l1.7 4.4-2.2 1.7a12.5 12.5 0 0 0 5.8 5.8l1.7-2.2 4.4 1.7V19a2 2 0 0 1-2 2A15 15 0 0 1 3 6a2 2 0 0 1 2-2z",
  hangup: "M2.6 14.6c0-1.2.5-2.3 1.4-3a12.9 12.9 0 0 1 16 0c.9.7 1.4 1.8 1.4 3v1.1c0 .6-.5 1-1.1.9l-3.4-.6a1 1 0 0 1-.8-.9l-.2-2.3a12.4 12.4 0 0 0-7.8 0l-.2 2.3a1 1 0 0 1-.8.9l-3.4.6a1 1 0 0 1-1.1-.9z",
  video: "M5.5 6h8a2.5 2.5 0 0 1 2.5 2.5v7a2.5 2.5 0 0 1-2.5 2.5h-8A2.5 2.5 0 0 1 3 15.5v-7A2.5 2.5 0 0 1 5.5 6zM16 10.7l5-3v8.6l-5-3",
  videoOff: "M5.5 6h8a2.5 2.5 0 0 1 2.5 2.5v7a2.5 2.5 0 0 1-2.5 2.5h-8A2.5 2.5 0 0 1 3 15.5v-7A2.5 2.5 0 0 1 5.5 6zM16 10.7l5-3v8.6l-5-3M3.5 3.5l17 17",
  mic: "M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3zM5.5 11a6.5 6.5 0 0 0 13 0M12 17.5V21",
  micOff: "M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3zM5.5 11a6.5 6.5 0 0 0 13 0M12 17.5V21M3.5 3.5l17 17",
  screen: "M5 4h14a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2zM8 20h8M12 13V7.5M9.5 9.8L12 7.3l2.5 2.5",
  send: "M4 12h7M4 12L3 4l18 8-18 8z",
  back: "M15 5l-7 7 7 7",
  logout: "M14 4h4a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2h-4M9 8l-4 4 4 4M5 12h10",
  settings:
    "M4 7h8M18 7h2M15 4.5a2.5 2.5 0 1 1 0 5 2.5 2.5 0 0 1 0-5zM4 17h2M12 17h8M9 14.5a2.5 2.5 0 1 1 0 5 2.5 2.5 0 0 1 0-5z",
  device: "M5 5h14a1.5 1.5 0 0 1 1.5 1.5V15h-17V6.5A1.5 1.5 0 0 1 5 5zM2 19h20",
  close: "M6 6l12 12M18 6L6 18",
  incoming: "M17.5 6.5L7.5 16.5M7.5 9v7.5H15",
  outgoing: "M6.5 17.5l10-10M9 7.5h7.5V15",
  shrink: "M20 4l-6 6M14 5v5h5M4 20l6-6M10 19v-5H5",
  grow: "M14 10l6-6M15 4h5v5M10 14l-6 6M9 20H4v-5",
  pause: "M8.5 5v14M15.5 5v14",
  play: "M7 4.5l12 7.5-12 7.5z",
  hand: "M8 13V6.2a1.5 1.5 0 0 1 3 0V11M11 11V4.5a1.5 1.5 0 0 1 3 0V11M14 11V6a1.5 1.5 0 0 1 3 0v8.5a6.5 6.5 0 0 1-6.5 6.5c-2.3 0-3.7-.9-5-2.8L3.3 14.6a1.5 1.5 0 0 1 2.4-1.8L8 15",
  people: "M9 4.5a3.2 3.2 0 1 1 0 6.4 3.2 3.2 0 0 1 0-6.4zM3 19.5a6 6 0 0 1 12 0M16 5a3 3 0 0 1 0 5.8M17.5 14.2a6 6 0 0 1 3.5 5.3",
  add: "M10 4.5a3.2 3.2 0 1 1 0 6.4 3.2 3.2 0 0 1 0-6.4zM4 19.5a6 6 0 0 1 12 0M19 8v6M16 11h6",
  lock: "M7 11h10a1.5 1.5 0 0 1 1.5 1.5v6A1.5 1.5 0 0 1 17 20H7a1.5 1.5 0 0 1-1.5-1.5v-6A1.5 1.5 0 0 1 7 11zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  more: "M5.5 12h.01M12 12h.01M18.5 12h.01",
  star: "M12 4l2.4 5 5.6.7-4.1 3.8 1.1 5.5-5-2.8-5 2.8 1.1-5.5L4 9.7l5.6-.7z",
  check: "M5 12.5l4.5 4.5L19 7.5",
};

const namespace = "http://www.w3.org/2000/svg";

/** @typedef {keyof typeof shapes} IconName */

/**
 * An icon as an SVG element, hidden from screen readers: its button has the label.
 * @param {IconName} name
 */
export function icon(name) {
  const svg = document.createElementNS(namespace, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(namespace, "path");
  path.setAttribute("d", shapes[name]);
  svg.append(path);
  return svg;
}
