// Checks the hashes of a call as docs/verifying.md has them: every commit hashes to what it says, names the one before, and is numbered
// from 1; every text is the one that a commit names. The page computes this itself and does not ask the backend.

import type { CallEvents, Commit } from "./events.js";
import { canHash, sha256 } from "./hash.js";

export type Verdict = { sound: true } | { sound: false; n?: number; why: "hash" | "prev" | "number" | "text" } | { sound: undefined };

/** The form of RFC 8785, which is JavaScript's own way to write numbers and texts, with sorted names. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join(",")}}`;
}

async function hashOf(text: string): Promise<string> {
  const digest = await sha256(new TextEncoder().encode(text));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Whether the hashes hold; `undefined` where the browser does not compute any. Whoever may write to the store can make a chain
 * that holds: what decides about that is the ledger, which `ilock verify` asks and this page does not. */
export async function judge({ call_id, commits, personal = [] }: CallEvents): Promise<Verdict> {
  if (!canHash()) return { sound: undefined };
  let prev = await hashOf(call_id);
  for (const [index, commit] of commits.entries()) {
    const { hash, ...rest } = commit;
    if (commit.n !== index + 1 || commit.call_id !== call_id) return { sound: false, n: index + 1, why: "number" };
    if (commit.prev !== prev) return { sound: false, n: commit.n, why: "prev" };
    if ((await hashOf(canonical(rest))) !== hash) return { sound: false, n: commit.n, why: "hash" };
    prev = hash;
  }
  const named = new Set(commits.flatMap(digests));
  for (const { salt, text, digest } of personal) {
    if (!named.has(digest) || (await hashOf(salt + text)) !== digest) return { sound: false, why: "text" };
  }
  return { sound: true };
}

export function digests({ events }: Commit): string[] {
  return events.flatMap(({ data }) => (typeof data?.["personal"] === "string" ? [data["personal"]] : []));
}
