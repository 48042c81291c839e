import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { brotliCompressSync } from 'node:zlib';
import { definedScript, scriptOf } from '../contract/store/scripts/library.ts';

const READ_LUA = /readLua\(new URL\('(\.\/[\w-]+\.lua)', import\.meta\.url\)\)/g;
const READ_PAGE = /readFileSync\(new URL\('((?:\.\.\/)+docs\/[\w-]+\.md)', import\.meta\.url\), 'utf8'\)/g;
const DEFINE_SCRIPT = /(?<= = )defineScript\(\s*'(\w+)',.*?\)(?=;$)/gms;
/** A constant of a module, up to the `;` before the next line that is not indented: the formatter sees to that. */
const SCHEMA = /^((?:export )?const \w+ = )(z\b.*?);(?=\n+[^\s)}\]]|\s*(?!.))/gms;
/** A row of the table of log fields: the code asks for names alone, the meanings are for its readers. */
const LOG_FIELD = /^( {2}\w+: )(?:'[^']*'|"[^"]*"),$/gm;
const IMPORT_ZOD = /^import \{ z \} from 'zod';$/m;

/**
 * Changes to our own sources in a bundle:
 * - scripts (contract/store/scripts/library.ts) are finished, without comments and with the least indentation: nothing has to be
 *   put together when a function starts;
 * - the text of Lua files and of pages (cli/support/next-steps.ts) stands in the modules that read them: a bundle has no files
 *   beside it;
 * - a schema that nothing of a bundle uses is left out: its definition has no effect but its result. Most schemas describe
 *   answers, for the document of the API;
 * - the meanings of log fields are left out (shared/log-lines.ts);
 * - zod is imported by its namespace, from which the bundler removes unused parts. It cannot do that with the object `z`.
 * @type {import('esbuild').Plugin}
 */
export const ownSources = {
  name: 'own-sources',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/](?:cli|contract|functions|shared|gateway)[\\/].*\.ts$/ }, async ({ path }) => {
      if (path.includes('node_modules')) return undefined;
      const text = readFileSync(path, 'utf8');
      const textOf = (name) => readFileSync(new URL(name, `file://${path}`), 'utf8');
      if (text.includes('defineScript(')) await import(pathToFileURL(path).href);
      const whole = withoutMeanings(path, text)
        .replace(DEFINE_SCRIPT, (_, name) => JSON.stringify(finishedScript(name)))
        .replace(READ_LUA, (_, name) => JSON.stringify(textOf(name)))
        .replace(READ_PAGE, (_, name) => JSON.stringify(textOf(name)))
        .replace(SCHEMA, '$1/* @__PURE__ */ (() => $2)();');
      return { contents: whole.replace(IMPORT_ZOD, "import * as z from 'zod';"), loader: 'ts' };
    });
  },
};

function finishedScript(name) {
  return scriptOf(name, withoutComments(definedScript(name).lua));
}

function withoutMeanings(path, text) {
  if (!/[\\/]shared[\\/]log-lines\.ts$/.test(path)) return text;
  const without = text.replaceAll(LOG_FIELD, "$1'',");
  if (without === text) throw new Error(`${path}: no row of the table of log fields has its known form.`);
  return without;
}

/** Kept as they are, because what splits by it has them in every second place. */
const LUA_STRING = /('(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")/;

/**
 * A third of the Lua text is for its readers, and a store is sent all of it. No string of these sources goes over a line's end,
 * and comments have lines of their own.
 */
function withoutComments(lua) {
  const lines = lua.replaceAll(/^(?:[ \t]*(?:--.*)?\n|[ \t]+)/gm, (text) => (text.endsWith('\n') ? '' : ' '));
  const parts = lines.split(LUA_STRING);
  return parts.map((part, i) => (i % 2 === 1 ? part : part.replaceAll(/ ?(==|~=|<=|>=|=|,) ?/g, '$1'))).join('');
}

/**
 * Generated documents (the console page, the description of the API) are a third of their size when compressed, and are
 * read once, when the function starts.
 * @type {import('esbuild').Plugin}
 */
export const packedDocuments = {
  name: 'packed-documents',
  setup({ onLoad }) {
    onLoad({ filter: /\.generated\.json$/ }, ({ path }) => ({
      contents: [
        "import { brotliDecompressSync } from 'node:zlib';",
        `const packed = '${brotliCompressSync(readFileSync(path)).toString('base64')}';`,
        "export default JSON.parse(brotliDecompressSync(Buffer.from(packed, 'base64')).toString());",
      ].join('\n'),
      loader: 'js',
    }));
  },
};
