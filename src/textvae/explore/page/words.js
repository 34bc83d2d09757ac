/* The page's language. A phrase knows its English; what shows it is written anew when the language changes. */

import { given } from "./address.js";
import { translator } from "./ui/strings.js";

export const LANGUAGES = { en: "English", zh: "中文" };

const KEPT = "textvae-language";
let speak = translator({});

class Phrase {
  constructor(key, values) {
    this.key = key;
    this.values = values;
  }

  toString() {
    return speak(this.key, this.values);
  }
}

/** A phrase in the page's language, {placeholders} filled in. */
export const t = (key, values = {}) => new Phrase(key, values);

export const isPhrase = (value) => value instanceof Phrase;

/** The language that the address asks for, else the one chosen before, else the browser's, else English. */
export function preferred() {
  const kept = localStorage.getItem(KEPT);
  const wished = [given.lang, kept, ...navigator.languages.map((tag) => tag.slice(0, 2))];
  return wished.find((language) => language in LANGUAGES) ?? "en";
}

/** Speaks another language from now on. */
export async function speakIn(language) {
  const answer = await fetch(`words/${language}.json`);
  speak = translator(await answer.json());
  localStorage.setItem(KEPT, language);
  document.documentElement.lang = language;
  const nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  while (nodes.nextNode()) {
    const node = nodes.currentNode;
    if (node.phrase) node.data = String(node.phrase);
    for (const [name, phrase] of Object.entries(node.phrases ?? {})) node.setAttribute(name, String(phrase));
  }
}
