/* A topic model: its topics as cards, a document word by word, and documents to find. */

import { ask, LONGEST } from "./api.js";
import { button, card, field, h, put, quoted } from "./dom.js";
import { fill, guarded } from "./results.js";
import { categorical } from "./ui/map.js";
import { t } from "./words.js";

const SHOWN = 7; // topics of a document, at most
const SURE = 0.35; // probability of a word's topic, below which it stays uncoloured

const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)}\u00a0%`;

export function topicCards(topics, { open, hue }) {
  const largest = [...topics].sort((a, b) => b.share - a.share);
  return h(
    "div",
    { class: "stack" },
    ...largest.map(({ topic, share, words, documents }) => {
      const most = words[0].probability || 1;
      return h(
        "section",
        { class: "card stack", "aria-labelledby": `topic-${topic}` },
        h(
          "div",
          { class: "row between" },
          h("h2", { id: `topic-${topic}` }, key(hue(topic)), t("Topic {n}", { n: topic })),
          h("span", { class: "note" }, t("{share} of the documents", { share: percent(share) })),
        ),
        h(
          "ul",
          { class: "topic-words" },
          ...words.map(({ text, probability }) => {
            const word = h("li", { title: probability.toPrecision(2) }, quoted(text));
            word.style.setProperty("--share", probability / most);
            return word;
          }),
        ),
        h(
          "ol",
          { class: "items" },
          ...documents.map((found) =>
            h(
              "li",
              { class: "item" },
              h("span", { class: "note" }, percent(found.share)),
              quoted(found.text, { class: "quoted clamped" }),
              h(
                "span",
                { class: "actions" },
                button(t("Open"), () => guarded(() => open(found.index)), {
                  class: "quiet",
                  "aria-label": t("Open: {text}", { text: found.text.slice(0, 80) }),
                }),
              ),
            ),
          ),
        ),
      );
    }),
  );
}

function key(hue) {
  const made = h("span", { class: "key", "aria-hidden": "true" });
  made.style.setProperty("--key", `var(${categorical(hue)})`);
  return made;
}

/** A document's words in the colours of their topics, and its shares with their intervals. */
export function documentPanel(topics, { found, hue }) {
  const input = h("textarea", { rows: 5, dir: "auto", maxlength: LONGEST, spellcheck: "false" });
  const read = h("p", { class: "document", dir: "auto", "aria-live": "polite" });
  const bars = h("ol", { class: "shares", "aria-label": t("Shares") });
  const told = h("p", { class: "hint", role: "status" });

  async function run() {
    const answer = await guarded(() => ask("shares", { texts: [input.value] }));
    if (answer) show(answer.items[0]);
  }

  function show(document) {
    const ranked = [...document.shares].sort((a, b) => b.share - a.share).slice(0, SHOWN);
    put(read, ...document.words.map((word) => piece(word, hue)));
    put(bars, ...ranked.map((share) => bar(share, hue, topics)));
    put(
      told,
      document.fits
        ? t("Shares with the interval that holds the true one nine times in ten; words in the colour of their topic.")
        : t("No topic fits this document well."),
    );
    found(document);
  }

  return {
    element: h(
      "div",
      { class: "stack" },
      h(
        "form",
        { class: "card stack", on: { submit: (event) => (event.preventDefault(), run()) } },
        field(t("Your document"), input),
        h("div", { class: "row" }, h("button", { class: "main" }, t("Read"))),
      ),
      card("about", t("What it is about"), bars, told, read),
    ),
    open(text) {
      input.value = text.slice(0, LONGEST);
      return run();
    },
  };
}

function piece({ text, topic, probability }, hue) {
  if (topic === null || probability < SURE) return text;
  const word = h("span", { class: "word", title: t("Topic {n}, {share}", { n: topic, share: percent(probability) }) }, text);
  word.style.setProperty("--key", `var(${categorical(hue(topic))})`);
  return word;
}

function bar({ topic, share, lower, upper }, hue, topics) {
  const made = h(
    "li",
    {},
    h("span", { class: "row between" },
      h("span", {}, h("strong", {}, t("Topic {n}", { n: topic })), " ", quoted(topics[topic].words.slice(0, 4).map(({ text }) => text).join(" "))),
      h("span", { class: "note" }, t("{share} ({lower} to {upper})", { share: percent(share), lower: percent(lower), upper: percent(upper) }))),
    h("span", { class: "bar", "aria-hidden": "true" }),
  );
  for (const [name, value] of Object.entries({ share, lower, upper })) made.style.setProperty(`--${name}`, value);
  made.style.setProperty("--key", `var(${categorical(hue(topic))})`);
  return made;
}

export function documentSearch({ map, open }) {
  const query = h("input", { type: "search", dir: "auto", maxlength: 200, required: true });
  const hits = h("ol", { class: "items", "aria-live": "polite" });
  const told = h("p", { class: "hint", role: "status" });

  query.addEventListener("input", () => {
    const count = map().search(query.value);
    put(told, query.value.trim() ? t("{n} on the map", { n: count }) : "");
  });

  const list = (found) =>
    fill(
      hits,
      found.map(({ index, text, distance }) =>
        h(
          "li",
          { class: "item" },
          distance !== undefined && h("span", { class: "note" }, distance.toFixed(3)),
          quoted(text, { class: "quoted clamped" }),
          h(
            "span",
            { class: "actions" },
            button(t("Open"), () => guarded(() => open(index)), { class: "quiet", "aria-label": t("Open: {text}", { text: text.slice(0, 80) }) }),
          ),
        ),
      ),
    );

  async function search(event) {
    event.preventDefault();
    const answer = await guarded(() => ask("search", { query: query.value, k: 10 }));
    if (answer) list(answer.items);
  }

  async function near() {
    if (!query.value.trim()) return;
    const answer = await guarded(() => ask("neighbours", { texts: [query.value], k: 10 }));
    if (answer) list(answer.items[0]);
  }

  return card(
    "words",
    t("Documents"),
    h(
      "form",
      { class: "stack", on: { submit: search } },
      field(t("Words or a text"), query),
      h("div", { class: "row" }, h("button", { class: "main" }, t("Search")), button(t("Nearest to this text"), near, { class: "quiet" })),
    ),
    told,
    hits,
  );
}
