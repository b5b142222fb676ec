// The pages that `ilock dev` and a deployment's CloudFront serve, and the elements, in one file; the address says which page is open.

import "./elements/index.js";

import { showWord } from "./pages/frame.js";
import { doorPage, phonePage } from "./pages/parties.js";
import { startPage } from "./pages/start.js";
import { storyPage } from "./story/page.js";

const PAGES: Record<string, () => void | Promise<void>> = { "": startPage, door: doorPage, phone: phonePage, story: storyPage };

// Only static/page.html has the mark: in a page of somebody else's the file defines the elements and shows nothing, whatever the address.
if (document.documentElement.hasAttribute("data-ilock-pages")) void openPage(PAGES[location.pathname.split("/")[1] ?? ""]);

async function openPage(page: (() => void | Promise<void>) | undefined): Promise<void> {
  try {
    await page?.();
  } catch (error) {
    // All that a page waits for is the server.
    showWord("no_server");
    console.warn(error);
  }
}
