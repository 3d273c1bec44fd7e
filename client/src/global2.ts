/** The classic script of version 2.0: one instance per page, and the first that is loaded stays, of whatever version (JS-1). */

import { browserEnvironment } from "./engine/browser";
import { createBackplane2 } from "./faces/historical2";

const page = globalThis as { Backplane?: unknown };
page.Backplane ??= createBackplane2(browserEnvironment());
