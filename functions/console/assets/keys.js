// Keys: moving through incidents, opening one, searching, and going to other pages. No key decides anything.
// @ts-check

/** @type {Record<string, string>} */
const PAGES = { b: "console", h: "console/history", r: "console/repairs", p: "console/playbooks", q: "console/quality", s: "console/health", w: "console/wall" };
/** For how long `g` waits for the key of a page. */
const WAITS = 1_500;

let went = 0;

/** Listens to keys. */
export function startKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || isDialogOpen()) return;
    if (handle(event.key)) event.preventDefault();
  });
}

/** @param {string} key */
function handle(key) {
  const page = Date.now() - went < WAITS ? PAGES[key] : undefined;
  went = key === "g" ? Date.now() : 0;
  if (page) {
    location.assign((document.body.dataset.root ?? "") + page);
    return true;
  }
  if (key === "j" || key === "k") return move(key === "j" ? 1 : -1);
  if (key === "/") return focus(document.querySelector('input[type="search"]'));
  if (key === "?") {
    const keys = document.getElementById("keys");
    if (keys instanceof HTMLDialogElement) keys.showModal();
    return true;
  }
  return key === "g";
}

/**
 * Moves the focus to the next or the previous incident; Enter then opens its link.
 * @param {1 | -1} by
 */
function move(by) {
  const links = [...document.querySelectorAll("[data-incident] a.name")];
  if (links.length === 0) return false;
  const at = links.findIndex((link) => link === document.activeElement);
  const to = at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(Math.max(at + by, 0), links.length - 1);
  return focus(links[to] ?? null);
}

/** @param {Element | null} element */
function focus(element) {
  if (!(element instanceof HTMLElement)) return false;
  element.focus();
  element.scrollIntoView({ block: "nearest" });
  return true;
}

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof HTMLElement && target.matches("input, textarea, select, [contenteditable]");
}

function isDialogOpen() {
  return document.querySelector("dialog[open]") !== null;
}
