import { readLua } from '../../contract/store/scripts/library.ts';

/**
 * A letter of `front_tcp:dead`, as the drain of the queue writes it (contract/store/scripts/drain-queue.ts): a JSON object with
 * `entry`, `reason`, `at`, and with `encoding` and `chat_to` where they are needed. Other programs may have written anything there.
 *
 * Letters are pushed at the left: counted from the right, a position changes only when an older letter is removed.
 */
export const LETTER_LUA = readLua(new URL('./letter-library.lua', import.meta.url));
