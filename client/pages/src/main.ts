// The pages that `ilock dev` serves, in one file; the address says which one is open.

import "./elements/index.js";

import { doorPage, phonePage } from "./pages/parties.js";
import { startPage } from "./pages/start.js";
import { storyPage } from "./story/page.js";

const PAGES: Record<string, () => void> = { "": startPage, door: doorPage, phone: phonePage, story: storyPage };

PAGES[location.pathname.split("/")[1] ?? ""]?.();
