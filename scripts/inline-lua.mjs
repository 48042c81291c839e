import { readFileSync } from 'node:fs';

const CALL = /readLua\(new URL\('(\.\/[\w-]+\.lua)', import\.meta\.url\)\)/g;

/**
 * Puts the text of Lua files into the modules that read them (contract/store/scripts/library.ts): a bundle has no files beside it.
 * @type {import('esbuild').Plugin}
 */
export const inlineLua = {
  name: 'inline-lua',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/](?:contract[\\/]store|functions)[\\/].*\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace(CALL, (_, name) => {
        const file = new URL(name, `file://${path}`);
        return JSON.stringify(readFileSync(file, 'utf8'));
      }),
      loader: 'ts',
    }));
  },
};
