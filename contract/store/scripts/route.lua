-- KEYS[1] users
-- ARGV[1] prefix · [2] OFFLINE_TTL_S · [3] mailbox bound · [4] deadline: refuse when Redis's clock (ms) is past it, 0 never
--     [5] idempotency key name or '' (`batch:…`: only the last digest counts, another one is a new batch)
--     [6] digest of what was asked · [7] idempotency TTL, s · [8] the asking gateway or ''
--     [9] bound of the audit stream, 0: this is nothing to be audited
--     then per command: command_id, version, ttl_s, flags, traceparent, from, body, n, n recipients
--     (n = -1: everyone · -2: everyone but the asking gateway's)
-- Returns {'ok' | 'replay' | 'conflict' | 'late', answers, last entry of the asking gateway's inbox or '', now ms}
--     answers: per command `id,online,stored,unknown` joined by ';'
-- Atomic because: an idempotent retry must see all or nothing, and order must hold whoever routes.
local auditBound = tonumber(ARGV[9])
local offlineTtl, bound, deadline = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local idempotencyKey, digest, self = ARGV[5], ARGV[6], ARGV[8]
if idempotencyKey ~= '' then
  local past = redis.call('GET', P .. idempotencyKey)
  if past then
    local pastDigest, entry, answers = string.match(past, '^(%S*) (%S*) (.*)$')
    if pastDigest == digest then return { 'replay', answers, entry ~= '-' and entry or '', int(now) } end
    if not string.find(idempotencyKey, '^batch:') then return { 'conflict', '', '', int(now) } end
  end
end
if deadline > 0 and now > deadline then return { 'late', '', '', int(now) } end

local answers, at = {}, 10
while ARGV[at] do
  local commandId, version, ttl, flags = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), ARGV[at + 3]
  local traceparent, from, body, n = ARGV[at + 4], ARGV[at + 5], ARGV[at + 6], tonumber(ARGV[at + 7])
  local id = nextId()
  local rest = commandId .. ',' .. version .. ',' .. expiry(ttl) .. ',"' .. flags .. '","' .. traceparent .. '"'
  if string.find(flags, 'r', 1, true) then open_receipt(id, commandId, from, math.max(offlineTtl, ttl) + 86400) end
  local online, stored, unknown = 0, 0, {}
  if n < 0 then
    online = broadcast(id, rest, body, n == -2 and self or '')
    n = 0
    audit(auditBound, from, 'send', 'message', id, 'command', commandId)
  else
    local recipients = {}
    for i = 1, n do recipients[i] = ARGV[at + 7 + i] end
    online, stored, unknown = route(id, rest, body, recipients, offlineTtl, bound)
    audit(auditBound, from, 'send', 'message', id, 'command', commandId, 'recipients', int(n), 'to', named(recipients))
  end
  answers[#answers + 1] = id .. ',' .. online .. ',' .. stored .. ',' .. #unknown
  at = at + 8 + n
end
local entries = commit()
local answer = table.concat(answers, ';')
if idempotencyKey ~= '' then redis.call('SET', P .. idempotencyKey, digest .. ' ' .. (entries[self] or '-') .. ' ' .. answer, 'EX', ARGV[7]) end
return { 'ok', answer, entries[self] or '', int(now) }
