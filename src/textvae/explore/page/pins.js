/* Pinned texts, side by side. */

import { desk } from "./desk.js";
import { marked } from "./diff.js";
import { button, h, put, quoted } from "./dom.js";
import { guarded } from "./results.js";
import { t } from "./words.js";

export function pinBoard(map) {
  const list = h("ol", { class: "items", "aria-live": "polite" });
  const board = h(
    "section",
    { class: "card stack pins", "aria-labelledby": "pins", hidden: true },
    h("h2", { id: "pins" }, t("Pinned")),
    list,
  );
  let shown = [];

  function show() {
    const { pins } = desk;
    for (const { name } of shown) map().unmark(name);
    for (const { name, place } of pins) map().mark(name, ...place, name);
    shown = pins;
    board.hidden = !pins.length;
    put(
      list,
      ...pins.map((pin, i) => {
        const apart = i ? distance(pins[0].z, pin.z).toFixed(2) : null;
        return h(
          "li",
          { class: "item" },
          h("span", { class: "note pin" }, pin.name),
          i ? h("span", { class: "quoted", dir: "auto" }, ...marked(pins[0].text, pin.text)) : quoted(pin.text),
          h(
            "span",
            { class: "actions" },
            apart && h("small", {}, t("{distance} from {name}", { distance: apart, name: pins[0].name })),
            button(t("Open"), () => guarded(() => desk.openLatent(pin.z)), { class: "quiet" }),
            button("×", () => desk.unpin(pin), { class: "quiet", "aria-label": t("Unpin {name}", { name: pin.name }) }),
          ),
        );
      }),
    );
  }

  desk.on("pins", show);
  return { element: board, show };
}

const distance = (a, b) => Math.hypot(...a.map((value, i) => value - b[i]));
