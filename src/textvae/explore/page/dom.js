/* Elements from their parts. Strings become text, never markup. */

import { isPhrase } from "./words.js";

/** An element: attributes (phrases too), listeners under ``on``, and children: nodes, strings, phrases, or nothing. */
export function h(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "on") for (const [event, listener] of Object.entries(value)) made.addEventListener(event, listener);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) {
      made.setAttribute(key, String(value));
      if (isPhrase(value)) (made.phrases ??= {})[key] = value;
    }
  }
  put(made, ...children);
  return made;
}

/** Replaces what an element holds. */
export function put(parent, ...children) {
  parent.replaceChildren(...children.flat().filter((child) => child != null && child !== false).map(node));
}

function node(child) {
  if (!isPhrase(child)) return child;
  const made = document.createTextNode(String(child));
  made.phrase = child;
  return made;
}

/** A part of the page under its title. */
export const card = (id, title, ...children) =>
  h("section", { class: "card stack", "aria-labelledby": id }, h("h2", { id }, title), ...children);

let numbers = 0;

/** A control under its label. */
export function field(label, control, { hidden = false } = {}) {
  control.id ||= `field-${++numbers}`;
  return h("div", { class: "field" }, h("label", { for: control.id, class: hidden ? "spoken" : null }, label), control);
}

/** A list to choose from: ``options`` are [value, label]. */
export function select(options, change) {
  const made = h("select", { on: { change: () => change(made.value) } });
  put(made, ...options.map(([value, label]) => h("option", { value }, label)));
  return made;
}

export const button = (label, action, attributes = {}) =>
  h("button", { type: "button", ...attributes, on: { click: action } }, label);

/** Text of a user or of the model, in the direction that its letters have. */
export const quoted = (text, attributes = {}) => h("span", { dir: "auto", class: "quoted", ...attributes }, text || "∅");
