/** Debian's nginx as a proxy before the broker, as its operators set it up. */

import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Debian's path, which only root has in `PATH`. */
const NGINX = process.env["NGINX"] ?? "/usr/sbin/nginx";

export class Nginx {
  private child: ChildProcess | undefined;
  /** Counts the configurations: each tells which one it is. */
  private generation = 0;

  private constructor(
    private readonly folder: string,
    private readonly port: number,
    private readonly target: string,
  ) {}

  /** `settings`: lines for the place that leads to the broker. */
  static async before(target: string, ...settings: readonly string[]): Promise<Nginx> {
    const nginx = new Nginx(mkdtempSync(join(tmpdir(), "backplane-nginx-")), await freePort(), target);
    await nginx.start(settings);
    return nginx;
  }

  /** What pages take as `serverBaseURL`. */
  get base(): string {
    return `http://127.0.0.1:${this.port}/v1`;
  }

  /** The same place with other settings, as `nginx -s reload` does it: what is under way goes on with those it had. */
  async become(...settings: readonly string[]): Promise<void> {
    this.configure(settings);
    this.child?.kill("SIGHUP");
    await this.listening();
  }

  async end(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true });
  }

  private async start(settings: readonly string[]): Promise<void> {
    const file = this.configure(settings);
    // Without `-e` it would open the system's log before it reads where its own is.
    const child = spawn(NGINX, ["-p", this.folder, "-c", file, "-e", "stderr"], { stdio: ["ignore", "ignore", "pipe"] });
    this.child = child;
    let log = "";
    child.stderr.on("data", (piece: Buffer) => (log += piece.toString()));
    await new Promise<void>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (status) => reject(new Error(`nginx ended with ${status}:\n${log}`)));
      this.listening().then(resolve, reject);
    });
  }

  /** Waits until it answers with its latest configuration, or has ended. */
  private async listening(): Promise<void> {
    while (this.child?.exitCode === null) {
      // A connection of its own: one that is kept belongs to the configuration before.
      const said = await fetch(`http://127.0.0.1:${this.port}/generation`, { headers: { Connection: "close" } })
        .then((answer) => answer.text())
        .catch(() => "");
      if (said === String(this.generation)) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Writes its file, and returns its path. */
  private configure(settings: readonly string[]): string {
    this.generation += 1;
    const file = join(this.folder, "nginx.conf");
    writeFileSync(file, this.configuration(settings));
    return file;
  }

  private async stop(): Promise<void> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await ended;
  }

  /** It is whoever runs the tests, and writes into its own folder. */
  private configuration(settings: readonly string[]): string {
    const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    return `
daemon off;
${process.getuid?.() === 0 ? "user root;" : ""}
pid nginx.pid;
error_log stderr error;
events {}
http {
  access_log off;
  ${paths.map((path) => `${path}_temp_path ${path};`).join("\n  ")}
  server {
    listen 127.0.0.1:${this.port};
    location = /generation {
      return 200 "${this.generation}";
    }
    location / {
      proxy_pass ${this.target};
      ${settings.join("\n      ")}
    }
  }
}
`;
  }
}

/** A port that nobody uses at this moment. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
