// Says how large the built scripts are on the wire, and fails when a classic one has grown too large.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

/** Bytes, gzipped. Pages that were written for versions 1.x load nothing of 2.0. */
const LIMITS = { "backplane.js": 14 * 1024, "backplane2.js": 17 * 1024 };

for (const file of ["backplane.js", "backplane2.js", "backplane.mjs"]) {
  const bytes = readFileSync(new URL(`../dist/${file}`, import.meta.url));
  const gzipped = gzipSync(bytes, { level: 9 }).length;
  console.log(`${file}: ${bytes.length} bytes, ${gzipped} gzipped`);
  const limit = LIMITS[file];
  if (limit !== undefined && gzipped > limit) {
    console.error(`${file} must not be above ${limit} bytes gzipped`);
    process.exitCode = 1;
  }
}
