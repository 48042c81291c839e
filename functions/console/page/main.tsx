import { render } from 'preact';
import { App } from './components/app.tsx';
import { startLive } from './state/live.ts';
import { applyPreferences } from './state/preferences.ts';
import { startReceipts } from './state/receipts.ts';
import { startWorkspace } from './state/workspace.ts';
import './style/console.css';

applyPreferences();
startWorkspace();
startLive();
startReceipts();
const root = document.getElementById('app');
if (root) render(<App />, root);
