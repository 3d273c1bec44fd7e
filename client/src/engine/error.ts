import type { RequestError } from "../public";

interface Details {
  readonly status?: number | undefined;
  readonly code?: string | undefined;
  /** The server's own words. */
  readonly description?: unknown;
  readonly retryAfter?: number | undefined;
  readonly final?: boolean;
}

/** A request that failed. */
export class BackplaneError extends Error implements RequestError {
  declare readonly status?: number;
  declare readonly code?: string;
  declare readonly description?: unknown;
  declare readonly retryAfter?: number;
  declare readonly final?: true;

  /** What is not known of it, it does not have. */
  constructor(message: string, details: Details = {}) {
    super(message);
    this.name = "BackplaneError";
    for (const [name, value] of Object.entries(details)) if (value || value === 0) Object.assign(this, { [name]: value });
  }

  /** Anything that was thrown, as one of these. */
  static from(error: unknown): BackplaneError {
    if (error instanceof BackplaneError) return error;
    return new BackplaneError(error instanceof Error ? error.message : String(error));
  }
}
