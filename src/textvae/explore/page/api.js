/* Requests to the server that this page came from. */

import { given } from "./address.js";
import { t } from "./words.js";

const KEPT = "textvae-token"; // until the tab is closed
if (given.token) sessionStorage.setItem(KEPT, given.token);

export const LONGEST = 5000; // characters of a text, as the server takes them

/** An answer that is no answer: what to tell. */
export class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const TOLD = {
  busy: () => t("The server is busy: try again in a moment."),
  late: () => t("This took too long: ask for less."),
  too_large: () => t("This text is too long."),
  token: () => t("This page needs its token: open the address that the command printed."),
};

/** What the server answers, from JSON to JSON; GET without a body. */
export async function ask(name, body) {
  const token = sessionStorage.getItem(KEPT);
  const headers = { "Accept-Language": document.documentElement.lang }; // what is refused is refused in it
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(`api/${name}`, { method: body ? "POST" : "GET", headers, body: JSON.stringify(body) });
  } catch {
    throw new Refusal(0, String(t("The server does not answer: is it still running?")));
  }
  const content = await answer.json();
  if (answer.ok) return content;
  const { code, message } = content.error;
  throw new Refusal(answer.status, String(TOLD[code]?.() ?? message));
}

/** Runs ``work`` with the newest argument only: while one is under way, what came between is left out. */
export function newest(work) {
  let waiting = null;
  let busy = false;
  return async function run(argument) {
    waiting = { argument };
    if (busy) return;
    busy = true;
    try {
      while (waiting) {
        const { argument: next } = waiting;
        waiting = null;
        await work(next);
      }
    } finally {
      busy = false;
    }
  };
}
