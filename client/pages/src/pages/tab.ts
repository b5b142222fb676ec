// What tells this tab from the others.

import { inTab } from "../elements/storage.js";

const PLACE = "ilock.tab";
const TAKEN = "taken";
/** How long another tab has to say that a word is its own. */
const ANSWER_MS = 150;

let own: Promise<string> | undefined;

/** A word that is this tab's own, and stays while it is reloaded. */
export function tabWord(): Promise<string> {
  own ??= claimed();
  return own;
}

/** Whoever duplicates a tab gets a copy of all that it keeps: so the other tabs are asked whether the word is theirs. */
async function claimed(): Promise<string> {
  const kept = inTab.get(PLACE);
  if (kept !== undefined && (await claim(kept))) return kept;
  const made = [...crypto.getRandomValues(new Uint8Array(5))].map((byte) => (byte % 36).toString(36)).join("");
  inTab.set(PLACE, made);
  // Nobody else has a new word: this answers for it from now on.
  void claim(made);
  return made;
}

/** Whether no other tab has the word. Of two that ask at once one gives way. */
function claim(word: string): Promise<boolean> {
  const channel = new BroadcastChannel(`${PLACE}.${word}`);
  const lot = Math.random();
  return new Promise((done) => {
    let isOwn = false;
    const timer = setTimeout(() => {
      isOwn = true;
      done(true);
    }, ANSWER_MS);
    const giveWay = () => {
      if (isOwn) return;
      clearTimeout(timer);
      channel.close();
      done(false);
    };
    channel.onmessage = ({ data }: MessageEvent<number | typeof TAKEN>) => {
      if (data !== TAKEN && (isOwn || lot < data)) channel.postMessage(TAKEN);
      else giveWay();
    };
    channel.postMessage(lot);
  });
}
