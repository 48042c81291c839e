import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { text } from '../texts/texts.ts';

interface Props {
  label: string;
  describedBy?: string;
  /** Rows of the whole list; only those about the visible ones are in the document. */
  count: number;
  /** Of the row at this place; undefined: it is not known yet. */
  keyAt: (at: number) => string | undefined;
  render: (at: number, isStop: boolean) => ComponentChildren;
  /** What takes the focus in a row. */
  stop: string;
  /** The places that are visible now, from and up to, and the one that has the focus or would get it. */
  onShow: (from: number, to: number, stopAt: number) => void;
}

/** Rows in the document beyond those that can be seen. */
const BESIDE = 8;
const PAGE = 10;
/** Browsers draw no element that is much higher than this. */
const MAX_PX = 15_000_000;

/**
 * A list of any length that scrolls as a whole. Every row has the height `--row`. It is one stop for the tab key; arrow keys
 * move inside, and it is entered again where it was left.
 */
export function VirtualList({ label, describedBy, count, keyAt, render, stop, onShow }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [seen, setSeen] = useState({ from: 0, to: 20, rowPx: 44 });
  const [active, setActive] = useState<{ at: number; key: string | undefined }>({ at: 0, key: undefined });
  // The place that the focus is to go to, once it is rendered.
  const target = useRef<number | undefined>(undefined);
  const shown = Math.min(count, Math.floor(MAX_PX / seen.rowPx));
  const stopAt = Math.min(placeOf(active, keyAt), Math.max(0, shown - 1));

  const look = () => {
    const { current } = box;
    if (!current) return;
    const rowPx = current.querySelector('.virtual-row')?.getBoundingClientRect().height || seen.rowPx;
    const from = Math.floor(current.scrollTop / rowPx);
    const to = Math.ceil((current.scrollTop + current.clientHeight) / rowPx);
    if (from !== seen.from || to !== seen.to || rowPx !== seen.rowPx) setSeen({ from, to, rowPx });
  };
  useLayoutEffect(look, [count]);
  useEffect(() => {
    const { current } = box;
    if (!current) return;
    const resized = new ResizeObserver(look);
    resized.observe(current);
    return () => resized.disconnect();
  });
  useEffect(() => onShow(seen.from, seen.to, stopAt), [seen.from, seen.to, stopAt, count]);
  // Before the next key can come: where the row that had the focus has left the document, that key would go nowhere.
  useLayoutEffect(() => {
    if (target.current !== stopAt) return;
    const row = box.current?.querySelector(`[data-at="${stopAt}"]`);
    const known = row?.querySelector<HTMLElement>(stop);
    // A row that is not known yet holds the focus until it is, unless the reader has gone elsewhere.
    const isElsewhere = document.activeElement !== document.body && !box.current?.contains(document.activeElement);
    if (known || isElsewhere) target.current = undefined;
    if (!isElsewhere) (known ?? row?.querySelector<HTMLElement>('.skeleton'))?.focus({ preventScroll: true });
  });

  const onKeyDown = (event: KeyboardEvent) => {
    const to = destination(event.key, stopAt, shown);
    const { current } = box;
    if (to === undefined || !current || !(event.target as Element).matches(`${stop}, .skeleton`)) return;
    event.preventDefault();
    const top = to * seen.rowPx;
    if (top < current.scrollTop) current.scrollTop = top;
    else if (top + seen.rowPx > current.scrollTop + current.clientHeight) {
      current.scrollTop = top + seen.rowPx - current.clientHeight;
    }
    const row = current.querySelector<HTMLElement>(`[data-at="${to}"] ${stop}`);
    row?.focus({ preventScroll: true });
    target.current = row ? undefined : to;
    setActive({ at: to, key: keyAt(to) });
  };
  const places = placesOf(seen, shown, stopAt);
  return (
    <div class="users" ref={box} onScroll={look}>
      <ul
        class="virtual"
        aria-label={label}
        aria-describedby={describedBy}
        style={{ blockSize: `calc(var(--row) * ${shown})` }}
        onKeyDown={onKeyDown}
      >
        {places.map((at) => (
          <li
            key={keyAt(at) ?? at}
            class="virtual-row"
            data-at={at}
            aria-setsize={count}
            aria-posinset={at + 1}
            style={{ insetBlockStart: `calc(var(--row) * ${at})` }}
            onFocusIn={() => setActive({ at, key: keyAt(at) })}
          >
            {keyAt(at) === undefined ? <Unknown /> : render(at, at === stopAt)}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Unknown() {
  return (
    <span class="skeleton" tabIndex={-1}>
      <span class="visually-hidden">{text('list.loading')}</span>
    </span>
  );
}

/** Where the row stands by now that was last active. */
function placeOf(
  { at, key }: { at: number; key: string | undefined },
  keyAt: (at: number) => string | undefined,
): number {
  if (key === undefined || keyAt(at) === key) return at;
  for (let by = 1; by <= PAGE; by += 1) {
    if (keyAt(at + by) === key) return at + by;
    if (keyAt(at - by) === key) return at - by;
  }
  return at;
}

/** The visible rows with some beside them, and the one with the focus, which must not leave the document. */
function placesOf({ from, to }: { from: number; to: number }, count: number, stopAt: number): number[] {
  const first = Math.max(0, from - BESIDE);
  const last = Math.min(count, to + BESIDE);
  const places = Array.from({ length: Math.max(0, last - first) }, (_, i) => first + i);
  if (stopAt < first) places.unshift(stopAt);
  else if (stopAt >= last && stopAt < count) places.push(stopAt);
  return places;
}

function destination(key: string, at: number, count: number): number | undefined {
  if (key === 'ArrowDown') return Math.min(at + 1, count - 1);
  if (key === 'ArrowUp') return Math.max(at - 1, 0);
  if (key === 'PageDown') return Math.min(at + PAGE, count - 1);
  if (key === 'PageUp') return Math.max(at - PAGE, 0);
  if (key === 'Home') return 0;
  return key === 'End' ? count - 1 : undefined;
}
