"""How many prompts a body has, counted by the script of a listener: each is answered by itself.

Only completions have several, in a list of texts, or of lists of tokens; a list of tokens is one prompt. The body is
read piece by piece: strings, brackets, and at its top level commas and colons. Whatever a client writes is bounded by
the number of steps; one that takes more counts as the most.
"""

from collections.abc import Sequence

LISTS = ("prompt", "prompt_embeds")
"""Fields that may have several. A name with an escape counts as one of them."""
MOST_PROMPTS = 10_000
MOST_STEPS = 200_000
"""A step is a quotation mark, a backslash or a bracket; a hundred thousand take about ten milliseconds."""
SCANNED_BYTES = 65_536
_LONGEST = max(map(len, LISTS))


def lua_set(names: Sequence[str]) -> str:
    """The names as a table of Lua that has each as a key."""
    return "{" + ", ".join(f'["{name}"]=true' for name in names) + "}"


PROMPTS = f"""
local function prompts(body)
  local lists = {lua_set(LISTS)}
  local depth, count, steps, length = 0, 0, 0, body:length()
  local inside, escaped, key, named, wanted, listed, skipped = false, false, "", false, false, false, 0
  for first = 0, length - 1, {SCANNED_BYTES} do
    local text = body:getBytes(first, math.min({SCANNED_BYTES}, length - first))
    local at = 1 + skipped
    skipped = 0
    while true do
      steps = steps + 1
      if steps > {MOST_STEPS} or count >= {MOST_PROMPTS} then return {MOST_PROMPTS} end
      local signs = inside and '["\\\\]' or depth > 1 and '["%[%]{{}}]' or '["%[%]{{}}:,]'
      local from = string.find(text, signs, at)
      if inside and depth == 1 and #key <= {_LONGEST} then
        key = key .. string.sub(text, at, math.min((from or #text + 1) - 1, at + {_LONGEST}))
      end
      if not from then break end
      local sign = string.sub(text, from, from)
      at = from + 1
      if sign == "\\\\" then
        escaped = true
        at = at + 1
        if at > #text + 1 then skipped = 1 end
      elseif sign == '"' then
        inside = not inside
        if inside then
          escaped, key = false, ""
        elseif depth == 1 then
          named = escaped or lists[key] or false
        elseif depth == 2 and listed then
          count = count + 1
        end
      elseif sign == ":" then
        wanted = named
      elseif sign == "," then
        wanted = false
      elseif sign == "[" or sign == "{{" then
        if depth == 2 and listed and sign == "[" then count = count + 1 end
        if depth == 1 then listed = wanted and sign == "[" end
        depth = depth + 1
      else
        depth = depth - 1
      end
    end
  end
  return math.max(count, 1)
end
"""
