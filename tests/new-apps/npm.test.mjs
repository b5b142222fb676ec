// What a new user of npm does: an empty folder, the page's lines, and a phone that rings.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { folder, isAnswered, prints, stack, starts } from "./apps.mjs";
import { code, root } from "./page.mjs";

const run = promisify(execFile);

test("npm install of the packed package, and the page's lines in TypeScript", async () => {
  const app = await mkdtemp(join(folder, "npm-"));
  const { stdout } = await run("npm", ["pack", "--silent", "--pack-destination", app], { cwd: `${root}client/web` });
  await writeFile(join(app, "package.json"), JSON.stringify({ name: "new-app", private: true, type: "module" }));
  await run("npm", ["install", "--silent", "--no-audit", "--no-fund", `./${stdout.trim()}`], { cwd: app });
  // The types are those that the package itself is built with.
  const tsc = `${root}client/web/node_modules/typescript/bin/tsc`;
  const types = ["--typeRoots", `${root}client/web/node_modules/@types`, "--types", "node"];
  const options = ["--strict", "--skipLibCheck", "--target", "es2022", "--module", "nodenext", ...types];
  await writeFile(join(app, "phone.ts"), await code("ts", 0, stack.at.http));
  await writeFile(join(app, "door.ts"), await code("ts", 1, stack.at.http));
  await run(process.execPath, [tsc, ...options, "phone.ts", "door.ts"], { cwd: app }).catch(({ stdout }) => assert.fail(stdout));
  const person = await stack.user("user456");
  starts(person, process.execPath, join(app, "phone.js"));
  await isAnswered(person, "user456_kitchen");
  const door = starts(await stack.doorStation("device123"), process.execPath, join(app, "door.js"));
  await prints(door, "accepted");
});
