// Where a party is found: the address that stands for it in topics and in the names of phones. events/src/ids/address.rs is
// the rule. A person and a door station may have the same address, so the kind is always compared with it.

import type { Party } from "./events.js";
import { canHash, sha256 } from "./hash.js";

export interface PartyAddress {
  kind: Party["kind"];
  address: string;
}

/** The tenant of a deployment that has only one. */
const ONLY_TENANT = "default";
const PLAIN = /^[A-Za-z0-9-]{1,64}$/;
/** What looks derived does not stand for itself. */
const DERIVED = /^x[a-z2-7]{26}$/;
const DERIVED_LETTERS = 26;
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

/** The address of a party; `undefined` where it is a hash that this browser does not compute. */
export async function addressOf(tenant: string, { kind, id }: Party): Promise<string | undefined> {
  if (tenant === ONLY_TENANT && PLAIN.test(id) && !DERIVED.test(id)) return id;
  if (!canHash()) return undefined;
  const named = [tenant, kind, id].flatMap(withLength);
  return `x${base32(await sha256(Uint8Array.from(named))).slice(0, DERIVED_LETTERS)}`;
}

/** Whom a receipt names: `users/user456/calls/incoming`, perhaps behind a stack's prefix. */
export function addressIn(target: string): PartyAddress | undefined {
  const parts = target.split("/");
  const root = rootIn(parts);
  const address = parts[root + 1];
  if (root < 0 || address === undefined) return undefined;
  return { kind: parts[root] === "users" ? "user" : "device", address };
}

/** The rest of a target behind its party: `calls/incoming`. */
export function leafOf(target: string): string {
  const parts = target.split("/");
  const root = rootIn(parts);
  return root < 0 ? target : parts.slice(root + 2).join("/") || target;
}

/** Whose phone this is: the name of a phone begins with its owner's address, perhaps behind a stack's prefix. */
export function ownerOf(phone: string): PartyAddress {
  const before = (phone.split("_")[0] ?? "").split(".");
  return { kind: before.at(-2) === "d" ? "device" : "user", address: before.at(-1) ?? "" };
}

function rootIn(parts: string[]): number {
  return parts.findIndex((part) => part === "users" || part === "devices");
}

/** The bytes of a text behind their number, which has four bytes. */
function withLength(text: string): number[] {
  const bytes = new TextEncoder().encode(text);
  return [24, 16, 8, 0].map((shift) => (bytes.length >>> shift) & 255).concat([...bytes]);
}

function base32(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return (bits.match(/.{5}/g) ?? []).map((five) => BASE32.charAt(parseInt(five, 2))).join("");
}
