import { createHash } from 'node:crypto';
import page from './page.generated.json' with { type: 'json' };

/** The console: one document that needs nothing else, and the policy to serve it under (Content-Security-Policy). */
interface ConsoleDocument {
  html: string;
  contentSecurityPolicy: string;
}

const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'%3E%3Crect width='24' height='24' rx='6' fill='%231f5fbf'/%3E%3Cpath d='M5 7.5h9M5 12h6M5 16.5h9M14.5 9l4 3-4 3' fill='none' stroke='%23fff' stroke-width='2' stroke-linecap='round' stroke-linejoin='round'/%3E%3C/svg%3E";

/** The policy allows the script and the style by their hashes, and nothing that gets into the document later. */
const rendered: ConsoleDocument = {
  html: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>fronttcp console</title>
<link rel="icon" href="${ICON}">
<style>${page.style}</style>
</head>
<body>
<noscript><p>The console needs JavaScript. 控制台需要 JavaScript。</p></noscript>
<div id="app"></div>
<script>${page.script}</script>
</body>
</html>
`,
  contentSecurityPolicy: [
    "default-src 'none'",
    `script-src ${hash(page.script)}`,
    `style-src ${hash(page.style)}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
};

export function renderConsole(): ConsoleDocument {
  return rendered;
}

function hash(source: string): string {
  return `'sha256-${createHash('sha256').update(source).digest('base64')}'`;
}
