import type { FunctionComponent } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { session } from '../state/session.ts';
import { place, type View } from '../state/view.ts';
import { text } from '../texts/texts.ts';
import { Announcer } from './announcer.tsx';
import { DeviceView } from './device/device-view.tsx';
import { GatewaysView } from './gateways/gateways-view.tsx';
import { GroupsView } from './groups/groups-view.tsx';
import { HistoryView } from './history/history-view.tsx';
import { LiveView } from './live/live-view.tsx';
import { Login } from './login.tsx';
import { OverviewView } from './overview/overview-view.tsx';
import { QueueView } from './queue/queue-view.tsx';
import { SendView } from './send/send-view.tsx';
import { StatusBar } from './status-bar.tsx';
import { TokensView } from './tokens/tokens-view.tsx';
import { TopBar } from './top-bar.tsx';
import { UsersView } from './users/users-view.tsx';

const views: Readonly<Record<View, FunctionComponent>> = {
  overview: OverviewView,
  live: LiveView,
  send: SendView,
  users: UsersView,
  groups: GroupsView,
  history: HistoryView,
  gateways: GatewaysView,
  queue: QueueView,
  tokens: TokensView,
  device: DeviceView,
};

export function App() {
  const name = session.value ? text(`nav.${place.value.view}`) : undefined;
  const title = name === undefined ? text('page.title') : `${name} · ${text('page.title')}`;
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
  const { view } = place.value;
  const frame = useRef<HTMLDivElement>(null);
  const shown = useRef(view);
  useEffect(() => {
    if (shown.current === view) return;
    shown.current = view;
    window.scrollTo(0, 0);
    frame.current?.querySelector<HTMLElement>('main h1')?.focus();
  }, [view]);

  const Shown = views[view];
  return (
    <div class="frame" ref={frame}>
      <SkipLink />
      <TopBar />
      <Shown />
      <StatusBar />
    </div>
  );
}

/** Leads to the message where one is written, to the heading elsewhere; the address stays that of the view. */
function SkipLink() {
  const isSend = place.value.view === 'send';
  return (
    <a
      class="skip"
      href={isSend ? '#content' : '#main'}
      onClick={(event) => {
        event.preventDefault();
        document.querySelector<HTMLElement>(isSend ? '#content' : 'main h1')?.focus();
      }}
    >
      {text(isSend ? 'page.skip' : 'page.skipToMain')}
    </a>
  );
}
