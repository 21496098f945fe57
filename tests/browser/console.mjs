// Looks at the console in a real Chromium: every page at three widths, two languages and both colour schemes, axe on each, and what
// people do there. It wants the facts of a running stack:
//
//     python -m infra.local up > facts.json &
//     node console.mjs facts.json screenshots/
// @ts-check

import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const WIDTHS = process.env.WIDTHS ? JSON.parse(process.env.WIDTHS) : [360, 768, 1440];
const HOSTILE = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;

const [factsFile, screenshots] = process.argv.slice(2);
if (!factsFile || !screenshots) throw new Error("usage: node console.mjs FACTS.json DIRECTORY");
const facts = JSON.parse(readFileSync(factsFile, "utf8").trim().split("\n").at(-1) ?? "{}");
const root = facts.api_url;
mkdirSync(screenshots, { recursive: true });

/** @type {string[]} */
const faults = [];
/** @param {boolean} holds @param {string} what */
function check(holds, what) {
  if (!holds) faults.push(what);
  process.stdout.write(`${holds ? "ok  " : "FAIL"} ${what}\n`);
}

/** @param {string} path */
async function api(path) {
  const response = await fetch(`${root}/api/v1/${path}`, { headers: { Authorization: `Bearer ${facts.tokens.ada}` } });
  return response.json();
}

