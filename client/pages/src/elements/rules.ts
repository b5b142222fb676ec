// What an attribute of the elements, or a field of a page's address, may be. The backend has the same rules or laxer ones: what
// breaks a rule is found before anything is asked, so that the page can name the field and say what would be right.

import { foreign } from "./foreign.js";
import type { Word, Words } from "./words.js";

interface Rule {
  /** What would be right. */
  says: Word;
  holds: (value: string) => boolean;
}

/** A field that breaks its rule. Its value is null where it had to be there and is not. */
export interface Fault {
  field: Field;
  value: string | null;
}

const LONGEST_ID = 128;
const MOST_CALLEES = 20;
const RING_SECONDS = { least: 5, most: 120 };
/** Of the name and the location each: together they fit into the 4096 bytes that the backend takes of a caller. */
const LONGEST_TEXT_BYTES = 2000;
/** How much of a wrong value is shown. */
const SHOWN = 40;

const CONTROL = /\p{Cc}/u;

/** In characters, as the backend counts them: an emoji is one. */
function isId(text: string): boolean {
  return text !== "" && [...text].length <= LONGEST_ID && !CONTROL.test(text);
}

/** The ids of a list that is separated by commas. */
export function idsOf(list: string): string[] {
  return list.split(",").map((id) => id.trim()).filter(Boolean);
}

function areCallees(list: string): boolean {
  const ids = idsOf(list);
  return ids.length > 0 && new Set(ids).size <= MOST_CALLEES && ids.every(isId);
}

function isRingSeconds(text: string): boolean {
  return /^\d{1,3}$/.test(text) && Number(text) >= RING_SECONDS.least && Number(text) <= RING_SECONDS.most;
}

function isText(text: string): boolean {
  return new TextEncoder().encode(text).length <= LONGEST_TEXT_BYTES && !CONTROL.test(text);
}

function isAddress(text: string): boolean {
  return text !== "" && URL.canParse(text, document.baseURI);
}

const RULES = {
  client: { says: "rule_client", holds: (text) => /^[A-Za-z0-9_-]{1,52}$/.test(text) },
  user: { says: "rule_id", holds: isId },
  device: { says: "rule_id", holds: isId },
  callee: { says: "rule_callee", holds: areCallees },
  "ring-seconds": { says: "rule_seconds", holds: isRingSeconds },
  name: { says: "rule_text", holds: isText },
  location: { says: "rule_text", holds: isText },
  server: { says: "rule_server", holds: (text) => /^https?:\/\//i.test(text) && URL.canParse(text) },
  trtc: { says: "rule_address", holds: isAddress },
  "story-href": { says: "rule_address", holds: isAddress },
  room: { says: "rule_room", holds: (text) => text === "none" },
  preview: { says: "rule_preview", holds: (text) => ["off", "on", ""].includes(text) },
} satisfies Record<string, Rule>;

export type Field = keyof typeof RULES;

/** What is wrong with a field, if anything. One that is absent breaks its rule only if it is `needed`. */
export function faultOf(field: Field, value: string | null, needed = false): Fault | undefined {
  const right = value === null ? !needed : RULES[field].holds(value);
  return right ? undefined : { field, value };
}

/** Names the field, says what would be right, and shows what is there instead. */
export function faultText({ field, value }: Fault, words: Words): string {
  const shown = value !== null && value.length > SHOWN ? `${value.slice(0, SHOWN)}…` : (value ?? "");
  const text = words[value === null ? "fault_absent" : value === "" ? "fault_empty" : "fault"];
  // By functions, so that no `$` of a value means anything.
  return text.replace("{field}", () => field).replace("{rule}", () => words[RULES[field].says]).replace("{value}", () => foreign(shown));
}
