// Starts the parts of a page's script: keys, times, actions, and news.
// @ts-check

import { startActs } from "./act.js";
import { startKeys } from "./keys.js";
import { startPolling } from "./poll.js";
import { startTimes } from "./times.js";

const polling = startPolling();
startTimes();
startKeys();
startActs(polling.now);

// On a phone the links to the pages do not all have room.
document.querySelector(".top nav [aria-current='page']")?.scrollIntoView({ block: "nearest", inline: "nearest" });

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-language]") : null;
  if (button instanceof HTMLElement && button.dataset.language) {
    // Read by the server with the next page. It is no secret, and lasts a year.
    document.cookie = `quell-language=${button.dataset.language}; Path=/; Max-Age=31536000; Secure; SameSite=Strict`;
    location.reload();
  }
});
