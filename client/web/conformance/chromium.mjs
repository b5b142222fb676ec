// The cases in a page of headless Chromium: the same files, the same core, another engine around it.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { once } from "node:events";
import { extname } from "node:path";

import { chromium } from "playwright-core";

import { readCases, report } from "./files.mjs";

const web = new URL("../", import.meta.url);
const TYPES = { ".js": "text/javascript", ".mjs": "text/javascript" };
const imports = { mqtt: "/node_modules/mqtt/dist/mqtt.esm.js" };
const PAGE = `<!doctype html><script type="importmap">${JSON.stringify({ imports })}</script>`;

/** Serves the files of client/web. */
async function serve() {
  const server = createServer(async ({ url }, answer) => {
    if (url === "/favicon.ico") return answer.writeHead(204).end();
    if (url === "/") return answer.setHeader("content-type", "text/html").end(PAGE);
    try {
      const content = await readFile(new URL(`.${url}`, web));
      answer.setHeader("content-type", TYPES[extname(url)] ?? "application/octet-stream").end(content);
    } catch {
      answer.writeHead(404).end();
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

const server = await serve();
// As root, as in a container, Chromium has no sandbox.
const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args });
try {
  const page = await browser.newPage();
  page.on("console", (message) => console.log(`chromium: ${message.text()}`));
  page.on("pageerror", (error) => console.log(`chromium: ${error.message}`));
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  const run = async ({ given, files }) => (await import("/conformance/cases.mjs")).runAll(given, files);
  report(await page.evaluate(run, await readCases()));
} finally {
  await browser.close();
  server.close();
}
