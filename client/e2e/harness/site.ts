/** A customer's web site: pages on an origin of their own, which is never the broker's. */

import { createServer, type Server } from "node:http";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";

/** The pages that visitors of this repository are shown. */
export function examplePage(name: string): string {
  return readFileSync(new URL(`../../../examples/pages/${name}`, import.meta.url), "utf8");
}

export class Site {
  private readonly pages = new Map<string, string>();

  private constructor(private readonly server: Server) {}

  static async start(): Promise<Site> {
    const server = createServer();
    const site = new Site(server);
    server.on("request", (request, response) => {
      const page = site.pages.get(new URL(request.url ?? "/", "http://site").pathname);
      response.writeHead(page === undefined ? 404 : 200, { "Content-Type": "text/html; charset=utf-8" }).end(page);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return site;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Serves a page, and returns its address. */
  serve(path: string, html: string): string {
    this.pages.set(path, html);
    return this.origin + path;
  }

  async end(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
