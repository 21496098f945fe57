// Says next to exact times how long ago they are.
// @ts-check

/** @type {[Intl.NumberFormatOptions["unit"], number][]} */
const UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

/**
 * How far a time is from now, in its largest unit.
 * @param {number} milliseconds
 * @param {string} language
 */
export function distance(milliseconds, language) {
  const seconds = Math.abs(milliseconds) / 1000;
  const [unit, size] = UNITS.find(([, size]) => seconds >= size) ?? ["second", 1];
  const format = new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short" });
  return format.format(Math.floor(seconds / size));
}

/** Writes what every time with `data-age` says now; its exact value stays in its title. */
export function writeTimes() {
  const { language, ago, later } = said();
  for (const time of document.querySelectorAll("time[data-age]")) {
    if (!(time instanceof HTMLTimeElement)) continue;
    const at = Date.parse(time.dateTime);
    if (Number.isNaN(at)) continue;
    const past = Date.now() - at;
    const text = (past >= 0 ? ago : later).replace("{n}", distance(past, language));
    if (!time.title) time.title = time.textContent ?? "";
    if (time.textContent !== text) time.textContent = text;
  }
}

function said() {
  const { sayAgo, sayIn } = document.body.dataset;
  return { language: document.documentElement.lang, ago: sayAgo ?? "{n}", later: sayIn ?? "{n}" };
}

/**
 * The time of the day, as the reader's clock has it.
 * @param {Date} at
 */
export function clock(at) {
  return at.toLocaleTimeString(document.documentElement.lang, { hour12: false });
}

/** Keeps the times right. */
export function startTimes() {
  const shown = document.querySelector("time[data-clock]");
  if (shown instanceof HTMLTimeElement) {
    shown.title = shown.textContent ?? "";
    shown.textContent = clock(new Date(shown.dateTime));
  }
  writeTimes();
  // A print has the exact times, which still mean something a year later.
  addEventListener("beforeprint", () => {
    for (const time of document.querySelectorAll("time[data-age]")) {
      if (time instanceof HTMLTimeElement && time.title) time.textContent = time.title;
    }
  });
  addEventListener("afterprint", writeTimes);
  setInterval(writeTimes, 10_000);
}
