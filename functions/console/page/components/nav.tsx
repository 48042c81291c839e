import { useEffect, useRef } from 'preact/hooks';
import { stats } from '../state/live.ts';
import { hrefOf, place, VIEWS } from '../state/view.ts';
import { countText, text } from '../texts/texts.ts';

/** The views. One that wants a look says so beside its name. */
export function Nav() {
  const dead = stats.value?.queue.dead ?? 0;
  const { view: shown } = place.value;
  const nav = useRef<HTMLElement>(null);
  // On a phone the row is pushed sideways until it can be seen. Not by scrollIntoView: the next Tab would begin there.
  useEffect(() => {
    const link = nav.current?.querySelector<HTMLElement>('[aria-current]');
    if (nav.current && link)
      nav.current.scrollLeft = link.offsetLeft - (nav.current.clientWidth - link.offsetWidth) / 2;
  }, [shown]);
  return (
    <nav class="nav" ref={nav} aria-label={text('nav.label')}>
      <ul>
        {VIEWS.map((view) => (
          <li key={view}>
            <a href={hrefOf(view)} aria-current={view === shown ? 'page' : undefined}>
              {text(`nav.${view}`)}
              {view === 'queue' && dead > 0 && (
                <span class="badge">
                  {dead > 999 ? '999+' : dead}
                  <span class="visually-hidden"> {countText('nav.dead', dead)}</span>
                </span>
              )}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
