-- Mailboxes, part of what every script begins with.
--
-- `mailbox:<user>`: a sorted set of members `["id",command,version,expires,"flags","trace"]\n<body>`, score = id. A large
-- body for several mailboxes is stored once, in `body:<id>` (`b`: the body, `n`: the mailboxes that refer to it): the head
-- then has its length as a seventh item, and no body follows.
-- `mailbox_bytes:<user>`: the bytes of all members with their bodies, so that no script has to read a whole mailbox.
-- `mailbox_expiry:<user>`: ids of the messages with a time to live of their own, score = their expiry.
-- `mailbox_senders:<user>`: once a quarter of a bound is reached, `"<sender>"\n<id>` of messages from clients, all with one score.
local SHARED_BYTES = 800
-- one store removes at most this many messages: a mailbox far above its bound shrinks in a few steps
local EVICTIONS = 32

local function shared_bytes(member) return string.match(member, '^%["%d+",%d+,%d+,%d+,"%a*","[^"]*",(%d+)%]\n$') end
local function id_of(member) return string.match(member, '^%["(%d+)"') end
local function expires_at(member) return tonumber(string.match(member, '^%["%d+",%d+,%d+,(%d+)')) end
-- with the body in it; nil when a shared body is gone
local function whole_member(member)
  if not shared_bytes(member) then return member end
  local body = redis.call('HGET', P .. 'body:' .. id_of(member), 'b')
  return body and string.gsub(member, ',%d+%]\n$', ']\n') .. body or nil
end

