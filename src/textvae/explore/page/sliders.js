/* The latent as sliders: dimensions, principal components, named directions. */

import { ask } from "./api.js";
import { desk } from "./desk.js";
import { marked } from "./diff.js";
import { button, h, put } from "./dom.js";
import { guarded } from "./results.js";
import { t } from "./words.js";

const FEW = 8; // shown before one asks for more
const PAUSE = 700; // milliseconds, after which a movement is another one to undo
const KINDS = {
  direction: () => t("Directions"),
  dimension: () => t("Dimensions"),
  component: () => t("Components"),
};
const NAMES = {
  direction: (name) => name,
  dimension: (name) => t("dimension {name}", { name }),
  component: (name) => t("component {name}", { name }),
};

export const nameOf = ({ kind, name }) => NAMES[kind](name);

export const valueOf = (z, { vector }) => z.reduce((sum, value, i) => sum + value * vector[i], 0);

const turned = (z, handle, value) => {
  const by = value - valueOf(z, handle);
  return z.map((number, i) => number + by * handle.vector[i]);
};

export function slidersFor(handles) {
  const kinds = Object.keys(KINDS).filter((kind) => handles.some((handle) => handle.kind === kind));
  const rows = new Map(handles.map((handle) => [handle, row(handle)]));
  const list = h("div", { class: "sliders" });
  const more = button(t("Show all"), () => show(kind, true), { class: "quiet" });
  let kind = kinds[0];

  const choices = h(
    "div",
    { class: "segments", role: "group", "aria-label": t("What to turn") },
    ...(kinds.length > 1 ? kinds : []).map((name) => button(KINDS[name](), () => show(name), { "data-kind": name })),
  );

  function show(chosen, all = false) {
    kind = chosen;
    const own = handles.filter((handle) => handle.kind === kind);
    put(list, ...own.slice(0, all ? own.length : FEW).map((handle) => rows.get(handle).element));
    more.hidden = all || own.length <= FEW;
    for (const choice of choices.children)
      choice.setAttribute("aria-pressed", String(choice.dataset.kind === kind));
  }

  desk.on("point", (point) => {
    for (const { follow } of rows.values()) follow(point);
  });
  show(kind);
  return h("div", { class: "stack" }, choices, list, h("div", { class: "row" }, more));
}

function row(handle) {
  const name = nameOf(handle);
  const shown = h("output", {});
  const id = `${handle.kind}-${handle.name}`;
  const slider = h("input", {
    type: "range",
    "aria-describedby": handle.meaning ? id : null,
    min: handle.low.toFixed(3),
    max: handle.high.toFixed(3),
    step: ((handle.high - handle.low) / 200).toFixed(5),
    "aria-label": name,
  });
  const along = h("ol", { class: "along", hidden: true });
  const range = handle.high - handle.low || 1;
  const place = (value) => Math.min(Math.max((value - handle.low) / range, 0), 1);
  let moved = -Infinity;

  slider.addEventListener("input", () => {
    if (!desk.current) return;
    const now = performance.now();
    if (now - moved > PAUSE) desk.begin();
    moved = now;
    const value = Number(slider.value);
    guarded(() => desk.move(turned(desk.current.z, handle, value)));
  });

  const traverse = button(
    t("Along"),
    async () => {
      const open = along.hidden;
      traverse.setAttribute("aria-expanded", String(open));
      along.hidden = !open;
      if (open) await guarded(fillAlong);
    },
    { class: "quiet small", "aria-expanded": "false", "aria-label": t("Texts along {name}", { name }) },
  );

  async function fillAlong() {
    const values = [0.1, 0.3, 0.5, 0.7, 0.9].map((share) => handle.low + share * range);
    const { z, text } = desk.current;
    const { items } = await ask("decode", { z: values.map((value) => turned(z, handle, value)) });
    put(
      along,
      ...items.map((item, i) =>
        h("li", {}, h("span", { class: "note" }, values[i].toFixed(1)), h("span", { dir: "auto" }, ...marked(text, item.text))),
      ),
    );
  }

  return {
    element: h(
      "div",
      { class: "slider" },
      h("span", { class: "name", "aria-hidden": "true", title: handle.meaning || name }, name),
      slider,
      shown,
      traverse,
      handle.meaning && h("small", { class: "meaning", id }, handle.meaning),
      along,
    ),
    follow({ z, base }) {
      const value = valueOf(z, handle);
      slider.value = value;
      shown.value = value.toFixed(2);
      slider.style.setProperty("--value", place(value));
      slider.style.setProperty("--base", place(valueOf(base, handle)));
    },
  };
}
