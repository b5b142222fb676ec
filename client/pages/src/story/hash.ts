// SHA-256, by the browser.

/** Whether the browser computes hashes: only on a page that was opened over https or on localhost. */
export function canHash(): boolean {
  return (crypto.subtle as SubtleCrypto | undefined) !== undefined;
}

export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}
