// The pages that `ilock dev` and a deployment's CloudFront serve, in one file; the address says which one is open.

import "./elements/index.js";

import { showWord } from "./pages/frame.js";
import { doorPage, phonePage } from "./pages/parties.js";
import { startPage } from "./pages/start.js";
import { storyPage } from "./story/page.js";

const PAGES: Record<string, () => void | Promise<void>> = { "": startPage, door: doorPage, phone: phonePage, story: storyPage };

void openPage(PAGES[location.pathname.split("/")[1] ?? ""]);

async function openPage(page: (() => void | Promise<void>) | undefined): Promise<void> {
  try {
    await page?.();
  } catch (error) {
    // All that a page waits for is the server.
    showWord("no_server");
    console.warn(error);
  }
}
