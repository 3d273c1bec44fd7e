/** The README's two minutes: every command as it is printed there, in an empty folder, with the answers that are printed below it. */

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Broker } from "./harness/broker";

const README = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
/** Where the demonstration is, if nobody says otherwise. */
const USUAL = "127.0.0.1:8080";

let broker: Broker;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "backplane-tour-"));
  broker = await Broker.start();
});
afterAll(async () => {
  await broker?.end();
  rmSync(folder, { recursive: true });
});

interface Step {
  readonly command: string;
  readonly answer: string;
}

/** Each block of commands with the block below it. What `curl` tells of its progress is for terminals. */
function steps(): Step[] {
  const tour = README.slice(README.indexOf("## Two minutes"), README.indexOf("## Five minutes"));
  const blocks = tour.matchAll(/```sh\n(.*?)```(?:.*?)\n```\n(.*?)```/gs);
  return [...blocks].map(([, command = "", answer = ""]) => ({ command: command.replaceAll(USUAL, broker.host), answer }));
}

/** Ids, epochs and times are others each time. */
function usual(text: string): string {
  return text.replace(/\b[\da-z]{13}\b/g, "<id>").replace(/^retry: \d+$/gm, "retry: <ms>").trim();
}

test("the tour works word for word", async () => {
  const [listen, ...rest] = steps();
  expect(rest).toHaveLength(6);
  let heard = "";
  // `exec`: what is killed is the listener, and not the shell around it.
  const listener = spawn("sh", ["-c", `exec ${listen?.command}`], { cwd: folder, stdio: ["ignore", "pipe", "ignore"] });
  listener.stdout.on("data", (text: Buffer) => (heard += text.toString()));
  try {
    await expect.poll(() => usual(heard)).toBe(usual(listen?.answer ?? ""));
    // One shell for all of them, as in a terminal: variables stay.
    const script = rest.map(({ command }) => command).join("\necho; echo -----\n");
    const { stdout } = spawnSync("sh", ["-c", script], { cwd: folder, encoding: "utf8" });
    const answers = stdout.replaceAll("\r", "").split("\n-----\n").map(usual);
    for (const [n, { answer }] of rest.entries()) {
      // Dots stand for headers.
      for (const part of answer.split("\n...\n").flatMap((part) => (answer.includes("\n...\n") ? part.split("\n") : [part]))) {
        expect(answers[n]).toContain(usual(part));
      }
    }
    const told = /At once they are .*?```\n(.*?)```/s.exec(README)?.[1] ?? "nothing";
    await expect.poll(() => usual(heard)).toContain(usual(told));
  } finally {
    listener.kill();
  }
});
