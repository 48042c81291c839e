import type { Command } from '../api/commands.ts';

export const LANGUAGES = ['curl', 'TypeScript', 'Python'] as const;
export type Language = (typeof LANGUAGES)[number];

/** A program that sends this command. The token is read from TOKEN: the copied text holds no secret. */
export function codeOf(language: Language, url: string, command: Command): string {
  const json = JSON.stringify(command);
  if (language === 'curl') {
    return `curl ${shellWord(url)} \\
  -H "Authorization: Bearer $TOKEN" \\
  -H 'Content-Type: application/json' \\
  -d ${shellWord(json)}`;
  }
  if (language === 'TypeScript') {
    const isKept = JSON.stringify(JSON.parse(json)) === json;
    const object = `JSON.stringify(${JSON.stringify(command, null, 2).replaceAll('\n', '\n  ')})`;
    return `const response = await fetch(${JSON.stringify(url)}, {
  method: 'POST',
  headers: { Authorization: \`Bearer \${process.env.TOKEN}\`, 'Content-Type': 'application/json' },
  body: ${isKept ? object : JSON.stringify(json)},
});
console.log(response.status, await response.json());`;
  }
  // A string of JSON is one of Python, too; an object of JSON is not: true, false, null.
  return `import os
import urllib.request

request = urllib.request.Request(
    ${JSON.stringify(url)},
    data=${JSON.stringify(json)}.encode(),
    headers={"Authorization": "Bearer " + os.environ["TOKEN"], "Content-Type": "application/json"},
)
with urllib.request.urlopen(request) as response:
    print(response.status, response.read().decode())`;
}

function shellWord(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
