import { readLua } from './library.ts';

export const AUDIT_LUA = readLua(new URL('./audit-library.lua', import.meta.url));
