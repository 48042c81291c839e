-- KEYS[1] users
-- ARGV[1] prefix · [2] OFFLINE_TTL_S · [3] bound of a mailbox, `<messages>,<bytes>` · [4] deadline: refuse when Redis's clock (ms) is past it, 0 never
--     [5] idempotency key name or '' (`batch:…`: digests are numbers, the last one is kept: a higher one is a new batch)
--     [6] digest of the request, '-' without a key of the caller's: it may be withdrawn · [7] idempotency TTL, s · [8] the asking gateway or ''
--     [9] bound of the audit stream, 0: the call is not audited · [10] ids to reserve right below that of the first command
--     [11] highest message id known to the caller
--     [12] user id and [13] stored form of the token of an operator, for whom this is done; '' each: not checked
--     [14] number of calls that the request takes; each has a key name of its own
--     then per command, in one of two forms: 's', `<command_id>,<version>`, from, body, recipient (a chat of a gateway's client to one
--     user, without any of the rest) · command_id, version, ttl_s, flags, traceparent, from, body, options, n, n recipients
--     (n = -1: everyone · -2: everyone but the asking gateway's, who were given it directly: `"<origin>",<number>` follows)
--     options: '' or JSON {wait?: 'written' | 'acknowledged' | 'reply', waiter?: instance, if_away?: true, not_before?: ms,
--     replaces?: key, cancellable?: true, group?: name}; wait and if_away of one recipient; of a group n is 0
-- Returns {'ok' | 'replay' | 'conflict' | 'late' | 'unauthorized', answers, last entry of the asking gateway's inbox or '', now ms}
--     answers: one per command, `id,online,stored,unknown,,scheduled,members` joined by ';'; a refused one: `0,0,0,0,<reason>`;
--     of a short one whose user is connected: `id`
-- Atomic because: an idempotent retry must see all or nothing, and order must hold no matter which process routes.
local auditBound = tonumber(ARGV[9])
local offlineTtl, bound, deadline = tonumber(ARGV[2]), bound_of(ARGV[3]), tonumber(ARGV[4])
local idempotencyKey, digest, self, calls = ARGV[5], ARGV[6], ARGV[8], ARGV[14]
if ARGV[13] ~= '' then
  local operator = redis.pcall('HMGET', P .. 'user:' .. ARGV[12], 'token', 'token_expires_at', 'role', 'more_tokens')
  if operator.err or operator[3] ~= 'operator' or not is_valid_token(ARGV[13], operator) then
    return { 'unauthorized', '', '', int(now) }
  end
end
if idempotencyKey ~= '' then
  local past = redis.call('GET', P .. idempotencyKey)
  if past then
    local pastDigest, entry, answers = string.match(past, '^(%S*) (%S*) (.*)$')
    if pastDigest == digest then
      if answers ~= '' then return { 'replay', answers, string.find(entry, '^%d') and entry or '', int(now) } end
    elseif not string.find(idempotencyKey, '^batch:') then return { 'conflict', '', '', int(now) }
    -- it was repeated on another connection, and the batch behind it is done
    elseif tonumber(digest) < tonumber(pastDigest) then return { 'late', '', '', int(now) } end
  end
end
if deadline > 0 and now > deadline then return { 'late', '', '', int(now) } end

continue_above(ARGV[11])
if ARGV[10] ~= '0' then reserve_ids(tonumber(ARGV[10])) end
-- the short form: its answer is the id alone when the user is connected
local function route_single(head, from, body, user)
  local id = nextId()
  local session = redis.pcall('HMGET', P .. 'user:' .. user, 'gateway', 'epoch', 'form')
  if live(session[1]) and session[3] ~= 'ack' then
    spend(1)
    post(session[1], '["m","' .. id .. '",' .. head .. ',0,"","",[' .. text(user) .. ',' .. session[2] .. '],[]]', body)
    count('routed')
    return id
  end
  local online, stored, unknown = route(id, head .. ',0,"",""', body, { user }, offlineTtl, bound, from, nil)
  return id .. ',' .. online .. ',' .. stored .. ',' .. #unknown .. ',,0,'
end

local answers, at, accepted = {}, 15, false
while ARGV[at] do
  if ARGV[at] == 's' then
    accepted = true
    answers[#answers + 1] = route_single(ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4])
    at = at + 5
  else
    local commandId, version, ttl, flags = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), ARGV[at + 3]
    local traceparent, from, body, n = ARGV[at + 4], ARGV[at + 5], ARGV[at + 6], tonumber(ARGV[at + 8])
    local given = ARGV[at + 7]
    -- the usual form is not parsed
    local options = given == '' and {} or given == '{"cancellable":true}' and { cancellable = true } or cjson.decode(given)
    local refusal = time_refusal(options.not_before) or (n == 1 and refusal_of(options, ARGV[at + 9], commandId))
    if not refusal and options.replaces then
      for i = 1, n do
        if not has_room_for(ARGV[at + 8 + i], options.replaces) then refusal = 'too_many_keys' end
      end
    end
    options.ttl = ttl
    if digest == '-' then options.undo_seconds = tonumber(ARGV[7]) end
    local group, members
    if options.group and not refusal then
      group = { name = options.group, generation = generation_of(options.group) }
      if not group.generation then refusal = 'unknown_group'
      elseif is_busy(from) then refusal = 'too_many_group_sends'
      else members = redis.call('ZCARD', (group_keys(group.generation))) end
    elseif n < 0 and self == '' and not refusal and is_busy(from) then refusal = 'too_many_group_sends' end
    local isHttp, isDue = self == '', not options.not_before or options.not_before <= now
    local followsEarlier = not refusal and isHttp and isDue and n > 0 and has_work(from)
    if followsEarlier and not can_serve_earlier(from, n) then refusal = 'too_many_group_sends' end
    if refusal then
      answers[#answers + 1] = '0,0,0,0,' .. refusal
    else
      accepted = true
      local recipients = {}
      for i = 1, n do recipients[i] = ARGV[at + 8 + i] end
      if followsEarlier then serve_earlier(from, recipients, offlineTtl, bound) end
      options.members = members
      local id = nextId()
      local rest = commandId .. ',' .. version .. ',' .. expiry(ttl) .. ',"' .. flags .. '","' .. traceparent .. '"'
      local due = options.not_before and math.max(0, options.not_before - now) / 1000 or 0
      local life = math.max(offlineTtl, ttl) + math.ceil(due)
      if string.find(flags, 'r', 1, true) then open_receipt(id, commandId, from, life + 86400, options) end
      local online, stored, unknown, waiting, scheduled = 0, 0, {}, {}, 0
      if members then
        if due > 0 or members > INLINE_MEMBERS or has_work(from) then
          keep_for_later(id, { commandId, version, flags, traceparent, from, body }, group, options, life)
          scheduled = due > 0 and members or 0
        else
          recipients = redis.call('ZRANGE', (group_keys(group.generation)), 0, -1)
          online, stored, unknown, waiting = route(id, rest, body, recipients, offlineTtl, bound, nil, options)
        end
        audit(auditBound, from, 'send', 'message', id, 'command', commandId, 'target', group.name, 'recipients', int(members))
      elseif n < 0 and isHttp and due == 0 and has_work(from) then
        keep_for_later(id, { commandId, version, flags, traceparent, from, body }, nil, options, life)
        audit(auditBound, from, 'send', 'message', id, 'command', commandId)
      elseif due > 0 then
        scheduled, unknown = schedule(id, { commandId, version, flags, traceparent, from, body }, recipients, n < 0, options, life)
        local dueAt = int(options.not_before)
        if n < 0 then audit(auditBound, from, 'send', 'message', id, 'command', commandId, 'due', dueAt)
        else
          audit(auditBound, from, 'send', 'message', id, 'command', commandId, 'due', dueAt, 'recipients', int(n),
            'to', named(recipients))
        end
      elseif n < 0 then
        online = n == -2 and broadcast(id, rest, body, self, ARGV[at + 9]) or broadcast(id, rest, body)
        audit(auditBound, from, 'send', 'message', id, 'command', commandId)
      else
        online, stored, unknown, waiting = route(id, rest, body, recipients, offlineTtl, bound, not isHttp and from or nil, options)
        audit(auditBound, from, 'send', 'message', id, 'command', commandId, 'recipients', int(n), 'to', named(recipients))
      end
      if options.cancellable and due == 0 then keep_cancellable(id, id, waiting, online, life) end
      answers[#answers + 1] = id .. ',' .. online .. ',' .. stored .. ',' .. #unknown .. ',,' .. scheduled .. ',' .. (members or '')
    end
    at = at + 9 + (n == -2 and 1 or math.max(n, 0))
  end
end
local entries = commit()
local answer = table.concat(answers, ';')
-- What was refused as a whole is checked again when it is repeated. Of a request of several calls it is recorded nevertheless, without
-- answers: another body is then a conflict before anything is sent, and the calls behind it are found
if idempotencyKey ~= '' and (accepted or calls ~= '1') then
  local entry = entries[self] or (calls == '1' and '-' or '/' .. calls)
  redis.call('SET', P .. idempotencyKey, digest .. ' ' .. entry .. ' ' .. (accepted and answer or ''), 'EX', ARGV[7])
end
return { 'ok', answer, entries[self] or '', int(now) }
