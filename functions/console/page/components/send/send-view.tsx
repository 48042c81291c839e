import { text } from '../../texts/texts.ts';
import { StaleNotice } from '../stale-notice.tsx';
import { Compose } from './compose.tsx';
import { Recipients } from './recipients.tsx';
import { Sends } from './sends.tsx';

/** Who, what, and what became of it, side by side where there is room. */
export function SendView() {
  return (
    <main class="console" id="main">
      <h1 class="visually-hidden" tabIndex={-1}>
        {text('nav.send')}
      </h1>
      <StaleNotice />
      <Recipients />
      <div class="column">
        <Compose />
        <Sends />
      </div>
    </main>
  );
}
