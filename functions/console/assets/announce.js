// Tells screen readers what is new: only how many incidents, since a list that is read out each time helps no one.
// @ts-check

/** The ids of the open incidents that the page shows. */
export function shownIncidents() {
  const rows = document.querySelectorAll("[data-incident][data-open]");
  return new Set([...rows].map((row) => row.getAttribute("data-incident")));
}

/**
 * Says how many incidents are there that were not before.
 * @param {Set<string | null>} before
 */
export function announce(before) {
  const count = [...shownIncidents()].filter((id) => !before.has(id)).length;
  const live = document.getElementById("live");
  if (!live || count === 0) return;
  const { sayNewOne, sayNewMany } = document.body.dataset;
  live.textContent = count === 1 ? (sayNewOne ?? "") : (sayNewMany ?? "").replace("{n}", String(count));
}
