// Checks a call as docs/verifying.md has it: every commit hashes to what it says, names the one before, and is numbered
// from 1; every text is the one that a commit names. The page computes this itself and does not ask the backend.

import type { CallEvents, Commit } from "./events.js";

export type Verdict = { sound: true } | { sound: false; n?: number; why: "hash" | "prev" | "number" | "text" } | { sound: undefined };

/** The form of RFC 8785, which is JavaScript's own way to write numbers and texts, with sorted names. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join(",")}}`;
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** `sound` is undefined where the browser does not compute hashes: on a page that was not opened over https or on
 * localhost. */
export async function judge({ call_id, commits, personal = [] }: CallEvents): Promise<Verdict> {
  if ((crypto.subtle as SubtleCrypto | undefined) === undefined) return { sound: undefined };
  let prev = await sha256(call_id);
  for (const [index, commit] of commits.entries()) {
    const { hash, ...rest } = commit;
    if (commit.n !== index + 1 || commit.call_id !== call_id) return { sound: false, n: index + 1, why: "number" };
    if (commit.prev !== prev) return { sound: false, n: commit.n, why: "prev" };
    if ((await sha256(canonical(rest))) !== hash) return { sound: false, n: commit.n, why: "hash" };
    prev = hash;
  }
  const named = new Set(commits.flatMap(digests));
  for (const { salt, text, digest } of personal) {
    if (!named.has(digest) || (await sha256(salt + text)) !== digest) return { sound: false, why: "text" };
  }
  return { sound: true };
}

export function digests({ events }: Commit): string[] {
  return events.flatMap(({ data }) => (typeof data?.["personal"] === "string" ? [data["personal"]] : []));
}
