import type { RequestError } from "../public";

/** A request that failed. */
export class BackplaneError extends Error implements RequestError {
  readonly status?: number;
  readonly code?: string;
  readonly retryAfter?: number;

  constructor(message: string, details: { status?: number; code?: string; retryAfter?: number | undefined } = {}) {
    super(message);
    this.name = "BackplaneError";
    if (details.status !== undefined) this.status = details.status;
    if (details.code !== undefined) this.code = details.code;
    if (details.retryAfter !== undefined) this.retryAfter = details.retryAfter;
  }

  /** Anything that was thrown, as one of these. */
  static from(error: unknown): BackplaneError {
    if (error instanceof BackplaneError) return error;
    return new BackplaneError(error instanceof Error ? error.message : String(error));
  }
}
