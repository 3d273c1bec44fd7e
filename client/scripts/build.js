// Builds dist/: the classic scripts, the ES module and their types; and copies the licences, which go with the package.
// With --check, compares instead of writing.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");
// A package holds no file from above its folder.
const licences = ["LICENSE-MIT", "LICENSE-APACHE"];
const { name, version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** The text of every file that belongs into dist/. */
async function files() {
  const bundle = async (entry, format) => {
    const { outputFiles } = await build({
      absWorkingDir: root,
      entryPoints: [entry],
      bundle: true,
      minify: true,
      format,
      target: "es2020",
      charset: "utf8",
      legalComments: "none",
      banner: { js: `/*! ${name} ${version} */` },
      write: false,
    });
    return outputFiles[0].text;
  };
  return {
    "backplane.js": await bundle("src/global.ts", "iife"),
    "backplane2.js": await bundle("src/global2.ts", "iife"),
    "backplane.mjs": await bundle("src/index.ts", "esm"),
    ...declarations(),
  };
}

/** The public types; everything else stays inside. */
function declarations() {
  const out = mkdtempSync(join(tmpdir(), "backplane-types-"));
  try {
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const options = ["-p", root, "--declaration", "--emitDeclarationOnly", "--noEmit", "false", "--outDir", out];
    execFileSync(process.execPath, [tsc, ...options], { stdio: ["ignore", "inherit", "inherit"] });
    const read = (file) => readFileSync(join(out, "src", file), "utf8");
    // In one file, which is found beside the module wherever that is served from.
    const index = read("index.d.ts").replace(/^(import|export) type .* from .*\n/gm, "");
    return { "backplane.d.mts": read("public.d.ts") + index };
  } finally {
    rmSync(out, { recursive: true });
  }
}

function existing(folder, file) {
  try {
    return readFileSync(join(folder, file), "utf8");
  } catch {
    return undefined;
  }
}

const made = await files();
const copied = Object.fromEntries(licences.map((file) => [file, readFileSync(join(root, "..", file), "utf8")]));
if (process.argv.includes("--check")) {
  const stale = Object.keys(made).filter((file) => existing(dist, file) !== made[file]);
  const extra = readdirSync(dist).filter((file) => !(file in made));
  if (stale.length + extra.length > 0) {
    console.error(`dist/ does not match the source: ${[...stale, ...extra].join(", ")}. Run npm run build.`);
    process.exit(1);
  }
  const outdated = licences.filter((file) => existing(root, file) !== copied[file]);
  if (outdated.length > 0) {
    console.error(`not as in the folder above: ${outdated.join(", ")}. Run npm run build.`);
    process.exit(1);
  }
  console.log("dist/ matches the source");
} else {
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist);
  for (const [file, text] of Object.entries(made)) writeFileSync(join(dist, file), text);
  for (const [file, text] of Object.entries(copied)) writeFileSync(join(root, file), text);
}
