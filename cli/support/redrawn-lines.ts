/** Returns whether lines can be redrawn on this stream. */
export function isDrawable(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY && process.env.TERM !== 'dumb';
}

const UP = (lines: number) => (lines === 0 ? '' : `\u001b[${lines}A`);
const TO_END_OF_SCREEN = '\u001b[J';
const WITHOUT_WRAPPING = (text: string) => `\u001b[?7l${text}\u001b[?7h`;

/** A few lines of a terminal that are redrawn in place. Long lines are cut off. */
export class LiveBlock {
  readonly #stream: NodeJS.WriteStream;
  #height = 0;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  draw(lines: readonly string[]): void {
    // Lines beyond the height of the screen could not be redrawn.
    const shown = lines.slice(0, Math.max(1, this.#stream.rows - 1));
    const frame = WITHOUT_WRAPPING(shown.map((line) => `${line}\n`).join(''));
    this.#stream.write(`\r${UP(this.#height)}${TO_END_OF_SCREEN}${frame}`);
    this.#height = shown.length;
  }

  /** Keeps the current lines; the next ones are drawn below. */
  keep(): void {
    this.#height = 0;
  }

  clear(): void {
    if (this.#height > 0) this.#stream.write(`\r${UP(this.#height)}${TO_END_OF_SCREEN}`);
    this.#height = 0;
  }
}
