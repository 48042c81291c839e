import { expect, test } from 'vitest';
import { defineScript } from '../../contract/store/scripts/library.ts';

const LIBRARY = `-- a comment that names unused
local LIMIT, unused = 3, 4
local later
local function caller() return later() end
local function idle()
  return unused
end
function later()
  return LIMIT
end
redis.call('PING')`;

test('a script carries what it uses of its libraries, in their order, and every statement', () => {
  const { lua } = defineScript('one', LIBRARY, 'return caller()');
  expect(lua).toBe(`local LIMIT, unused = 3, 4
local later
local function caller() return later() end
function later()
  return LIMIT
end
redis.call('PING')
return caller()`);
});

test('a script that uses no library has only its own text', () => {
  expect(defineScript('two', 'return KEYS[1]').lua).toBe('return KEYS[1]');
});
