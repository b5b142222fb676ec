// The devices that have logged in as this person since the phone was looked at: it may have been a thief.

import { h, say, show } from "./dom.js";
import { foreign } from "./foreign.js";
import type { Words } from "./words.js";

export class Logins {
  private readonly text = h("p");
  private readonly dismiss = h("button", { class: "link", part: "dismiss", type: "button", "data-testid": "dismiss", click: () => this.dismissed() });
  readonly element = h("section", { class: "logins", part: "logins", role: "status", "data-testid": "logins", hidden: true }, this.text, this.dismiss);
  /** The names of the clients. */
  private names: string[] = [];

  /** `changed` is called when the person has dismissed them. */
  constructor(
    private readonly words: () => Words,
    private readonly changed: () => void,
  ) {}

  /** Writes all texts, in the language that there is now. */
  label(): void {
    const { client_added, comma, dismiss } = this.words();
    say(this.text, this.names.length === 0 ? "" : client_added.replace("{clients}", () => this.names.map(foreign).join(comma)));
    say(this.dismiss, dismiss);
  }

  add(name: string): void {
    if (!this.names.includes(name)) this.set([...this.names, name]);
  }

  clear(): void {
    this.set([]);
  }

  /** What is to be kept over a reload. */
  save(): string[] {
    return this.names;
  }

  restore(names: string[]): void {
    this.set(names);
  }

  private dismissed(): void {
    this.clear();
    this.changed();
  }

  private set(names: string[]): void {
    this.names = names;
    this.label();
    show(this.element, names.length > 0);
  }
}
