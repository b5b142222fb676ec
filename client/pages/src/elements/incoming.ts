// A call that rings: who it is, and what one can do.

import type { CallInfo } from "@ilock/client";

import { h, say } from "./dom.js";
import { foreign } from "./foreign.js";
import { type Icon, icon } from "./icons.js";
import type { Words } from "./words.js";

interface Choices {
  accept: () => void;
  decline: () => void;
  reject: () => void;
}

interface Choice {
  button: HTMLButtonElement;
  text: HTMLElement;
}

export class IncomingCard {
  readonly element: HTMLElement;
  private readonly kind = h("p", { class: "kind" });
  private readonly place = h("p", { class: "caller-place", part: "caller-place" });
  private readonly reject: Choice;
  private readonly decline: Choice;
  private readonly accept: Choice;

  constructor(
    private readonly call: CallInfo,
    choices: Choices,
  ) {
    // A long name is cut off; whoever points at it sees all of it.
    const caller = foreign(call.caller_name);
    const name = h("p", { class: "caller-name", part: "caller-name", id: `caller-${call.call_id}`, title: caller, "data-testid": "caller-name" }, caller);
    this.reject = choice("reject", "red", "hangup", choices.reject);
    this.decline = choice("decline", "quiet", "silent", choices.decline);
    this.accept = choice("accept", "green", "phone", choices.accept);
    const actions = h("div", { class: "actions", part: "actions" }, this.reject.button, this.decline.button, this.accept.button);
    this.element = h("section", { class: "incoming", part: "incoming", role: "alert", "aria-labelledby": name.id, "data-testid": "incoming", "data-call": call.call_id },
      h("div", { class: "caller" }, this.kind, name, this.place), actions);
  }

  /** Where the focus goes to when the card before this one is gone. */
  get first(): HTMLElement {
    return this.accept.button;
  }

  /** `second` where another call is under way (`talking`), or rings before this one; `looks` where the person may look before the
   * answer. The card is read out again whenever a text of it is written, so only what changes is. */
  render(words: Words, { second, talking, looks }: { second: boolean; talking: boolean; looks: boolean }): void {
    this.element.classList.toggle("second", second);
    say(this.kind, second ? words.waiting : looks ? words.preview : words.no_look);
    say(this.place, foreign(this.call.location ?? words.wants_in));
    say(this.reject.text, words.reject);
    say(this.decline.text, words.decline);
    say(this.accept.text, talking ? words.accept_waiting : words.accept);
  }
}

function choice(testid: string, colour: string, name: Icon, click: () => void): Choice {
  const text = h("span");
  const button = h("button", { class: `choice ${colour}`, type: "button", part: testid, "data-testid": testid, click }, h("i", { class: "round" }, icon(name)), text);
  return { button, text };
}
