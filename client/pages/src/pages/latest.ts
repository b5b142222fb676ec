// The last calls of today, which the backend lists by days of UTC, in pages, the oldest call first.

import type { Tokens } from "../elements/tokens.js";

export interface FoundCall {
  call_id: string;
  caller_id?: string;
  callee_ids?: string[];
  timestamp: number;
  state?: "ringing" | "active" | "rejected" | "cancelled" | "missed" | "ended" | "failed";
}

interface Page {
  calls: FoundCall[];
  next_cursor?: string;
}

/** How many are shown. */
const SHOWN = 8;
/** The most that a page has. */
const LIMIT = 100;

/** An answer that is no list. */
class Refused extends Error {
  constructor(readonly status: number) {
    super(`the calls of a day: ${status}`);
  }
}

export class LatestCalls {
  /** Where the last page but one of each day began. What is before it is not read again: calls are added at the end, and a page
   * has more than are shown. */
  private readonly starts = new Map<string, string>();
  private asked = 0;

  constructor(private readonly tokens: Tokens) {}

  /** The last ones first. A status where the backend refuses, `undefined` where it cannot be reached, `overtaken` where it is
   * being asked once more. */
  async read(): Promise<FoundCall[] | number | undefined | "overtaken"> {
    const asked = ++this.asked;
    const calls = await this.today().catch((error: unknown) => (error instanceof Refused ? error.status : undefined));
    return asked === this.asked ? calls : "overtaken";
  }

  /** The person's day is in one or two of UTC's. */
  private async today(): Promise<FoundCall[]> {
    const midnight = new Date().setHours(0, 0, 0, 0);
    const days = new Set([Date.now(), midnight].map((at) => new Date(at).toISOString().slice(0, 10)));
    let found: FoundCall[] = [];
    for (const day of days) {
      const earlier = (await this.endOf(day)).filter(({ timestamp }) => timestamp >= midnight);
      found = [...earlier, ...found];
      if (found.length >= SHOWN) break;
    }
    return found.slice(-SHOWN).reverse();
  }

  /** The calls of a day's last two pages. */
  private async endOf(day: string): Promise<FoundCall[]> {
    let start = this.starts.get(day);
    let page = await this.page(day, start);
    let before: FoundCall[] = [];
    while (page.next_cursor !== undefined) {
      if (start !== undefined) this.starts.set(day, start);
      before = page.calls;
      start = page.next_cursor;
      page = await this.page(day, start);
    }
    return [...before, ...page.calls];
  }

  private async page(day: string, cursor: string | undefined): Promise<Page> {
    const query = new URLSearchParams({ day, limit: String(LIMIT), ...(cursor !== undefined && { cursor }) });
    const answer = await this.tokens.fetch(`/api/audit/calls?${query}`);
    if (!answer.ok) throw new Refused(answer.status);
    return ((await answer.json()) as { data: Page }).data;
  }
}
