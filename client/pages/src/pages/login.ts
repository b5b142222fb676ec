// Who a page is: `ilock dev` signs a token for anybody, while it uses the development secret. With a login service of
// one's own the page asks for one of its access tokens.

import { h } from "../elements/dom.js";
import type { TokenSource } from "../elements/element.js";
import { language } from "./frame.js";
import { isChinese } from "../elements/words.js";

type Role = "user" | "device" | "auditor";

/** Renewed this long before an hour, its life, is over. */
const FRESH_MS = 50 * 60_000;

function kept(place: string, make: () => string): string {
  const known = sessionStorage.getItem(place);
  if (known !== null) return known;
  const made = make();
  sessionStorage.setItem(place, made);
  return made;
}

/** A word that is this tab's own, and stays while it is reloaded. */
export function ofThisTab(place: string): string {
  return kept(place, () => [...crypto.getRandomValues(new Uint8Array(5))].map((byte) => (byte % 36).toString(36)).join(""));
}

/** Tokens for `sub`. A client asks for another one when the last is not accepted any more. */
export function tokenFor(role: Role, sub: string): TokenSource {
  let last: { token: string; at: number } | undefined;
  return async () => {
    if (last !== undefined && performance.now() - last.at < FRESH_MS) return last.token;
    const session = `${role}-${sub}-${ofThisTab("ilock.session")}`.slice(0, 128);
    const answer = await fetch("/dev/token", { method: "POST", body: JSON.stringify({ sub, role, session }) });
    const token = answer.ok ? ((await answer.json()) as { data: { token: string } }).data.token : await askFor(role, sub);
    last = { token, at: performance.now() };
    return token;
  };
}

/** Asks the person for an access token of the operator's login service. */
function askFor(role: Role, sub: string): Promise<string> {
  const chinese = isChinese(language());
  return new Promise((done) => {
    const field = h("textarea", { id: "token", autocomplete: "off", spellcheck: "false" });
    const label = chinese ? `${sub}（${role}）的访问令牌` : `An access token of ${sub} (${role})`;
    const form = h("form", { class: "panel login", submit: (event) => {
      event.preventDefault();
      form.remove();
      done(field.value.trim());
    } }, h("label", { for: "token" }, label), field, h("button", { class: "button main", type: "submit" }, chinese ? "登录" : "Log in"));
    document.querySelector("main")?.prepend(form);
  });
}
