/** The classic script: one instance per page, and the first that is loaded stays (JS-1). */

import { browserEnvironment } from "./engine/browser";
import { createBackplane } from "./faces/historical";

const page = globalThis as { Backplane?: unknown };
page.Backplane ??= createBackplane(browserEnvironment());
