/* The explorer: a map on one side, what to do with it on the other. */

import { ask } from "./api.js";
import { atlas } from "./atlas.js";
import { betweenPanel } from "./between.js";
import { desk } from "./desk.js";
import { button, h, put, select } from "./dom.js";
import { drawPanel } from "./draw.js";
import { findPanel } from "./find.js";
import { pinBoard } from "./pins.js";
import { alertRegion, guarded } from "./results.js";
import { steerPanel } from "./steer.js";
import { LANGUAGES, preferred, speakIn, t } from "./words.js";
import { documentPanel, documentSearch, topicCards } from "./topics.js";
import { writePanel } from "./write.js";

const THEME = "textvae-theme";

await speakIn(preferred());
setTheme(localStorage.getItem(THEME));
put(document.body, h("p", { class: "wait", role: "status" }, t("One moment …")), alertRegion());
await guarded(start);

async function start() {
  const [model, places] = await Promise.all([ask("model"), ask("map")]);
  const topics = model.kind === "topics" ? (await ask("topics")).items : null;
  document.title = `${model.name} · textvae`;

  const { chart, tabs, side = [], begin, refresh = () => {} } = (model.kind === "topics" ? topicView : sentenceView)(model, places, topics);

  const language = select(Object.entries(LANGUAGES), async (chosen) => {
    await guarded(() => speakIn(chosen));
    chart.show();
    refresh();
  });
  language.value = document.documentElement.lang;
  language.setAttribute("aria-label", "Language · 语言");

  put(
    document.body,
    h("a", { class: "skip", href: "#tool" }, t("Skip to the tools")),
    h(
      "header",
      {},
      h("h1", {}, h("span", { class: "brand" }, "textvae"), " ", h("span", { class: "name", dir: "auto" }, model.name)),
      h("p", { class: "facts" }, model.kind === "topics" ? t("{n} topics", { n: model.topics }) : t("{z} latent dimensions", { z: model.latent_dim })),
      h("nav", { "aria-label": t("Settings") }, h("a", { href: "api.html" }, "API"), language, themeButton()),
    ),
    h(
      "main",
      {},
      h("div", { class: "side" }, chart.element, ...side),
      h("div", { class: "tools", id: "tool", tabindex: "-1" }, tabs.element),
    ),
    alertRegion(),
  );
  chart.show();
  const first = Math.max(places.text.findIndex(short), 0);
  await begin(await whole(places.index[first]));
}

/** A text by its number, which on the map may be cut short. */
async function whole(index) {
  const { items } = await ask("texts", { index: [index] });
  return items[0].text;
}

/** The explorer of a sentence VAE. */
function sentenceView(model, places) {
  const world = { map: () => chart.map(), written: model.written, examples: places.text.filter(short).slice(0, 2) };
  const drawing = drawPanel(world);
  const chart = atlas(model, places, {
    handles: model.handles,
    pick: async (index) => desk.open(await whole(index)),
    place(x, y) {
      tabs.show("draw");
      drawing.here(x, y);
    },
    aboutAxes: (shares) =>
      t("Across and up: the directions in which latents differ most, {first} and {second} of their variance.", shares),
  });
  desk.on("point", chart.mark);
  const directions = model.handles.filter(({ kind }) => kind === "direction");
  const pins = pinBoard(() => chart.map());
  const tabs = tabbed([
    ["write", t("Write"), writePanel(model)],
    ["between", t("Between"), betweenPanel(world)],
    ...(directions.length ? [["steer", t("Steer"), steerPanel(directions)]] : []),
    ["find", t("Find"), findPanel(world)],
    ["draw", t("Draw"), drawing.element],
  ]);
  return { chart, tabs, side: [pins.element], refresh: pins.show, begin: (text) => desk.open(text) };
}

/** The explorer of a topic model. */
function topicView(model, places, topics) {
  const hue = (topic) => hues.get(topic) ?? 7;
  const reading = documentPanel(topics, { found: (document) => chart.mark(document), hue });
  const openNumber = async (index) => {
    tabs.show("document");
    await reading.open(await whole(index));
  };
  const chart = atlas(model, places, {
    pick: openNumber,
    place: () => {},
    named: (name) => (name === "topic" ? t("foremost topic") : name),
    aboutAxes: (shares) =>
      t("Across and up: the directions in which documents' shares differ most, {first} and {second} of the variance.", shares),
  });
  const hues = new Map(chart.names("topic").map((name, i) => [Number.parseInt(name), i]));
  const tabs = tabbed([
    ["topics", t("Topics"), topicCards(topics, { open: openNumber, hue })],
    ["document", t("Document"), reading.element],
    ["find", t("Find"), documentSearch({ map: () => chart.map(), open: openNumber })],
  ]);
  return { chart, tabs, begin: (text) => reading.open(text) };
}

function short(text) {
  return text.length > 15 && text.length < 90;
}

/** Panels of which one is shown; [id, name, panel]. */
function tabbed(parts) {
  const tabs = new Map();
  for (const [id, name, panel] of parts) {
    const tab = h(
      "button",
      { type: "button", role: "tab", id: `tab-${id}`, "aria-controls": `panel-${id}`, on: { click: () => show(id) } },
      name,
    );
    const held = h("div", { role: "tabpanel", id: `panel-${id}`, "aria-labelledby": `tab-${id}` }, panel);
    tabs.set(id, { tab, held });
  }
  const ids = [...tabs.keys()];

  function show(chosen) {
    for (const [id, { tab, held }] of tabs) {
      held.hidden = id !== chosen;
      tab.setAttribute("aria-selected", String(id === chosen));
      tab.tabIndex = id === chosen ? 0 : -1;
    }
  }

  const list = h("div", { role: "tablist", "aria-label": t("Tools") }, ...[...tabs.values()].map(({ tab }) => tab));
  list.addEventListener("keydown", (event) => {
    const at = ids.findIndex((id) => tabs.get(id).tab === event.target);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: ids.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    const id = ids[(to + ids.length) % ids.length];
    show(id);
    tabs.get(id).tab.focus();
  });
  show(ids[0]);
  return { element: h("div", { class: "stack" }, list, ...[...tabs.values()].map(({ held }) => held)), show };
}

function themeButton() {
  const dark = () =>
    (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) ===
    "dark";
  return button("◐", () => setTheme(dark() ? "light" : "dark"), { class: "icon", "aria-label": t("Light or dark"), title: t("Light or dark") });
}

function setTheme(theme) {
  if (!theme) return;
  document.documentElement.dataset.theme = theme;
  localStorage.setItem(THEME, theme);
}
