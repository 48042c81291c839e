import uPlot from 'uplot';
import { language } from '../../state/preferences.ts';

interface Drawing {
  lines: number;
  data: uPlot.AlignedData;
  format: (n: number) => string;
  /** The index of the moment that is pointed at; undefined: none. */
  onPoint: (at: number | undefined) => void;
}

const HEIGHT = 180;
/** The scale does not jump about while there is next to nothing. */
const LEAST_TOP = 4;
/** Charts that are shown together show one moment together. */
const sync = uPlot.sync('figures');

/** Draws into the box, and follows its width and the system's colours until it is removed. */
export function drawChart(box: HTMLElement, { lines, data, format, onPoint }: Drawing) {
  const ink = colorsOf(box, lines);
  const clock = new Intl.DateTimeFormat(language.value, { timeStyle: 'medium', hour12: false });
  const axis: uPlot.Axis = {
    stroke: () => ink.muted,
    font: '12px system-ui, sans-serif',
    grid: { stroke: () => ink.line, width: 1 },
    ticks: { show: false },
  };
  const plot = new uPlot(
    {
      width: Math.max(1, box.clientWidth),
      height: HEIGHT,
      padding: [8, 32, 0, 0],
      legend: { show: false },
      cursor: { sync: { key: sync.key }, drag: { x: false, y: false }, y: false, points: { size: 7 } },
      scales: { x: { time: true }, y: { range: (_u, _min, max) => [0, Math.max(max * 1.1, LEAST_TOP)] } },
      axes: [
        {
          ...axis,
          grid: { show: false },
          space: 90,
          size: 28,
          values: (_u, ticks) => ticks.map((at) => clock.format(at * 1000)),
        },
        { ...axis, size: sizeFor, values: (_u, ticks) => ticks.map((n) => format(n)) },
      ],
      series: [
        {},
        ...ink.lines.map((_, i) => ({
          stroke: () => ink.lines[i] ?? ink.muted,
          width: 2,
          points: { show: false },
          ...(i === 0 ? { fill: () => faint(ink.lines[0] ?? ink.muted) } : {}),
        })),
      ],
      hooks: { setCursor: [(u) => onPoint(u.cursor.idx ?? undefined)] },
    },
    data,
    box,
  );
  const resized = new ResizeObserver(() => plot.setSize({ width: Math.max(1, box.clientWidth), height: HEIGHT }));
  resized.observe(box);
  const scheme = window.matchMedia('(prefers-color-scheme: dark)');
  const recolor = () => {
    Object.assign(ink, colorsOf(box, lines));
    plot.redraw();
  };
  scheme.addEventListener('change', recolor);
  return {
    plot,
    remove: () => {
      resized.disconnect();
      scheme.removeEventListener('change', recolor);
      plot.destroy();
    },
  };
}

/** As wide as the longest number of the axis. */
function sizeFor(u: uPlot, values: string[] | null): number {
  const longest = Math.max(0, ...(values ?? []).map((one) => u.ctx.measureText(one).width));
  return Math.max(32, Math.ceil(longest / devicePixelRatio) + 16);
}

/** A canvas takes no custom properties: they are looked up where it stands. */
function colorsOf(box: HTMLElement, lines: number) {
  const probe = document.createElement('span');
  box.append(probe);
  const color = (name: string): string => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const found = {
    muted: color('muted'),
    line: color('line'),
    lines: Array.from({ length: lines }, (_, i) => color(`line-${i + 1}`)),
  };
  probe.remove();
  return found;
}

function faint(color: string): string {
  return color.replace(/^rgb\((.*)\)$/, 'rgba($1, 0.1)');
}
