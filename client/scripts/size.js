// Says how large the built scripts are on the wire, and fails when the classic one has grown too large.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

/** Bytes, gzipped. */
const LIMIT = 14 * 1024;

for (const file of ["backplane.js", "backplane.mjs"]) {
  const bytes = readFileSync(new URL(`../dist/${file}`, import.meta.url));
  const gzipped = gzipSync(bytes, { level: 9 }).length;
  console.log(`${file}: ${bytes.length} bytes, ${gzipped} gzipped`);
  if (file === "backplane.js" && gzipped > LIMIT) {
    console.error(`${file} must not be above ${LIMIT} bytes gzipped`);
    process.exitCode = 1;
  }
}
