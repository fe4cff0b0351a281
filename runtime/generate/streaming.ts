// Token ids as text while they come: whole characters only, and nothing of what may turn out to be the beginning of a stop.
import type { Tokenizer } from "../text/tokenizer.ts";

export interface Piece {
  readonly text: string;
  readonly ids: readonly number[];
}

export class Streaming {
  readonly #tokenizer: Tokenizer;
  readonly #stops: readonly string[];
  /** ids whose text is not told yet, behind some that are, which give their spaces */
  #ids: number[] = [];
  #told = 0;
  #new: number[] = [];
  #held = "";
  stopped = false;

  constructor(tokenizer: Tokenizer, stops: readonly string[]) {
    this.#tokenizer = tokenizer;
    this.#stops = stops.filter((stop) => stop !== "");
  }

  /** What can be told now; nothing where characters are not whole. */
  add(id: number): Piece | undefined {
    this.#ids.push(id);
    this.#new.push(id);
    const text = this.#tokenizer.decode(this.#ids);
    // An unfinished character decodes to U+FFFD; no character of UTF-8 has more than 4 bytes.
    if (text.endsWith("\u{FFFD}") && this.#new.length < 4) return undefined;
    return this.#tell(text);
  }
  /** What was held back, when nothing follows. */
  end(): Piece | undefined {
    const text = this.#ids.length === 0 ? "" : this.#tokenizer.decode(this.#ids);
    const fresh = this.#held + text.slice(this.#told);
    const ids = this.#new;
    this.#clear();
    return fresh === "" && ids.length === 0 ? undefined : { text: fresh, ids };
  }
  #tell(text: string): Piece | undefined {
    const fresh = this.#held + text.slice(this.#told);
    this.#told = text.length;
    if (this.#ids.length > 32) {
      // Of a long text only what the next token may join is decoded again.
      this.#ids = this.#ids.slice(-4);
      this.#told = this.#tokenizer.decode(this.#ids).length;
    }
    const at = Math.min(...this.#stops.map((stop) => fresh.indexOf(stop)).filter((index) => index >= 0), Infinity);
    if (at < Infinity) {
      this.stopped = true;
      const piece = { text: fresh.slice(0, at), ids: this.#new };
      this.#clear();
      return piece;
    }
    const keep = longestBeginning(fresh, this.#stops);
    this.#held = fresh.slice(fresh.length - keep);
    const told = fresh.slice(0, fresh.length - keep);
    if (told === "") return undefined;
    const piece = { text: told, ids: this.#new };
    this.#new = [];
    return piece;
  }
  #clear(): void {
    this.#ids = [];
    this.#new = [];
    this.#told = 0;
    this.#held = "";
  }
}

/** How many characters at the end of a text are the beginning of one of `stops`. */
const longestBeginning = (text: string, stops: readonly string[]): number => {
  let most = 0;
  for (const stop of stops)
    for (let length = Math.min(stop.length - 1, text.length); length > most; length--)
      if (stop.startsWith(text.slice(text.length - length))) most = length;
  return most;
};
