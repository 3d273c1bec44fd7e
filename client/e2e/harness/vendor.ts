/** A vendor's server, as a client of version 2.0: it asks owners for leave by way of their browsers, and uses what it gets. */

import { createHash, randomBytes } from "node:crypto";
import type { Broker } from "./broker";

/** What a browser brings back (RFC 6749 section 4.1.2, RFC 9207). */
export interface Back {
  readonly code: string | null;
  readonly state: string | null;
  readonly iss: string | null;
  readonly error: string | null;
}

export interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly scope: string;
}

/** One way of a browser to the owner's answer and back. */
export interface Way {
  /** Where the owner's browser is sent. */
  readonly url: string;
  readonly state: string;
  readonly verifier: string;
}

export class Vendor {
  private constructor(
    private readonly broker: Broker,
    readonly name: string,
    private readonly secret: string,
    readonly redirect: string,
  ) {}

  /** An operator registers it. */
  static registered(broker: Broker, name: string, redirect: string): Vendor {
    const told = broker.command("client", "add", name, "--source", "https://vendor.example/", "--redirect", redirect, "--generate");
    const [, secret = ""] = /^secret: (\S+)$/m.exec(told) ?? [];
    return new Vendor(broker, name, secret, redirect);
  }

  ask(scope?: string): Way {
    const [state, verifier] = [`s ${randomBytes(12).toString("base64url")}&=%`, randomBytes(32).toString("base64url")];
    const query = new URLSearchParams({
      response_type: "code",
      client_id: this.name,
      redirect_uri: this.redirect,
      state,
      code_challenge: createHash("sha256").update(verifier).digest("base64url"),
      code_challenge_method: "S256",
      ...(scope === undefined ? {} : { scope }),
    });
    return { url: `${this.broker.origin}/v2/authorize?${query}`, state, verifier };
  }

  /** What stands in the address at which a browser has come back. */
  back(address: string): Back {
    const { searchParams } = new URL(address);
    const [code = null, state = null, iss = null, error = null] = ["code", "state", "iss", "error"].map((name) => searchParams.get(name));
    return { code, state, iss, error };
  }

  /** The answer to a question for tokens, and its status. */
  async tokens(form: Record<string, string>): Promise<{ status: number; body: Tokens }> {
    const answer = await fetch(`${this.broker.origin}/v2/token`, {
      method: "POST",
      headers: { Authorization: `Basic ${btoa(`${this.name}:${this.secret}`)}` },
      body: new URLSearchParams(form),
    });
    return { status: answer.status, body: (await answer.json()) as Tokens };
  }

  exchange(code: string | null, { verifier }: Way): Promise<{ status: number; body: Tokens }> {
    return this.tokens({ grant_type: "authorization_code", code: code ?? "", redirect_uri: this.redirect, code_verifier: verifier });
  }

  /** Posts a message, and insists that it was accepted. */
  async post(token: string, message: { type: string; bus: string; channel: string; payload: unknown; sticky?: boolean }): Promise<void> {
    const answer = await fetch(`${this.broker.origin}/v2/message`, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body: JSON.stringify({ message }),
    });
    if (answer.status !== 201) throw new Error(`a POST was answered ${answer.status}: ${await answer.text()}`);
  }

  /** What is there for a token, and the status. */
  async read(token: string): Promise<{ status: number; payloads: unknown[] }> {
    const answer = await fetch(`${this.broker.origin}/v2/messages`, { headers: { Authorization: `Bearer ${token}` } });
    const { messages = [] } = (await answer.json()) as { messages?: Array<{ payload: unknown }> };
    return { status: answer.status, payloads: messages.map(({ payload }) => payload) };
  }

  /** An open stream: it has begun once this resolves; all of its text is there once it has ended. */
  async stream(token: string): Promise<{ ended: Promise<string> }> {
    const answer = await fetch(`${this.broker.origin}/v2/messages`, {
      headers: { Authorization: `Bearer ${token}`, Accept: "text/event-stream" },
    });
    if (answer.status !== 200) throw new Error(`a stream was answered ${answer.status}`);
    return { ended: answer.text() };
  }
}

/** What a page is given: a channel of this bus. */
export async function channelOf(broker: Broker, bus: string): Promise<string> {
  const answer = await fetch(`${broker.origin}/v2/token?bus=${bus}`);
  const { scope } = (await answer.json()) as { scope: string };
  return scope.split("channel:")[1] ?? "";
}
