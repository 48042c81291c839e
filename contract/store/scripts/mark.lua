-- KEYS[1] users
-- ARGV[1] prefix · [2] name of this call or '' · then per step: message id, user, state, reason or ''
-- Returns how many
-- Atomic because: a state is written once, after the states that the receipt already has.
note_call(ARGV[2])
for at = 3, #ARGV, 4 do
  local reason = ARGV[at + 3]
  spend(1)
  mark(ARGV[at], ARGV[at + 1], ARGV[at + 2], reason ~= '' and reason or nil)
end
return (#ARGV - 2) / 4
