import { useEffect } from 'preact/hooks';
import { session } from '../state/session.ts';
import { text } from '../texts/texts.ts';
import { Announcer } from './announcer.tsx';
import { Compose } from './compose.tsx';
import { Login } from './login.tsx';
import { Recipients } from './recipients.tsx';
import { Sends } from './sends.tsx';
import { StaleNotice } from './stale-notice.tsx';
import { StatusBar } from './status-bar.tsx';
import { TopBar } from './top-bar.tsx';

export function App() {
  const title = text('page.title');
  useEffect(() => {
    document.title = title;
  }, [title]);
  return (
    <>
      {session.value ? <Console /> : <LoggedOut />}
      <Announcer />
    </>
  );
}

function LoggedOut() {
  return (
    <div class="frame">
      <TopBar />
      <main class="login-main">
        <Login />
      </main>
    </div>
  );
}

function Console() {
  return (
    <div class="frame">
      <a class="skip" href="#content">
        {text('page.skip')}
      </a>
      <TopBar />
      <main class="console">
        <h1 class="visually-hidden">{text('page.title')}</h1>
        <StaleNotice />
        <Recipients />
        <div class="column">
          <Compose />
          <Sends />
        </div>
      </main>
      <StatusBar />
    </div>
  );
}
