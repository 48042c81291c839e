import { format } from './table.ts';

export interface Bar {
  readonly name: string;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** Ours stands out; the floor is a measure, not a competitor. */
  readonly kind: 'ours' | 'floor' | 'peer';
}

export interface Plot {
  readonly title: string;
  /** The quantity of the bars, with its unit. */
  readonly label: string;
  readonly bars: readonly Bar[];
}

const WIDTH = 820;
const NAME_WIDTH = 140;
const VALUE_WIDTH = 90;
const ROW = 26;
const TOP = 58;

/** Horizontal bars of medians, with a line from the least to the most of the rounds. Fits light and dark pages. */
export function svg({ title, label, bars }: Plot): string {
  const largest = Math.max(...bars.map(({ max }) => max), Number.MIN_VALUE);
  const scale = (value: number): number => ((WIDTH - NAME_WIDTH - VALUE_WIDTH) * value) / largest;
  const height = TOP + bars.length * ROW + 12;
  const rows = bars.map(({ name, median, min, max, kind }, i) => {
    const y = TOP + i * ROW;
    const middle = y + 9;
    const end = NAME_WIDTH + scale(max) + 8;
    return [
      `<text class="name" x="${NAME_WIDTH - 10}" y="${middle + 4}" text-anchor="end">${escapeXml(name)}</text>`,
      `<rect class="${kind}" x="${NAME_WIDTH}" y="${y}" width="${round(scale(median))}" height="18" rx="2"/>`,
      `<path class="range" d="M${round(NAME_WIDTH + scale(min))} ${middle}H${round(NAME_WIDTH + scale(max))}"/>`,
      `<text class="value" x="${round(end)}" y="${middle + 4}">${escapeXml(format(median))}</text>`,
    ].join('');
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escapeXml(`${title}: ${label}`)}">
<style>
text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600;font-size:15px}.unit{fill:#59636e}
.ours{fill:#0969da}.floor{fill:#8c959f}.peer{fill:#b6c6d8}.range{stroke:#1f2328;stroke-width:1.5}
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.unit{fill:#9198a1}.ours{fill:#4493f8}.floor{fill:#656c76}.peer{fill:#3d4f66}.range{stroke:#f0f6fc}}
</style>
<text class="title" x="0" y="18">${escapeXml(title)}</text>
<text class="unit" x="0" y="38">${escapeXml(label)}; bar: median, line: least to most of the rounds</text>
${rows.join('\n')}
</svg>
`;
}

const round = (value: number): string => String(Math.round(value * 10) / 10);

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
