// The cases as files, and what is said of how they went.

import { readFile, readdir } from "node:fs/promises";

/** Fewer than these were not all. */
const AT_LEAST = 100;
const folder = new URL("../../conformance/", import.meta.url);

const read = async (file) => JSON.parse(await readFile(new URL(file, folder), "utf8"));

export async function readCases() {
  const names = (await readdir(new URL("cases/", folder))).sort();
  const files = await Promise.all(names.map(async (name) => [name, await read(`cases/${name}`)]));
  return { given: await read("given.json"), files };
}

/** Prints what is wrong and how many hold, and ends the process accordingly. */
export function report({ all, held, failures }) {
  failures.forEach((failure) => console.log(failure));
  console.log(`${held} of ${all}`);
  process.exitCode = held === all && all >= AT_LEAST ? 0 : 1;
}
