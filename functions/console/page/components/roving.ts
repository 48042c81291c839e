import type { RefObject } from 'preact';
import { useState } from 'preact/hooks';

const PAGE = 10;

/** A list that is one stop for the tab key; arrow keys move inside, and it is entered again where it was left. */
export function useRoving(list: RefObject<HTMLElement | null>, selector: string, ids: readonly string[]) {
  const [focusId, setFocusId] = useState<string>();
  const stop = focusId !== undefined && ids.includes(focusId) ? focusId : ids[0];

  const onKeyDown = (event: KeyboardEvent) => {
    const stops = [...(list.current?.querySelectorAll<HTMLElement>(selector) ?? [])];
    const at = stops.findIndex((one) => one.matches(':focus'));
    const to = destination(event.key, at, stops.length);
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    stops[to]?.focus();
  };
  return { stop, onKeyDown, onFocus: setFocusId };
}

function destination(key: string, at: number, count: number): number | undefined {
  if (key === 'ArrowDown') return Math.min(at + 1, count - 1);
  if (key === 'ArrowUp') return Math.max(at - 1, 0);
  if (key === 'PageDown') return Math.min(at + PAGE, count - 1);
  if (key === 'PageUp') return Math.max(at - PAGE, 0);
  if (key === 'Home') return 0;
  return key === 'End' ? count - 1 : undefined;
}
