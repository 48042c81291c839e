import { bar, count } from './drawing.ts';
import type { Output } from './output.ts';
import { isDrawable, LiveBlock } from './redrawn-lines.ts';

const DRAW_EVERY_MS = 100;
/** Where lines cannot be redrawn: one line after each such share of the job. */
const SHARE_OF_A_LINE = 0.1;
const BAR_WIDTH = 30;

/** The progress of a long job, on standard error: a bar on a terminal, else some lines. Nothing with --quiet. */
export class Progress {
  readonly #output: Output;
  readonly #total: number;
  readonly #unit: string;
  readonly #block: LiveBlock | undefined;
  #drawnAtMs = Number.NEGATIVE_INFINITY;
  #reportedShare = 0;

  constructor(output: Output, total: number, unit: string) {
    this.#output = output;
    this.#total = total;
    this.#unit = unit;
    this.#block = isDrawable(process.stderr) && !output.isQuiet ? new LiveBlock(process.stderr) : undefined;
  }

  update(done: number): void {
    const share = this.#total === 0 ? 1 : done / this.#total;
    const text = `${count(done)} of ${count(this.#total)} ${this.#unit}`;
    if (this.#block) {
      if (performance.now() - this.#drawnAtMs < DRAW_EVERY_MS && done < this.#total) return;
      this.#drawnAtMs = performance.now();
      this.#block.draw([
        `${bar(share, BAR_WIDTH, process.stderr)} ${String(Math.floor(share * 100)).padStart(3)} %  ${text}`,
      ]);
    } else if (share - this.#reportedShare >= SHARE_OF_A_LINE || (share === 1 && this.#reportedShare < 1)) {
      this.#reportedShare = share;
      this.#output.note(text);
    }
  }

  /** Removes the bar: the result follows. */
  end(): void {
    this.#block?.clear();
  }
}
