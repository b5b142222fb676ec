// Where the pages are served: `ilock dev`, or a deployment's CloudFront.

export interface Config {
  /** `demo`: the server signs a token for anybody. `token`: a login service does, and a page asks for one. */
  login: "demo" | "token";
  /** `local`: that of `ilock dev`. `trtc`: Tencent's, by the operator's copy of the SDK. `none`: neither picture nor sound. */
  room: "local" | "trtc" | "none";
}

let asked: Promise<Config> | undefined;

export function config(): Promise<Config> {
  // Where the server could not be reached, it is asked again by whoever asks next.
  asked ??= ask().catch((error: unknown) => {
    asked = undefined;
    throw error;
  });
  return asked;
}

async function ask(): Promise<Config> {
  const answer = await fetch("/pages/config.json");
  // Without the file nothing is taken for granted.
  return answer.ok ? ((await answer.json()) as Config) : { login: "token", room: "none" };
}
