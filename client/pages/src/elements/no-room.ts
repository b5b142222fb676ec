// Where no video rooms are set up: a call rings and is answered, without picture and sound.

import type { MediaRoom } from "@ilock/client";

export class NoRoom implements MediaRoom {
  /** `joined` is called in place of entering. */
  constructor(private readonly joined: () => void) {}

  join(): Promise<void> {
    this.joined();
    return Promise.resolve();
  }

  preview(): Promise<void> {
    return Promise.resolve();
  }

  mute(): Promise<void> {
    return Promise.resolve();
  }

  leave(): Promise<void> {
    return Promise.resolve();
  }
}
