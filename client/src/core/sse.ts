/** Pure: reads `text/event-stream` (HTML, section 9.2.6) as its text comes, in pieces of any size. */

export interface ServerEvent {
  /** `message` if the server names none. */
  readonly event: string;
  readonly data: string;
  /** The last id that was told, by this event or one before; empty if there was none. */
  readonly id: string;
}

export class EventReader {
  private line = "";
  private afterReturn = false;
  private event = "";
  private data: string[] = [];
  private id = "";
  /** When to come back, in milliseconds, if the server has said so. */
  retry: number | undefined;

  /** Whether the last piece has ended within an event. */
  get torn(): boolean {
    return this.line + this.event !== "" || this.data.length > 0;
  }

  /** The events that are whole with this piece of text. */
  take(text: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    // A line may end in \r\n, and the piece between the two.
    const lines = (this.afterReturn && text.startsWith("\n") ? text.slice(1) : text).split(/\r\n|\n|\r/);
    if (text !== "") this.afterReturn = text.endsWith("\r");
    lines[0] = this.line + (lines[0] ?? "");
    this.line = lines.pop() ?? "";
    for (const line of lines) {
      if (line !== "") this.field(line);
      else this.dispatch(events);
    }
    return events;
  }

  private field(line: string): void {
    const [, name = "", value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (name === "data") this.data.push(value);
    else if (name === "event") this.event = value;
    else if (name === "id" && !value.includes("\0")) this.id = value;
    else if (name === "retry" && /^\d+$/.test(value)) this.retry = Number(value);
    // A comment has no name.
  }

  private dispatch(events: ServerEvent[]): void {
    const { data, event, id } = this;
    this.data = [];
    this.event = "";
    if (data.length > 0) events.push({ event: event || "message", data: data.join("\n"), id });
  }
}
