/* Two texts, word by word. */

import { h } from "./dom.js";

const WORDS = /\s+|\p{Script=Han}|[\p{L}\p{M}\p{N}'’-]+|./gu;
const MOST = 400; // words, beyond which nothing is compared

/** The words of ``after``, those that are not in ``before`` at their place marked. */
export function marked(before, after) {
  const [old, now] = [before.match(WORDS) ?? [], after.match(WORDS) ?? []];
  if (old.length > MOST || now.length > MOST) return [after];
  const kept = common(old, now);
  return now.map((word, i) => (kept.has(i) || !word.trim() ? word : h("mark", {}, word)));
}

/** The places in ``now`` of a longest common subsequence. */
function common(old, now) {
  const width = now.length + 1;
  const length = new Uint16Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i--)
    for (let j = now.length - 1; j >= 0; j--)
      length[i * width + j] =
        old[i] === now[j]
          ? length[(i + 1) * width + j + 1] + 1
          : Math.max(length[(i + 1) * width + j], length[i * width + j + 1]);
  const kept = new Set();
  for (let i = 0, j = 0; i < old.length && j < now.length; ) {
    if (old[i] === now[j]) {
      kept.add(j);
      i++;
      j++;
    } else if (length[(i + 1) * width + j] >= length[i * width + j + 1]) i++;
    else j++;
  }
  return kept;
}
