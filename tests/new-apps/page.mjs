// The code of docs/apps.md.

import { readFile } from "node:fs/promises";

export const root = new URL("../../", import.meta.url).pathname;

/** The n-th block of this language, with the server that a test has. */
export async function code(language, n, server) {
  const page = await readFile(`${root}docs/apps.md`, "utf8");
  const blocks = [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].filter((block) => block[1] === language);
  const text = blocks[n]?.[2];
  if (text === undefined) throw new Error(`docs/apps.md has no block ${n} of ${language}`);
  return text.replaceAll("https://calls.example", server ?? "https://calls.example");
}