/** @param {Record<string, string>} labels @param {string} summary */
async function fire(labels, summary) {
  const alert = { status: "firing", labels, annotations: { summary, description: `${summary}, seen by a test.` }, startsAt: new Date().toISOString(), fingerprint: "" };
  const delivery = { version: "4", status: "firing", receiver: "quell", groupKey: labels.alertname, truncatedAlerts: 0, groupLabels: {}, commonLabels: labels, commonAnnotations: {}, externalURL: "http://alertmanager.example:9093", alerts: [alert] };
  const response = await fetch(`${root}/api/v1/webhooks/alertmanager`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${facts.secrets.alertmanager}` },
    body: JSON.stringify(delivery),
  });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
}

/** @param {() => Promise<boolean>} holds @param {string} what */
async function until(holds, what) {
  for (let tries = 0; tries < 120; tries += 1) {
    if (await holds()) return;
    await new Promise((next) => setTimeout(next, 500));
  }
  throw new Error(`not in time: ${what}`);
}

/** @param {import("playwright-core").Page} page @param {string} person */
async function signIn(page, person) {
  await page.goto(`${root}/console`);
  await page.fill("#token", facts.tokens[person]);
  await page.click("form.sign-in button");
  await page.waitForSelector("main#main");
  await page.waitForLoadState("networkidle");
}

/** @param {import("playwright-core").Page} page @param {string} what */
async function axe(page, what) {
  // The policy lets no script into the page: axe runs in a world of its own.
  const session = await page.context().newCDPSession(page);
  const { executionContextId } = await session.send("Page.createIsolatedWorld", { frameId: (await session.send("Page.getFrameTree")).frameTree.frame.id });
  const run = async (/** @type {string} */ expression) => (await session.send("Runtime.evaluate", { expression, contextId: executionContextId, awaitPromise: true, returnByValue: true })).result.value;
  await run(AXE);
  const found = await run("axe.run(document, { resultTypes: ['violations'] }).then((r) => r.violations.map((v) => v.id + ': ' + v.nodes.map((n) => n.target.join(' ') + ' ' + (n.failureSummary ?? '').split('\\n')[1]).slice(0, 3).join(' | ')))");
  check(Array.isArray(found) && found.length === 0, `axe: ${what}${found?.length ? ` ${found.join("; ")}` : ""}`);
}

const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
try {
  const service = facts.target.service;
  await fire({ alertname: "TargetDown", severity: "warning", component: service, namespace: "demo", cluster: "demo", team: "web" }, "Sentry does not answer");
  await fire({ alertname: "DiskSpaceLow", severity: "warning", instance: "db-1:9100", mountpoint: "/var", cluster: "prod" }, "/var is 93 % full");
  await fire({ alertname: "HighMemoryUsage", severity: "info", pod: "checkout-7f6d-x2x1z", namespace: "shop" }, "checkout uses 91 % of its memory");
  await fire({ alertname: "Hostile", severity: "warning", instance: HOSTILE, namespace: HOSTILE }, HOSTILE);
  await until(async () => (await api("incidents?open=true")).incidents.filter((/** @type {any} */ one) => one.status !== "open").length >= 4, "four analysed incidents");
  const { incidents } = await api("incidents?open=true");
  const planned = incidents.find((/** @type {any} */ one) => one.status === "awaiting_approval") ?? incidents[0];
  const hostile = incidents.find((/** @type {any} */ one) => one.name === "Hostile");
  const pages = { board: "console", incident: `console/incidents/${planned.id}`, hostile: `console/incidents/${hostile.id}`, history: "console/history", repairs: "console/repairs", playbooks: "console/playbooks", wall: "console/wall" };

  for (const width of WIDTHS) {
    for (const [locale, colorScheme] of /** @type {const} */ ([["en-GB", "light"], ["en-GB", "dark"], ["zh-TW", "light"], ["zh-TW", "dark"]])) {
      const context = await browser.newContext({ viewport: { width, height: 900 }, locale, colorScheme, reducedMotion: "reduce" });
      const page = await context.newPage();
      page.on("console", (message) => message.type() === "error" && check(false, `${page.url()}: ${message.text()}`));
      page.on("pageerror", (error) => check(false, `${page.url()}: ${error.message}`));
      await signIn(page, "ada");
      for (const [name, path] of Object.entries(pages)) {
        await page.goto(`${root}/${path}`);
        await page.waitForLoadState("networkidle");
        const label = `${name}-${width}-${locale.slice(0, 2)}-${colorScheme}`;
        check((await page.title()) !== "owned", `${label}: nothing of an alert runs`);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        check(wide <= 0, `${label}: fits its width`);
        await axe(page, label);
        await page.screenshot({ path: join(screenshots, `${label}.png`), fullPage: true });
      }
      await context.close();
    }
  }
  await flows(planned);
} finally {
  await browser.close();
}
process.stdout.write(`${faults.length} faults\n`);
process.exitCode = faults.length === 0 ? 0 : 1;

/** What people do. @param {any} planned */
async function flows(planned) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en-GB" });
  const page = await context.newPage();
  await signIn(page, "ada");
  const cookie = (await context.cookies(root))[0];
  check(Boolean(cookie?.httpOnly && cookie.secure && cookie.sameSite === "Strict" && cookie.name.startsWith("__Host-")), "the cookie is out of reach");
  check((await page.evaluate(() => document.cookie)) === "", "no script sees the cookie");

  // Keys.
  await page.keyboard.press("j");
  const first = await page.evaluate(() => document.activeElement?.getAttribute("href"));
  await page.keyboard.press("j");
  const second = await page.evaluate(() => document.activeElement?.getAttribute("href"));
  check(Boolean(first && second && first !== second), "j moves to the next incident");
  await page.keyboard.press("?");
  check(await page.locator("dialog#keys").isVisible(), "? shows the keys");
  await page.keyboard.press("Escape");

  // News without losing anything.
  const before = await page.locator("[data-incident]").count();
  await page.locator("[data-incident] a.name").first().focus();
  const focused = await page.evaluate(() => document.activeElement?.closest("[data-incident]")?.id);
  await fire({ alertname: "HighCPUUsage", severity: "warning", instance: "api-3:8080", cluster: "prod" }, "api-3 does not answer");
  await page.waitForFunction((count) => document.querySelectorAll("[data-incident]").length > count, before, { timeout: 90_000 });
  check((await page.locator("#live").textContent())?.includes("1 new incident") ?? false, "a screen reader hears of the new incident");
  check((await page.evaluate(() => document.activeElement?.closest("[data-incident]")?.id)) === focused, "the focus stays");

  await page.goto(`${root}/console/incidents/${planned.id}`);
  await page.locator("#whole-log > summary").click();
  await page.fill("#note textarea", "half a note");
  const responded = await fetch(`${root}/api/v1/incidents/${planned.id}/respond`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${facts.tokens.bob}` },
    body: JSON.stringify({ action: "acknowledge" }),
  });
  check(responded.ok, "another person takes the incident");
  await page.waitForFunction(() => document.querySelector("#timeline")?.parentElement?.querySelector("[title=INCIDENT_ACKNOWLEDGED]"), null, { timeout: 90_000 });
  check(await page.locator("#whole-log").evaluate((details) => /** @type {HTMLDetailsElement} */ (details).open), "open details stay open");
  check((await page.inputValue("#note textarea")) === "half a note", "a half note stays");

  // Acting.
  await page.fill("#note textarea", "Looked at the logs: it is the disk.");
  await page.click("#note button");
  await page.waitForFunction(() => document.querySelector("#note output")?.textContent !== "", null, { timeout: 30_000 });
  check((await page.locator("#note output").textContent()) === "Done.", "a note is added");
  await page.waitForFunction(() => document.body.textContent?.includes("it is the disk"), null, { timeout: 30_000 });
  await decide(page, planned);

  // Another site's page, and a session that is over.
  const forged = await page.context().request.post(`${root}/api/v1/incidents/${planned.id}/respond`, { data: { action: "note", text: "forged" }, headers: { Origin: "https://evil.example" } });
  check(forged.status() === 403, "a change of another site is refused");
  const framed = await page.context().request.get(`${root}/console`);
  check(framed.headers()["x-frame-options"] === "DENY" && framed.headers()["content-security-policy"].includes("frame-ancestors 'none'"), "no page can be framed");
  const other = await context.newPage();
  await other.goto(`${root}/console`);
  await page.goto(`${root}/console`);
  await page.click(".who form button");
  await page.waitForSelector("form.sign-in");
  await other.reload();
  check(await other.locator("form.sign-in").isVisible(), "a session that was ended shows nothing");
  await context.close();
}

/** @param {import("playwright-core").Page} page @param {any} planned */
async function decide(page, planned) {
  if (planned.status !== "awaiting_approval") return check(false, "an incident waits for a decision");
  await page.click("#approve button");
  check((await api(`incidents/${planned.id}`)).approval.state === "pending", "nothing is approved without having read");
  await page.check("#approve input[name=read]");
  await page.click("#approve button");
  await until(async () => (await api(`incidents/${planned.id}`)).approval.state !== "pending", "the decision");
  const { approval } = await api(`incidents/${planned.id}`);
  check(approval.state === "approved" && approval.decided_by === "ada", "the plan is approved in its person's name");
}
