import { signal } from '@preact/signals';

const announcement = signal('');

/** Says it to a screen reader, without moving the focus. */
export function announce(words: string): void {
  // The same words twice are only said twice when they differ.
  announcement.value = words === announcement.value ? `${words}\u00a0` : words;
}

export function Announcer() {
  return (
    <div class="visually-hidden" role="status" aria-live="polite">
      {announcement.value}
    </div>
  );
}
