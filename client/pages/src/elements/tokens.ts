// The access token of an element or a page. It is kept in memory alone here; where tokens come from may keep them.

/** A token of the operator's login service; `undefined` when the person must log in. */
export type TokenSource = () => string | undefined | Promise<string | undefined>;

const NOT_ACCEPTED = 401;

export class Tokens {
  private last: string | undefined;
  private asked: Promise<string | undefined> | undefined;
  /** Whether the last token is given once more. */
  private again = false;

  constructor(private readonly source: TokenSource) {}

  /** Another token than the last one. Whoever asks meanwhile gets the same. */
  renew(): Promise<string | undefined> {
    if (this.again) {
      this.again = false;
      return Promise.resolve(this.last);
    }
    this.asked ??= this.ask();
    return this.asked;
  }

  /** The next `renew` gives the last token, which nobody has refused: the source may have to ask the person for another one. */
  reuse(): void {
    this.again = this.last !== undefined && this.asked === undefined;
  }

  /** Somebody else may log in: neither the last token is theirs, nor one that is still asked for. */
  forget(): void {
    this.last = undefined;
    this.asked = undefined;
    this.again = false;
  }

  /** Asks the backend; once more with another token, where the last one is not accepted any more. */
  async fetch(address: string): Promise<Response> {
    if (this.last === undefined) await this.renew();
    const answer = await this.send(address);
    if (answer.status !== NOT_ACCEPTED) return answer;
    await this.renew();
    return this.send(address);
  }

  private ask(): Promise<string | undefined> {
    const source = async () => this.source();
    const asked: Promise<string | undefined> = source()
      .then((token) => {
        if (this.asked === asked) this.last = token;
        return token;
      })
      .finally(() => {
        if (this.asked === asked) this.asked = undefined;
      });
    return asked;
  }

  private send(address: string): Promise<Response> {
    return fetch(address, { headers: { authorization: `Bearer ${this.last ?? ""}` } });
  }
}
