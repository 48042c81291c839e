import type { ComponentChildren } from 'preact';
import { StaleNotice } from './stale-notice.tsx';

interface Props {
  heading: string;
  /** Beside the heading. */
  tools?: ComponentChildren;
  children: ComponentChildren;
}

/** A view with its heading, which takes the focus when the view is come to. */
export function ViewFrame({ heading, tools, children }: Props) {
  return (
    <main class="view" id="main">
      <StaleNotice />
      <div class="view-head">
        <h1 tabIndex={-1}>{heading}</h1>
        {tools}
      </div>
      {children}
    </main>
  );
}