-- adds `n` references to a shared body; its expiry is later than that of every mailbox, even if a reference is never released
local function share_body(id, body, n, offlineTtl)
  if n == 0 then return end
  local key = P .. 'body:' .. id
  redis.call('HSETNX', key, 'b', body)
  redis.call('HINCRBY', key, 'n', n)
  redis.call('EXPIRE', key, int(offlineTtl + 604800))
  spend(0, #body)
end

-- call it when these members have left the mailbox
local function forget(user, members)
  if #members == 0 then return end
  local bytes = 0
  for _, member in ipairs(members) do
    local shared = shared_bytes(member)
    bytes = bytes + #member + (shared or 0)
    if shared and redis.call('HINCRBY', P .. 'body:' .. id_of(member), 'n', -1) <= 0 then
      redis.call('DEL', P .. 'body:' .. id_of(member))
    end
    if expires_at(member) ~= 0 then redis.call('ZREM', P .. 'mailbox_expiry:' .. user, id_of(member)) end
  end
  spend(#members)
  if redis.call('EXISTS', P .. 'mailbox:' .. user) == 1 then redis.call('DECRBY', P .. 'mailbox_bytes:' .. user, int(bytes))
  else redis.call('DEL', P .. 'mailbox_bytes:' .. user, P .. 'mailbox_senders:' .. user, P .. 'mailbox_expiry:' .. user) end
end

-- removes messages from a mailbox; returns the members that were there, by id
local function take_out(user, ids)
  local box, members, by_id = P .. 'mailbox:' .. user, {}, {}
  for _, id in ipairs(ids) do
    local member = redis.call('ZRANGEBYSCORE', box, id, id)[1]
    spend(1, member and #member)
    if member then
      redis.call('ZREM', box, member)
      members[#members + 1] = member
      by_id[id] = member
    end
  end
  forget(user, members)
  return by_id, #members
end

-- members that left a mailbox undelivered: counted for the next 101, and in their receipts
local function give_up(user, members, reason)
  for _, member in ipairs(members) do
    local id, flags = string.match(member, '^%["(%d+)",%d+,%d+,%d+,"(%a*)"')
    if flags and string.find(flags, 'r', 1, true) then
      mark(id, user, reason == 'expired' and 'expired' or 'failed', reason)
    end
  end
  if #members > 0 then
    -- a user who was deleted must not become known again; pcall: the key may have another type
    if redis.call('EXISTS', P .. 'user:' .. user) == 1 then redis.pcall('HINCRBY', P .. 'user:' .. user, 'lost', #members) end
    count('lost', #members)
  end
end

-- the oldest message of a sender that is still in the mailbox
local function oldest_of(user, sender)
  local senders = P .. 'mailbox_senders:' .. user
  for _ = 1, EVICTIONS do
    local entry = redis.call('ZRANGEBYLEX', senders, '[' .. sender .. '\n', '(' .. sender .. '\011', 'LIMIT', 0, 1)[1]
    if not entry then return nil end
    redis.call('ZREM', senders, entry)
    local id = string.match(entry, '(%d+)$')
    local member = redis.call('ZRANGEBYSCORE', P .. 'mailbox:' .. user, id, id)[1]
    if member then return member end
  end
end

-- Chooses the message to drop from a full mailbox: one of this sender's, if it has more than a quarter of the bound; otherwise one of a
-- client, drawn in proportion to its messages; those of the HTTP API and the queue last. Always the oldest of that sender.
local function next_to_go(user, sender, bound)
  local senders = P .. 'mailbox_senders:' .. user
  if redis.call('EXISTS', senders) == 1 then
    if sender and redis.call('ZLEXCOUNT', senders, '[' .. sender .. '\n', '(' .. sender .. '\011') > bound.messages / 4 then
      local member = oldest_of(user, sender)
      if member then return member end
    end
    for _ = 1, 4 do
      local entry = redis.call('ZRANDMEMBER', senders)
      local member = entry and oldest_of(user, string.match(entry, '^(.*)\n%d+$'))
      if member then return member end
    end
  end
  return redis.call('ZRANGE', P .. 'mailbox:' .. user, 0, 0)[1]
end

local function make_room(user, size, bytes, bound, sender)
  local box, gone = P .. 'mailbox:' .. user, {}
  while #gone < EVICTIONS and size > 1 and (size > bound.messages or bytes > bound.bytes) do
    local member = next_to_go(user, sender, bound)
    redis.call('ZREM', box, member)
    gone[#gone + 1] = member
    size, bytes = size - 1, bytes - #member - (shared_bytes(member) or 0)
  end
  forget(user, gone)
  give_up(user, gone, 'mailbox_full')
end

-- `<messages>,<bytes>`: the limits of a mailbox
local function bound_of(argument)
  local messages, bytes = string.match(argument, '^(%d+),(%d+)$')
  return { messages = tonumber(messages), bytes = tonumber(bytes) }
end

-- Messages leave a mailbox without their entries. With twice as many entries as a mailbox holds, most that are drawn have no message.
local SENDERS_DRAWN = 4
local function note_sender(user, sender, id, bound)
  local senders = P .. 'mailbox_senders:' .. user
  redis.call('ZADD', senders, 0, sender .. '\n' .. id)
  if redis.call('ZCARD', senders) <= 2 * bound.messages or work >= STEP_WORK then return end
  for _, entry in ipairs(redis.call('ZRANDMEMBER', senders, SENDERS_DRAWN)) do
    local past = string.match(entry, '(%d+)$')
    if redis.call('ZCOUNT', P .. 'mailbox:' .. user, past, past) == 0 then redis.call('ZREM', senders, entry) end
  end
  spend(SENDERS_DRAWN)
end

-- Adds a member, with `shared` bytes of a body that is stored once, to a mailbox, whatever its bound. Returns the messages and the bytes
-- in it; nil when it was there already, or when the key has another type, written by another program.
local function add_member(user, id, member, shared)
  local box = P .. 'mailbox:' .. user
  local added = redis.pcall('ZADD', box, id, member)
  spend(1, #member)
  if type(added) == 'table' then
    if string.find(added.err, 'WRONGTYPE', 1, true) then return nil end
    redis.call('ZADD', box, id, member)
  end
  if added == 0 then return nil end
  local size, bytes = redis.call('ZCARD', box), #member + shared
  if size == 1 then
    redis.call('SET', P .. 'mailbox_bytes:' .. user, int(bytes))
    redis.call('ZADD', P .. 'users', 0, user)
  else bytes = redis.call('INCRBY', P .. 'mailbox_bytes:' .. user, int(bytes)) end
  local expires = string.match(member, '^%["%d+",%d+,%d+,(%d+)')
  if expires ~= '0' then
    redis.call('HSET', P .. 'user:' .. user, 'expiring', '1')
    redis.call('ZADD', P .. 'mailbox_expiry:' .. user, expires, id)
  end
  return size, bytes
end

-- Puts a message into a user's mailbox: idempotent (same id and text), ordered, bounded. `sender` (a client's id as JSON text)
-- or nil. `shared`: the caller calls share_body for all of them. Returns whether it was added.
local function store(user, id, rest, body, bound, sender, shared)
  local member = shared and '["' .. id .. '",' .. rest .. ',' .. int(#body) .. ']\n' or '["' .. id .. '",' .. rest .. ']\n' .. body
  local size, bytes = add_member(user, id, member, shared and #body or 0)
  if not size then return false end
  if sender and (size > bound.messages / 4 or bytes > bound.bytes / 4) then note_sender(user, sender, id, bound) end
  if size > bound.messages or bytes > bound.bytes then make_room(user, size, bytes, bound, sender) end
  return true
end

-- whether a message in a mailbox waits: its user is away, and has not been connected since it was stored
local function is_waiting(user, id, commandId)
  local isApplication = tonumber(commandId) >= 2000
  local was = redis.call('HMGET', P .. 'user:' .. user, 'gateway', 'form', isApplication and 'served_app_id' or 'served_id')
  if live(was[1]) and not (isApplication and was[2] == 'plain') then return false end
  return tonumber(id) > tonumber(was[3] or '0')
end

-- `replaces:<user>`: per key the id of the newest command. Whether a newer one has taken the place of this message
local function is_replaced(user, id)
  local receipt, command = receipt_key(id)
  local name = redis.call('HGET', receipt, 'm:replaces')
  local newest = name and redis.call('HGET', P .. 'replaces:' .. user, name)
  return newest and tonumber(newest) > tonumber(id) and newest ~= command
end

-- whether the receipt of a message has this state for a user
local function has_state(id, user, state)
  local steps = redis.call('HGET', (receipt_key(id)), 'u:' .. user)
  return steps and string.find(' ' .. steps, ' ' .. state .. ' ', 1, true) ~= nil
end

-- Whether a newer command with the same key has taken the place of this one, which waits for its time. A key is forgotten when its
-- newest command no longer waits: then the receipt says it
local function is_superseded(user, name, id)
  if name == '' then return false end
  local newest = redis.call('HGET', P .. 'replaces:' .. user, name)
  if newest then return newest ~= id and tonumber(newest) > tonumber(id) end
  return has_state(id, user, 'replaced')
end

-- A message that its gateway could not deliver goes (back) to the mailbox, even if the session has ended. Returns
-- whether it was added.
local function stash(user, id, rest, body, offlineTtl, bound, shared)
  local session = redis.pcall('HMGET', P .. 'user:' .. user, 'gateway', 'epoch', 'owing')
  spend(1)
  if session.err then return false end
  if not session[2] and redis.call('EXISTS', P .. 'user:' .. user) == 0 then return false end
  if not session[1] and offlineTtl == 0 then
    count('dropped')
    return false
  end
  if id ~= '0' and redis.call('ZSCORE', P .. 'withdrawn', id) then return false end
  if string.find(rest, '^%d+,%d+,%d+,"%a*p') and is_replaced(user, id) then
    mark(id, user, 'replaced')
    return false
  end
  local isThere = false
  if id == '0' then id = nextId()
  -- in either form, no matter which script stored it
  else isThere = redis.pcall('ZCOUNT', P .. 'mailbox:' .. user, id, id) ~= 0 end
  local stored = not isThere and store(user, id, rest, body, bound, nil, shared)
  count('rerouted')
  if string.find(rest, '^%d+,%d+,%d+,"%a*r') then mark(id, user, 'stored') end
  if session[1] and not session[3] then notify_mailbox(session[1], user, session[2]) end
  return stored
end
