// What is kept in the browser. Where the browser blocks site data, or its storage is full, the page itself keeps it, until it is
// closed or loaded again.

export class Kept {
  /** What the browser did not take. */
  private readonly own = new Map<string, string>();

  /** The storage is asked for anew each time: where site data is blocked, already asking for it throws. */
  constructor(private readonly storage: () => Storage) {}

  get(name: string): string | undefined {
    const own = this.own.get(name);
    if (own !== undefined) return own;
    try {
      return this.storage().getItem(name) ?? undefined;
    } catch {
      return undefined;
    }
  }

  /** Whether it outlives the page. */
  set(name: string, value: string): boolean {
    try {
      this.storage().setItem(name, value);
    } catch {
      this.own.set(name, value);
      return false;
    }
    this.own.delete(name);
    return true;
  }

  remove(name: string): void {
    this.own.delete(name);
    try {
      this.storage().removeItem(name);
    } catch {
      // It holds nothing.
    }
  }
}

/** For this tab, while it is open. */
export const inTab = new Kept(() => sessionStorage);
/** For all tabs, for good. */
export const inBrowser = new Kept(() => localStorage);
