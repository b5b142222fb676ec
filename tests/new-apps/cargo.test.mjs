// What a new user of cargo does: `cargo new`, the page's lines, and a phone that rings.

import { execFile } from "node:child_process";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { folder, isAnswered, prints, stack, starts } from "./apps.mjs";
import { code, root } from "./page.mjs";

const run = promisify(execFile);

test("cargo new with the path of the crate, and the page's lines in Rust", async () => {
  const app = join(folder, "new-app");
  await run("cargo", ["new", "--quiet", "--vcs", "none", app]);
  const manifest = join(app, "Cargo.toml");
  const dependencies = (await code("toml", 0)).replace("../ilock-call/client/rust", `${root}client/rust`);
  await writeFile(manifest, (await readFile(manifest, "utf8")).replace("[dependencies]\n", dependencies));
  // The versions that are tested here, which are on this machine already.
  await copyFile(`${root}Cargo.lock`, join(app, "Cargo.lock"));
  await mkdir(join(app, "src/bin"));
  await writeFile(join(app, "src/main.rs"), await code("rust", 0, stack.at.http));
  await writeFile(join(app, "src/bin/door.rs"), await code("rust", 1, stack.at.http));
  await run("cargo", ["build", "--quiet", "--offline"], { cwd: app, env: { ...process.env, CARGO_TARGET_DIR: join(app, "target") } });
  const person = await stack.user("user456");
  starts(person, join(app, "target/debug/new-app"));
  await isAnswered(person, "user456_phone");
  const door = starts(await stack.doorStation("device123"), join(app, "target/debug/door"));
  await prints(door, "Accepted");
});
