/** The real broker, as a process of its own on a port that the system chooses. */

import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/** `BACKPLANE_BIN`, else what was built last in the usual places. */
export function binary(): string {
  const built = ["target/debug/backplane", "target/release/backplane"].map((path) => join(ROOT, path));
  const found = [process.env["BACKPLANE_BIN"], ...built].find((path) => path !== undefined && existsSync(path));
  if (found === undefined) throw new Error("no broker to test: run `cargo build`, or set BACKPLANE_BIN");
  return found;
}

export const USER = "poster";
export const PASSWORD = "correct horse";
const AUTHORIZATION = `Basic ${btoa(`${USER}:${PASSWORD}`)}`;

/** The buses of the tests, with what is not the default. */
export interface BusOptions {
  readonly name: string;
  /** Lines of its `[[bus]]` table. */
  readonly settings?: readonly string[];
}

/** What a poster sends (1.0 section 3). */
export interface Outgoing {
  readonly source: string;
  readonly type: string;
  readonly payload: unknown;
}

export function message(type: string, payload: unknown = null): Outgoing {
  return { source: "http://client.example", type, payload };
}

export class Broker {
  private constructor(
    private readonly folder: string,
    private child: ChildProcess,
    /** Its origin. */
    readonly origin: string,
    private readonly said: () => string,
  ) {}

  /** A broker with these buses, and with more lines in its configuration; without any bus it is the demonstration. */
  static async start(buses: readonly BusOptions[] = [], more: readonly string[] = []): Promise<Broker> {
    const folder = mkdtempSync(join(tmpdir(), "backplane-e2e-"));
    if (buses.length > 0) writeFileSync(join(folder, "backplane.toml"), configuration(buses, more));
    const { child, origin, said } = await launch(folder, "127.0.0.1:0");
    return new Broker(folder, child, origin, said);
  }

  /** What it has written for whoever started it, so far: it may listen before all of that has come. */
  get greeting(): string {
    return this.said();
  }

  get host(): string {
    return new URL(this.origin).host;
  }

  /** What pages take as `serverBaseURL`. */
  get base(): string {
    return `${this.origin}/v1`;
  }

  channel(bus: string, name: string): string {
    return `${this.base}/bus/${bus}/channel/${name}`;
  }

  /** What a command of the program prints that an operator runs beside the server. */
  command(...words: readonly string[]): string {
    const { status, stdout, stderr } = spawnSync(binary(), words, { cwd: this.folder, env: {}, encoding: "utf8" });
    if (status !== 0) throw new Error(`${words.join(" ")} ended with ${status}: ${stderr}`);
    return stdout;
  }

  /** Posts to a channel URL, and insists that it was accepted. */
  async post(channel: string, ...messages: readonly object[]): Promise<void> {
    const response = await send(channel, messages);
    if (response.status !== 200) throw new Error(`a POST was answered ${response.status}: ${await response.text()}`);
  }

  /** Posts with a key, under which it may be sent again; whether it was accepted. Rejects if the broker is away. */
  async offer(channel: string, key: string, ...messages: readonly object[]): Promise<boolean> {
    const response = await send(channel, messages, { "Idempotency-Key": key });
    await response.arrayBuffer();
    return response.status === 200;
  }

  /** Ends it in order. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.kill("SIGTERM");
    await ended;
  }

  /** Ends it as a crash does. */
  async kill(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.kill("SIGKILL");
    await ended;
  }

  /** Takes its log away while it is stopped, as a broker that keeps messages in memory does by itself. */
  loseLog(): void {
    rmSync(join(this.folder, "backplane-data"), { recursive: true });
  }

  /** Starts it again on the same port. */
  async startAgain(): Promise<void> {
    this.child = (await launch(this.folder, this.host)).child;
  }

  async end(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true });
  }
}

function send(channel: string, messages: readonly object[], more: Record<string, string> = {}): Promise<Response> {
  return fetch(channel, {
    method: "POST",
    headers: { Authorization: AUTHORIZATION, "Content-Type": "application/json", ...more },
    body: JSON.stringify(messages),
  });
}

let hash: string | undefined;

/** The configuration's password, hashed as an operator does it. */
function passwordHash(): string {
  hash ??= spawnSync(binary(), ["hash-password"], { input: PASSWORD, encoding: "utf8" }).stdout.trim();
  return hash;
}

/** Lines of a configuration: another user, with the same password. */
export function userTable(name: string): string[] {
  return ["[[user]]", `name = "${name}"`, `password_hash = "${passwordHash()}"`];
}

function configuration(buses: readonly BusOptions[], more: readonly string[]): string {
  const tables = buses.flatMap(({ name, settings = [] }) => [
    "[[bus]]",
    `name = "${name}"`,
    `post = ["${USER}"]`,
    ...settings,
  ]);
  return [...userTable(USER), ...tables, ...more, ""].join("\n");
}

/** Runs the broker in its folder, and waits until it listens. */
function launch(folder: string, listen: string): Promise<{ child: ChildProcess; origin: string; said: () => string }> {
  const child = spawn(binary(), ["--listen", listen], { cwd: folder, env: {}, stdio: ["ignore", "pipe", "pipe"] });
  let greeting = "";
  child.stdout.on("data", (chunk: Buffer) => (greeting += chunk.toString()));
  const said = () => greeting;
  return new Promise((resolve, reject) => {
    const log: string[] = [];
    child.once("error", reject);
    child.once("exit", (status) => reject(new Error(`the broker ended with ${status}:\n${log.join("\n")}`)));
    createInterface(child.stderr).on("line", (line) => {
      log.push(line);
      const [, origin] = /listening on (http:\S+)/.exec(line) ?? [];
      if (origin !== undefined) resolve({ child, origin, said });
    });
  });
}

/** A channel that no other test uses. */
export function freshName(): string {
  return `c${randomBytes(12).toString("hex")}`;
}
