// Asks for the page again and morphs it into what is there already, so that focus, text in fields and open details stay.
// @ts-check

import { oneTime, target } from "./act.js";
import { announce, shownIncidents } from "./announce.js";
import { Idiomorph } from "./idiomorph.js";
import { clock, writeTimes } from "./times.js";

/** While somebody looks and something moves. */
const SOON = 3_000;
/** While nothing moves, or nobody has touched the page for a while. */
const LATER = 60_000;
/** For so long after the last change, or the reader's last touch, the page asks soon. */
const MOVES_FOR = 120_000;
const LOOKS_FOR = 600_000;
/** After so many failures in a row, the page says that it may be out of date. */
const FAILURES = 2;

/** The one way in which text becomes markup: only pages of this server go through it, and it escapes every value. */
const POLICY = makePolicy();

function makePolicy() {
  /** @type {{ trustedTypes?: { createPolicy(name: string, rules: { createHTML(text: string): string }): { createHTML(text: string): any } } }} */
  const { trustedTypes } = /** @type {any} */ (window);
  const rules = { createHTML: (/** @type {string} */ text) => text };
  return trustedTypes ? trustedTypes.createPolicy("quell", rules) : rules;
}

const state = {
  /** @type {string | null} */
  tag: null,
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  timer: undefined,
  asking: 0,
  asked: Promise.resolve(),
  failures: 0,
  changedAt: 0,
  touchedAt: Date.now(),
  answeredAt: new Date(),
};

/** Begins to ask for news. */
export function startPolling() {
  for (const touch of ["pointerdown", "keydown", "scroll"]) {
    addEventListener(touch, () => (state.touchedAt = Date.now()), { passive: true });
  }
  document.addEventListener("visibilitychange", () => {
    clearTimeout(state.timer);
    if (!document.hidden) void ask(false);
  });
  addEventListener("online", () => void ask(false));
  // A page that comes back from the browser's memory may be of a session that is over.
  addEventListener("pageshow", (event) => event.persisted && void ask(false));
  next();
  return { now: () => ask(true) };
}

function next() {
  clearTimeout(state.timer);
  // A page that nobody sees asks for nothing.
  if (document.hidden) return;
  state.timer = setTimeout(() => void ask(false), pause());
}

function pause() {
  const now = Date.now();
  const moves = document.body.dataset.moves === "true" || now - state.changedAt < MOVES_FOR;
  // A wall is looked at by people who touch nothing.
  const looks = document.body.classList.contains("wall") || now - state.touchedAt < LOOKS_FOR;
  const backoff = Math.min(2 ** state.failures, 8);
  return moves && looks ? SOON * backoff : LATER;
}

/**
 * Asks once, unless it does already.
 * @param {boolean} anew True to have the page whatever was known, after a change of one's own: behind what is asked already.
 */
function ask(anew) {
  if (state.asking > 0 && !anew) return state.asked;
  state.asking += 1;
  state.asked = state.asked.then(() => question(anew));
  return state.asked;
}

/** @param {boolean} anew */
async function question(anew) {
  // A page whose token is used needs another one, whatever has changed.
  const whole = anew || !oneTime()?.getAttribute("content");
  try {
    /** @type {Record<string, string>} */
    const headers = state.tag && !whole ? { "If-None-Match": state.tag } : {};
    const response = await fetch(location.href, { headers, cache: "no-store", redirect: "manual" });
    if (response.type === "opaqueredirect") {
      leave();
      return;
    }
    if (response.status === 200) take(await response.text());
    else if (response.status !== 304) throw new Error(String(response.status));
    state.tag = response.headers.get("ETag") ?? state.tag;
    answered();
  } catch {
    state.failures += 1;
    showStale();
  } finally {
    state.asking -= 1;
    next();
  }
}

/** The session is over: leads to the form, which says so. The browser may have dropped the cookie, so that the server could not tell. */
function leave() {
  const board = new URL(`${document.body.dataset.root ?? ""}console`, location.href);
  const next = (location.pathname + location.search).slice(board.pathname.length - "console".length);
  location.replace(`${board.href}/sign-in?refused=ended&next=${encodeURIComponent(next)}`);
}

function answered() {
  state.failures = 0;
  state.answeredAt = new Date();
  const shown = document.getElementById("as-of");
  if (shown instanceof HTMLTimeElement) {
    shown.dateTime = state.answeredAt.toISOString();
    shown.textContent = clock(state.answeredAt);
  }
  showStale();
}

function showStale() {
  const banner = document.getElementById("stale");
  if (!banner) return;
  const stale = state.failures >= FAILURES;
  if (banner.hidden === !stale) return;
  banner.hidden = !stale;
  banner.textContent = (document.body.dataset.sayStale ?? "").replace("{at}", clock(state.answeredAt));
}

/**
 * Takes a page over.
 * @param {string} text
 */
function take(text) {
  const page = new DOMParser().parseFromString(POLICY.createHTML(text), "text/html");
  const [old, fresh] = [document.getElementById("main"), page.getElementById("main")];
  if (!old || !fresh) return;
  const before = shownIncidents();
  // The first answer is the page itself.
  if (state.tag) state.changedAt = Date.now();
  Idiomorph.morph(old, fresh, {
    morphStyle: "outerHTML",
    ignoreActiveValue: true,
    restoreFocus: true,
    callbacks: { beforeNodeMorphed: keep, beforeAttributeUpdated: keepAttribute },
  });
  document.title = page.title;
  document.body.dataset.moves = page.body.dataset.moves;
  replaceOneTime(page);
  document.dispatchEvent(new CustomEvent("quell:morphed"));
  writeTimes();
  announce(before);
}

/**
 * What a reader has typed or opened stays as it is.
 * @param {Node} old
 * @param {Node} fresh
 */
function keep(old, fresh) {
  if (old instanceof HTMLDetailsElement && fresh instanceof HTMLDetailsElement) fresh.open = old.open;
  if (old instanceof HTMLInputElement && fresh instanceof HTMLInputElement && old.type === "checkbox") {
    // A plan that has changed has another form, and has to be read again.
    const same = target(old.form) === target(fresh.form);
    fresh.checked = same && old.checked;
  }
  const field = old instanceof HTMLTextAreaElement || old instanceof HTMLSelectElement || (old instanceof HTMLInputElement && old.type !== "checkbox" && old.type !== "hidden");
  if (field && old.value !== defaultOf(old)) return false;
  // What an action came to is said until the next one.
  return !(old instanceof HTMLOutputElement);
}

/** @param {HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement} field */
function defaultOf(field) {
  if (field instanceof HTMLSelectElement) return [...field.options].find((option) => option.defaultSelected)?.value ?? field.options[0]?.value;
  return field.defaultValue;
}

/**
 * The script has set these, and the server does not know them.
 * @param {string} name
 * @param {Element} node
 */
function keepAttribute(name, node) {
  return name !== "aria-busy" && !(name === "disabled" && node instanceof HTMLButtonElement) && !(name === "title" && node instanceof HTMLTimeElement) && !(name === "open" && node instanceof HTMLDetailsElement);
}

/** @param {Document} page */
function replaceOneTime(page) {
  const fresh = page.querySelector('meta[name="quell-one-time"]')?.getAttribute("content");
  if (fresh) oneTime()?.setAttribute("content", fresh);
}
