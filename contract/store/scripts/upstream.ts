import type { RedisArgument, RedisPort } from '../../../shared/redis/port.ts';
import { cellOf, type Keys } from '../keys.ts';
import { defineScript } from './library.ts';

/** As many invocations for items may be under way in a deployment. The same in every gateway: a user's lane is the user's order. */
export const UPSTREAM_LANES = 16;
/** Beside the lanes of items: who hands on the lifecycle events. */
export const LIFECYCLE_LANE = UPSTREAM_LANES;
/** How long Redis remembers a batch, so that one whose answer was lost is not spooled twice, s. */
const BATCH_MEMORY_SECONDS = 3_600;

export function upstreamLaneOf(userId: string): number {
  return cellOf(userId, UPSTREAM_LANES);
}

/**
 * KEYS[1] users
 * ARGV[1] prefix · [2] gateway · [3] number of the batch · [4] most items in all lanes · [5] most bytes · [6] lanes
 *     then per item: lane, text
 * Returns the entry id per item, '' where the spool was full, joined by ','
 * Atomic because: a batch that is sent again is all there or not at all, and the bound holds whoever writes.
 */
const spoolScript = defineScript(
  'upstream_spool',
  `
local maxItems, maxBytes = tonumber(ARGV[4]), tonumber(ARGV[5])
local memory = P .. 'upstream_batch:' .. ARGV[2]
local number, past = string.match(redis.call('GET', memory) or '', '^(%d+) (.*)$')
if number == ARGV[3] then return past end
local items, bytes = 0, tonumber(redis.call('GET', P .. 'upstream_bytes') or '0')
for lane = 0, tonumber(ARGV[6]) - 1 do items = items + redis.call('XLEN', P .. 'upstream:' .. lane) end
if items == 0 then bytes = 0 end
local ids = {}
for at = 7, #ARGV, 2 do
  local item, id = ARGV[at + 1], ''
  if items < maxItems and bytes + #item <= maxBytes then
    id = redis.call('XADD', P .. 'upstream:' .. ARGV[at], '*', 'i', item)
    items, bytes = items + 1, bytes + #item
  end
  ids[#ids + 1] = id
end
redis.call('SET', P .. 'upstream_bytes', int(bytes))
local answer = table.concat(ids, ',')
redis.call('SET', memory, ARGV[3] .. ' ' .. answer, 'EX', ${BATCH_MEMORY_SECONDS})
return answer
`,
);

export interface SpoolBounds {
  /** Of all gateways together. */
  maxItems: number;
  maxBytes: number;
}

/** Puts items behind those of their lanes. Answers, per item, its entry id, or undefined when the spool is full. */
export async function spoolItems(
  redis: RedisPort,
  keys: Keys,
  batch: { gatewayId: string; number: number },
  bounds: SpoolBounds,
  items: readonly { lane: number; text: string }[],
): Promise<(string | undefined)[]> {
  const args: RedisArgument[] = [
    keys.prefix,
    batch.gatewayId,
    batch.number,
    bounds.maxItems,
    bounds.maxBytes,
    UPSTREAM_LANES,
  ];
  for (const { lane, text } of items) args.push(lane, text);
  const reply = (await redis.script(spoolScript, [keys.users], args)) as string;
  return reply.split(',').map((id) => (id === '' ? undefined : id));
}

/**
 * KEYS[1] users
 * ARGV[1] prefix · then per item: lane, entry id, bytes
 * Returns how many were still there
 * Atomic because: the bytes are counted down once, whoever removes the item.
 */
const handedOnScript = defineScript(
  'upstream_handed_on',
  `
local removed, bytes = 0, 0
for at = 2, #ARGV, 3 do
  if redis.call('XDEL', P .. 'upstream:' .. ARGV[at], ARGV[at + 1]) == 1 then
    removed, bytes = removed + 1, bytes + tonumber(ARGV[at + 2])
  end
end
if bytes > 0 then redis.call('DECRBY', P .. 'upstream_bytes', int(bytes)) end
return removed
`,
);

export interface SpooledItem {
  lane: number;
  id: string;
  text: string;
  bytes: number;
}

