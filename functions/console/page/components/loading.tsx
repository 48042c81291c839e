import { text } from '../texts/texts.ts';

/** In the place of a list until its first answer: rows that have nothing to say yet. */
export function Loading({ rows = 3 }: { rows?: number }) {
  return (
    <div class="loading" aria-busy="true">
      <p class="visually-hidden">{text('list.loading')}</p>
      {Array.from({ length: rows }, (_, i) => (
        <span key={i} class="skeleton" aria-hidden="true" />
      ))}
    </div>
  );
}
