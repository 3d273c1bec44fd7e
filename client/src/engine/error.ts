import type { RequestError } from "../public";

interface Details {
  readonly status?: number;
  readonly code?: string;
  readonly retryAfter?: number | undefined;
  readonly final?: boolean;
}

/** A request that failed. */
export class BackplaneError extends Error implements RequestError {
  readonly status?: number;
  readonly code?: string;
  readonly retryAfter?: number;
  readonly final?: true;

  constructor(message: string, details: Details = {}) {
    super(message);
    this.name = "BackplaneError";
    if (details.status !== undefined) this.status = details.status;
    if (details.code !== undefined) this.code = details.code;
    if (details.retryAfter !== undefined) this.retryAfter = details.retryAfter;
    if (details.final) this.final = true;
  }

  /** Anything that was thrown, as one of these. */
  static from(error: unknown): BackplaneError {
    if (error instanceof BackplaneError) return error;
    return new BackplaneError(error instanceof Error ? error.message : String(error));
  }
}
