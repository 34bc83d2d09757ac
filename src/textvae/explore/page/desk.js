/* What the page is about at the moment: a text, its latent, what was written from it, and what was pinned. */

import { ask, LONGEST, newest } from "./api.js";

const MOST = 100; // steps that can be undone
const changed = new EventTarget();

/** @type {{source: object|null, first: string, z: number[], text: string, place: number[]} | null} */
let current = null;
let past = [];
let future = [];
let pins = [];
let pinned = 0;
let epoch = 0; // of the current point; an answer to a movement of an earlier one comes too late

export const desk = {
  get current() {
    return current;
  },
  get pins() {
    return pins;
  },
  get canUndo() {
    return past.length > 0;
  },
  get canRedo() {
    return future.length > 0;
  },

  /** Calls ``listener`` whenever something of this kind changed: "source", "point", "pins". */
  on(kind, listener) {
    changed.addEventListener(kind, () => listener(current));
  },

  /** Goes on from a text: encodes it, and writes it again from its latent. */
  async open(text) {
    const { items } = await ask("encode", { texts: [text.slice(0, LONGEST)] });
    await this.openLatent(items[0].z, items[0]);
  },

  /** Goes on from a latent, which ``source`` was encoded to, if it was. */
  async openLatent(z, source = null) {
    const { items } = await ask("decode", { z: [z] });
    remember();
    epoch++;
    current = { source, first: items[0].text, base: z, ...items[0] };
    tell("source", "point");
  },

  /** Moves the latent, and tells what is written from there as soon as it is known. */
  move(z) {
    current = { ...current, z };
    tell("point");
    return follow(z);
  },

  /** What is now can be gone back to, once it was moved. */
  begin: () => remember(),

  reset() {
    remember();
    return this.move(current.base);
  },

  undo: () => swap(past, future),
  redo: () => swap(future, past),

  pin({ text, z, place }) {
    pins = [...pins, { name: String.fromCharCode(65 + (pinned++ % 26)), text, z, place }];
    tell("pins");
  },
  unpin(pin) {
    pins = pins.filter((other) => other !== pin);
    tell("pins");
  },
};

const follow = newest(async (z) => {
  const before = epoch;
  const { items } = await ask("decode", { z: [z] });
  if (before !== epoch) return;
  const { text, place } = items[0];
  current = { ...current, text, place };
  tell("point");
});

function remember() {
  if (!current || past.at(-1) === current) return;
  past = [...past, current].slice(-MOST);
  future = [];
}

function swap(from, to) {
  if (!from.length) return;
  epoch++;
  to.push(current);
  current = from.pop();
  tell("source", "point");
}

function tell(...kinds) {
  for (const kind of kinds) changed.dispatchEvent(new Event(kind));
}
