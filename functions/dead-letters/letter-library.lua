-- A letter of `front_tcp:dead`, as the drain of the queue writes it (contract/store/scripts/drain-queue.lua): a JSON object with
-- `entry`, `reason`, `at`, and with `encoding` and `chat_to` where they are needed. Other programs may have written anything there.
--
-- Letters are pushed at the left: counted from the right, a position changes only when an older letter is removed.
local dead = P .. 'front_tcp:dead'

-- a letter that is larger than a step of work is one
local function spend_letter(raw) spend(math.min(1 + #raw / 200, STEP_WORK)) end

-- the beginning of its digest distinguishes a letter from those that have moved to its position
local function name(raw) return string.sub(redis.sha1hex(raw), 1, 16) end

-- anything else counts as an entry without a reason
local function read(raw)
  local ok, letter = pcall(cjson.decode, raw)
  if not ok or type(letter) ~= 'table' or type(letter.entry) ~= 'string' then return { entry = raw } end
  local to = {}
  for _, user in ipairs(type(letter.chat_to) == 'table' and letter.chat_to or {}) do
    if type(user) == 'string' then to[#to + 1] = user end
  end
  return {
    entry = letter.entry,
    encoding = letter.encoding == 'latin1' and 'latin1' or nil,
    reason = type(letter.reason) == 'string' and letter.reason or nil,
    at = type(letter.at) == 'number' and letter.at or nil,
    chat_to = #to > 0 and to or nil,
  }
end
