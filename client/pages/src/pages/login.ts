// Who a page is: `ilock dev` signs a token for anybody, while it uses the development secret. With a login service of
// one's own the page takes one of its access tokens: out of the address, behind `#token=`, or from the person. The tab
// keeps it while it is open.

import { h } from "../elements/dom.js";
import { inTab } from "../elements/storage.js";
import type { TokenSource } from "../elements/tokens.js";
import { isChinese } from "../elements/language.js";
import { config } from "./config.js";
import { language, showWord } from "./frame.js";

/** The longest session that the server takes. */
const LONGEST_SESSION_BYTES = 128;

type Role = "user" | "device" | "auditor";

function kept(place: string, make: () => string): string {
  const known = inTab.get(place);
  if (known !== undefined) return known;
  const made = make();
  inTab.set(place, made);
  return made;
}

/** A word that is this tab's own, and stays while it is reloaded. */
export function ofThisTab(place: string): string {
  return kept(place, () => [...crypto.getRandomValues(new Uint8Array(5))].map((byte) => (byte % 36).toString(36)).join(""));
}

/** Tokens for `sub`, another one each time. */
export function tokenFor(role: Role, sub: string): TokenSource {
  const place = `ilock.token.${role}.${sub}`;
  takeFromAddress(place);
  let refused = false;
  let asked: Promise<string> | undefined;
  return async () => {
    if ((await config()).login === "demo") return demoToken(role, sub);
    const known = refused ? undefined : inTab.get(place);
    if (known === undefined) inTab.remove(place);
    // Whoever asks meanwhile waits for the same form.
    const token = known ?? (await (asked ??= askFor(role, sub, refused).finally(() => (asked = undefined))));
    inTab.set(place, token);
    // Whoever asks once more was refused with this one.
    refused = true;
    return token;
  };
}

/** A fragment is sent to no server. It leaves the address bar and the history as soon as it is read. */
function takeFromAddress(place: string): void {
  const token = tokenInAddress();
  if (token !== undefined) {
    inTab.set(place, token);
    history.replaceState(history.state, "", location.pathname + location.search);
  }
  // A link to the page that is open already loads nothing.
  addEventListener("hashchange", () => tokenInAddress() !== undefined && location.reload());
}

function tokenInAddress(): string | undefined {
  return new URLSearchParams(location.hash.slice(1)).get("token")?.trim() || undefined;
}

async function demoToken(role: Role, sub: string): Promise<string> {
  const answer = await fetch("/dev/token", { method: "POST", body: JSON.stringify({ sub, role, session: sessionOf(role, sub) }) });
  const { message, data } = (await answer.json()) as { message: string; data: { token?: string } | null };
  if (answer.ok && data?.token !== undefined) return data.token;
  // What is refused now is refused the next time, too.
  if (answer.status < 500) showWord("no_token", message);
  throw new Error(`no token for ${sub}: ${answer.status} ${message}`);
}

/** The login session of this tab. The tab's own word stands first: what is cut off is the end of a long id. */
function sessionOf(role: Role, sub: string): string {
  const whole = `${ofThisTab("ilock.session")}-${role}-${sub}`;
  // As many whole characters as there is room for.
  const { read } = new TextEncoder().encodeInto(whole, new Uint8Array(LONGEST_SESSION_BYTES));
  return whole.slice(0, read);
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
