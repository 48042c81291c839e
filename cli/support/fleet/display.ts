import { bar, count, milliseconds, sparkline } from '../drawing.ts';
import { styled } from '../output.ts';
import type { Sample } from './history.ts';

const BAR_WIDTH = 30;

export function block(sample: Sample, rates: readonly number[], where: string): string[] {
  const { clients, connected, connecting, failed, refused, lost } = sample;
  const row = (name: string, text: string) => `  ${name.padEnd(12)}${text}`;
  const rate = (perSecond: number) => count(perSecond).padStart(9);
  return [
    `${styled('bold', 'fronttcp simulate')}  ${count(clients)} clients at ${where}  ${clock(sample.elapsed_ms)}`,
    '',
    row('connected', `${count(connected).padStart(9)}     ${bar(connected / clients, BAR_WIDTH)}`),
    row('connecting', count(connecting).padStart(9)),
    row('verified', `${rate(sample.verified)} /s`),
    row('reconnected', `${rate(sample.reconnected)} /s`),
    row('sent', `${rate(sample.sent)} /s`),
    row('received', `${rate(sample.received)} /s  ${styled('cyan', sparkline(rates, BAR_WIDTH))}`),
    row('latency', `   p50 ${latency(sample.p50_ms)}   p99 ${latency(sample.p99_ms)}`),
    row('failed', problems(failed, `     refused ${count(refused)}   lost ${count(lost)}`)),
    '',
    styled('dim', 'Ctrl-C ends it and removes its users.'),
  ];
}

export function line(sample: Sample): string {
  const { clients, connected, sent, received, reconnected, failed, refused, lost } = sample;
  return [
    clock(sample.elapsed_ms),
    `${count(connected)}/${count(clients)} connected`,
    `sent ${count(sent)}/s`,
    `received ${count(received)}/s`,
    `reconnected ${count(reconnected)}/s`,
    `p50 ${latency(sample.p50_ms)}`,
    `p99 ${latency(sample.p99_ms)}`,
    `failed ${failed}, refused ${refused}, lost ${lost}`,
  ].join('  ');
}

function problems(failed: number, others: string): string {
  const text = count(failed).padStart(9);
  return `${failed > 0 ? styled('red', text) : text}${others}`;
}

function latency(ms: number | undefined): string {
  return ms === undefined ? '-' : milliseconds(ms);
}

function clock(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  return `${two(seconds / 60)}:${two(seconds % 60)}`;
}
