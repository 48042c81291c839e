import { useEffect, useRef } from 'preact/hooks';
import { stats } from '../state/live.ts';
import { hrefOf, place, VIEWS } from '../state/view.ts';
import { countText, text } from '../texts/texts.ts';

/** Where the row fades out at its end. */
const FADE_PX = 24;

/** The views. One that wants a look says so beside its name. */
export function Nav() {
  const dead = stats.value?.queue.dead ?? 0;
  const { view: shown } = place.value;
  const nav = useRef<HTMLElement>(null);
  // On a phone the row is pushed sideways until it can be seen. Not by scrollIntoView: the next Tab would begin there.
  useEffect(() => {
    const link = nav.current?.querySelector<HTMLElement>('[aria-current]');
    if (!nav.current || !link) return;
    // No further than it must be: the first ones stay in sight as long as they can.
    nav.current.scrollLeft = link.offsetLeft + link.offsetWidth + FADE_PX - nav.current.clientWidth;
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
