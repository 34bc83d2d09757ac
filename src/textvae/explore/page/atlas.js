/* The map, and by what it is coloured. */

import { field, h, put, select } from "./dom.js";
import { guarded } from "./results.js";
import { nameOf, valueOf } from "./sliders.js";
import { categorical, createMap } from "./ui/map.js";
import { t } from "./words.js";

const MOST = 7; // categories with a colour of their own

/**
 * The map in its card; ``map()`` is what can be done with it, made anew in another language by ``show``.
 *
 * ``pick`` is told the number of a text that was chosen, ``place`` an empty place; ``handles`` are directions to colour by, ``named``
 * shows a label's name, ``aboutAxes`` says what lies across and up.
 */
export function atlas(model, { index, place, text, labels, z }, { handles = [], pick, place: onPlace, named = (name) => name, aboutAxes }) {
  const points = {
    x: place.map(([x]) => x),
    y: place.map(([, y]) => y),
    texts: text,
  };
  const host = h("div", { class: "ground" });
  const legend = h("ul", { class: "legend", "aria-label": t("Legend") });
  const colourings = new Map([["", null], ...Object.entries(labels).map(([name, values]) => [name, byLabel(name, values)])]);
  for (const handle of handles) colourings.set(`${handle.kind} ${handle.name}`, byValue(handle, z));
  const colour = select(
    [
      ["", t("nothing")],
      ...Object.keys(labels).map((name) => [name, named(name)]),
      ...handles.map((handle) => [`${handle.kind} ${handle.name}`, nameOf(handle)]),
    ],
    paint,
  );
  let map;
  let current = null;

  function paint(name) {
    const colouring = colourings.get(name);
    map.colour(colouring);
    put(
      legend,
      ...(colouring?.names ?? []).map((label, i) => {
        const key = h("span", { class: "key" });
        key.style.setProperty("--key", `var(${categorical(i)})`);
        return h("li", {}, key, label);
      }),
      colouring?.others && h("li", {}, h("span", { class: "key" }), t("other")),
    );
  }

  function show() {
    put(host);
    map = createMap(host, points, {
      t: (key, values) => String(t(key, values)),
      label: String(t("Map of the texts. Arrow keys go from text to text, Enter opens one.")),
      pick: (i) => guarded(() => pick(index[i])),
      place: onPlace,
    });
    paint(colour.value);
    if (current) mark(current);
  }

  function mark(point) {
    current = point;
    map.mark("current", ...point.place, "");
  }
  if (Object.keys(labels).length) colour.value = Object.keys(labels)[0];

  const [first, second] = model.explained.map((share) => `${Math.round(share * 100)}\u00a0%`);
  const element = h(
    "section",
    { class: "card stack atlas", "aria-labelledby": "map" },
    h(
      "div",
      { class: "row between" },
      h("h2", { id: "map" }, t("Map")),
      h("div", { class: "inline" }, field(t("Coloured by"), colour)),
    ),
    host,
    legend,
    h(
      "p",
      { class: "hint" },
      model.written
        ? t("{n} texts that the model wrote itself.", { n: index.length })
        : t("{n} texts.", { n: index.length }),
      " ",
      aboutAxes({ first, second }),
    ),
  );
  return { element, show, mark, map: () => map, names: (label) => colourings.get(label).names };
}

/** A ramp from where few texts lie below to where few lie above. */
function byValue(handle, z) {
  const values = z.map((row) => valueOf(row, handle));
  const sorted = Float64Array.from(values).sort();
  const at = (share) => sorted[Math.floor(share * (sorted.length - 1))];
  return { kind: "number", name: handle.name, values, low: at(0.02), high: at(0.98) };
}

/** Colours for the most frequent values; the rest share one. */
function byLabel(name, values) {
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const names = [...counts].sort((a, b) => b[1] - a[1]).slice(0, MOST).map(([value]) => value);
  const places = new Map(names.map((value, i) => [value, i]));
  return {
    kind: "category",
    name,
    names,
    others: counts.size > MOST,
    values: Uint8Array.from(values, (value) => places.get(value) ?? 255),
  };
}
