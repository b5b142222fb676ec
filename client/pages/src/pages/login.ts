// Who a page is: `ilock dev` signs a token for anybody, while it uses the development secret. With a login service of
// one's own the page asks for one of its access tokens.

import { h } from "../elements/dom.js";
import type { TokenSource } from "../elements/tokens.js";
import { language } from "./frame.js";
import { isChinese } from "../elements/words.js";

type Role = "user" | "device" | "auditor";

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

/** Tokens for `sub`, another one each time. */
export function tokenFor(role: Role, sub: string): TokenSource {
  let again = false;
  return async () => {
    const session = `${role}-${sub}-${ofThisTab("ilock.session")}`.slice(0, 128);
    const answer = await fetch("/dev/token", { method: "POST", body: JSON.stringify({ sub, role, session }) });
    if (answer.ok) return ((await answer.json()) as { data: { token: string } }).data.token;
    const token = await askFor(role, sub, again);
    again = true;
    return token;
  };
}

/** Asks the person for an access token of the operator's login service; `again` where the last one is not accepted. */
function askFor(role: Role, sub: string, again: boolean): Promise<string> {
  const chinese = isChinese(language());
  return new Promise((done) => {
    const field = h("textarea", { id: "token", autocomplete: "off", spellcheck: "false", required: true });
    const label = chinese ? `${sub}（${role}）的访问令牌` : `An access token of ${sub} (${role})`;
    const refused = chinese ? "上一个令牌不再被接受，请填入新的令牌。" : "The last token is not accepted any more. Give another one.";
    const form = h("form", { class: "panel login", "data-testid": "login", submit: (event) => {
      event.preventDefault();
      form.remove();
      done(field.value.trim());
    } }, again ? h("p", { role: "alert" }, refused) : undefined,
      h("label", { for: "token" }, label), field, h("button", { class: "button main", type: "submit" }, chinese ? "登录" : "Log in"));
    document.querySelector("main")?.prepend(form);
  });
}