/** Removes items that the function has. Harmless when repeated. */
export async function removeItems(redis: RedisPort, keys: Keys, items: readonly SpooledItem[]): Promise<number> {
  const args: RedisArgument[] = [keys.prefix];
  for (const { lane, id, bytes } of items) args.push(lane, id, bytes);
  return (await redis.script(handedOnScript, [keys.users], args)) as number;
}

/**
 * KEYS[1] users
 * ARGV[1] prefix · [2] gateway · [3] lanes · [4] 1: lifecycle events are wanted, 0: they are not · then the lanes to give up
 * Returns {fair share, lanes that are this gateway's…}; a gateway without a lease has none
 * Atomic because: a lane has one owner, for as long as that gateway's lease runs.
 */
const lanesScript = defineScript(
  'upstream_lanes',
  `
local gateway, total, lanes = ARGV[2], tonumber(ARGV[3]), P .. 'upstream_lanes'
if not live(gateway) then return { 0 } end
redis.call('HSET', P .. 'gateway:' .. gateway, 'upstream', '1')
if ARGV[4] == '0' then redis.call('DEL', P .. 'upstream_position')
elseif redis.call('EXISTS', P .. 'upstream_position') == 0 then
  local last = redis.call('XREVRANGE', P .. 'events', '+', '-', 'COUNT', 1)[1]
  redis.call('SET', P .. 'upstream_position', last and last[1] or '0-0')
end
local owners, list = {}, redis.call('HGETALL', lanes)
for i = 1, #list, 2 do owners[list[i]] = list[i + 1] end
for at = 5, #ARGV do
  if owners[ARGV[at]] == gateway then
    redis.call('HDEL', lanes, ARGV[at])
    owners[ARGV[at]] = nil
  end
end
local partners = 0
for _, other in ipairs(redis.call('ZRANGEBYSCORE', P .. 'gateways', '(' .. int(now), '+inf')) do
  if redis.call('HEXISTS', P .. 'gateway:' .. other, 'upstream') == 1 then partners = partners + 1 end
end
local fair, mine = math.ceil(total / math.max(1, partners)), {}
for lane = 0, total - 1 do
  if owners[tostring(lane)] == gateway then mine[#mine + 1] = lane end
end
for lane = 0, total - 1 do
  local name = tostring(lane)
  if #mine < fair and not live(owners[name]) then
    redis.call('HSET', lanes, name, gateway)
    mine[#mine + 1] = lane
  end
end
table.insert(mine, 1, fair)
return mine
`,
);

/**
 * Which lanes are this gateway's: those that it has, and as many of the free ones as its fair share allows. Owning a
 * lane lasts as long as the gateway's lease. Lifecycle events are handed on from the first wish for them. `giveUp`: lanes over the share, in which nothing is under way.
 */
export async function shareLanes(
  redis: RedisPort,
  keys: Keys,
  gatewayId: string,
  wants: { lifecycle: boolean; giveUp: readonly number[] },
): Promise<{ fair: number; lanes: number[] }> {
  const args = [keys.prefix, gatewayId, LIFECYCLE_LANE + 1, wants.lifecycle ? 1 : 0, ...wants.giveUp];
  const [fair = 0, ...lanes] = (await redis.script(lanesScript, [keys.users], args)) as number[];
  return { fair, lanes };
}

/**
 * KEYS[1] users
 * ARGV[1] prefix · [2] entry id of the stream events
 * Returns 1 when the position moved on
 * Atomic because: a former owner that comes late must not move it back.
 */
const positionScript = defineScript(
  'upstream_position',
  `
local function parts(id) local ms, n = string.match(id, '^(%d+)-(%d+)$') return tonumber(ms), tonumber(n) end
local ms, n = parts(ARGV[2])
local wasMs, wasN = parts(redis.call('GET', P .. 'upstream_position') or '0-0')
if ms < wasMs or (ms == wasMs and n <= wasN) then return 0 end
redis.call('SET', P .. 'upstream_position', ARGV[2])
return 1
`,
);

/** The lifecycle function has everything up to this entry. */
export async function moveLifecyclePosition(redis: RedisPort, keys: Keys, entryId: string): Promise<boolean> {
  return (await redis.script(positionScript, [keys.users], [keys.prefix, entryId])) === 1;
}
