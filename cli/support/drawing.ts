import { styled } from './output.ts';

const BLOCKS = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/** `share` from 0 to 1. */
export function bar(share: number, width: number, stream: NodeJS.WriteStream = process.stdout): string {
  const filled = Math.round(Math.max(0, Math.min(1, share)) * width);
  return styled('green', '█'.repeat(filled), stream) + styled('dim', '░'.repeat(width - filled), stream);
}

/** The latest `width` values as columns, the highest of them full. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = values.slice(-width);
  const highest = Math.max(1, ...shown);
  return shown
    .map((value) => BLOCKS[Math.ceil((Math.max(0, value) / highest) * (BLOCKS.length - 1))])
    .join('')
    .padStart(width);
}

export function count(value: number): string {
  return Math.round(value).toLocaleString('en');
}

export function milliseconds(value: number): string {
  return `${value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : count(value)} ms`;
}
