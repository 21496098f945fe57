// Sends the forms of actions and decisions to the API, with the page's one-time token.
// @ts-check

/** Actions are sent one after the other: a one-time token is good once, and the next one comes with the page's next answer. */
let last = Promise.resolve();

/**
 * Enables the forms, and sends them.
 * @param {() => Promise<void>} refresh
 */
export function startActs(refresh) {
  enable();
  document.addEventListener("quell:morphed", enable);
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.matches("[data-act]")) return;
    event.preventDefault();
    begin(form);
    last = last.then(() => send(form, refresh));
  });
}

/** Without a script the buttons do nothing, and so they come disabled. */
function enable() {
  for (const button of document.querySelectorAll("form[data-act] button")) {
    if (button instanceof HTMLButtonElement && !button.form?.hasAttribute("aria-busy")) button.disabled = false;
  }
}

/** @param {HTMLFormElement} form */
function begin(form) {
  const button = form.querySelector("button");
  if (button) button.disabled = true;
  form.setAttribute("aria-busy", "true");
}

/** Where the page has its one-time token. */
export function oneTime() {
  return document.querySelector('meta[name="quell-one-time"]');
}

/** Takes the token away with which something is done: what came with a used one would be answered as done already. */
function takeOneTime() {
  const token = oneTime()?.getAttribute("content") ?? "";
  oneTime()?.setAttribute("content", "");
  return token;
}

/**
 * @param {HTMLFormElement} form
 * @param {() => Promise<void>} refresh
 */
async function send(form, refresh) {
  const [button, output] = [form.querySelector("button"), form.querySelector("output")];
  const token = takeOneTime();
  let said;
  try {
    const response = await fetch(meant(target(form)), {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Quell-One-Time": token, "Accept-Language": document.documentElement.lang },
      body: JSON.stringify(values(form)),
    });
    said = response.ok ? (document.body.dataset.sayDone ?? "") : failed(await detail(response));
    if (response.ok) form.reset();
  } catch (error) {
    said = failed(String(error));
  }
  if (output) output.textContent = said;
  form.removeAttribute("aria-busy");
  if (button) button.disabled = false;
  await refresh();
}

/**
 * Where a form goes. Not `form.action`: a field of this name takes the property's place.
 * @param {HTMLFormElement | null} form
 */
export function target(form) {
  return new URL(form?.getAttribute("action") ?? "", document.baseURI).href;
}

/**
 * Where an action goes that the reader wants for the whole alert group.
 * @param {string} address
 */
function meant(address) {
  const group = document.getElementById("whole-group");
  const isWhole = group instanceof HTMLInputElement && group.checked;
  return isWhole ? address.replace(/(\/incidents\/[0-9A-Z]{26})\/respond$/, "$1/group/respond") : address;
}

/** @param {string} why */
function failed(why) {
  return (document.body.dataset.sayFailed ?? "{why}").replace("{why}", why);
}

/**
 * The sentence of a problem document.
 * @param {Response} response
 */
async function detail(response) {
  try {
    return String((await response.json()).detail);
  } catch {
    return String(response.status);
  }
}

/**
 * A form's fields as the API takes them.
 * @param {HTMLFormElement} form
 */
function values(form) {
  /** @type {Record<string, string | number | boolean>} */
  const body = {};
  for (const field of form.elements) {
    if (!(field instanceof HTMLInputElement || field instanceof HTMLSelectElement || field instanceof HTMLTextAreaElement)) continue;
    // What has to be ticked is for the reader, not for the API.
    if (!field.name || field.type === "checkbox" || ("optional" in field.dataset && !field.value)) continue;
    body[field.name] = field.type === "number" ? Number(field.value) : field.dataset.as === "flag" ? field.value === "true" : field.value;
  }
  return body;
}
