"""How many bytes of a body are no text: pictures, sounds and files within messages, found by the script of a listener.

An engine makes few tokens of them, whatever their size in base64. They count as that alone where engines read them as
such: as a long text of one of these names, in the `content` of a message. What stands elsewhere can be put into the
prompt as it is, such as the description of a tool, and is text. Whatever a client writes is bounded by the number of
steps; in a body that takes more, all is text.
"""

from aimlib.gateway.prompts import MOST_STEPS, SCANNED_BYTES, lua_set

MESSAGE_LISTS = ("messages", "input")
"""Fields that have messages: of chats and messages, and of responses."""
MESSAGE_CONTENT = "content"
ATTACHMENT_NAMES = ("url", "image_url", "video_url", "audio_url", "data", "file_data")
"""Under which a part of a message has what it has in base64: OpenAI's parts, and the `source` of Anthropic's."""
ATTACHMENT_BYTES = 4096
"""As many count as text of each: 1,024 tokens, about a picture of a million pixels."""
BYTES_PER_BYTE = 256
"""So many further ones count as one."""
_LONGEST = max(map(len, (*MESSAGE_LISTS, *ATTACHMENT_NAMES, MESSAGE_CONTENT)))


ATTACHED = f"""
local function attached(body)
  local lists, names = {lua_set(MESSAGE_LISTS)}, {lua_set(ATTACHMENT_NAMES)}
  local depth, steps, length, attached = 0, 0, body:length(), 0
  local keys, word, inside, escaped, began, skipped = {{}}, "", false, false, 0, 0
  for first = 0, length - 1, {SCANNED_BYTES} do
    local text = body:getBytes(first, math.min({SCANNED_BYTES}, length - first))
    local at = 1 + skipped
    skipped = 0
    while true do
      steps = steps + 1
      if steps > {MOST_STEPS} then return 0 end
      local from = string.find(text, inside and '["\\\\]' or '["%[%]{{}}:]', at)
      if inside and #word <= {_LONGEST} then
        word = word .. string.sub(text, at, math.min((from or #text + 1) - 1, at + {_LONGEST}))
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
          began, escaped, word = first + from, false, ""
        else
          local size = first + from - 1 - began
          local part = depth >= 5 and lists[keys[1]] and keys[3] == "{MESSAGE_CONTENT}" and names[keys[depth]]
          if part and size > {ATTACHMENT_BYTES} then
            attached = attached + math.floor((size - {ATTACHMENT_BYTES}) * {BYTES_PER_BYTE - 1} / {BYTES_PER_BYTE})
          end
          if escaped then word = "" end
        end
      elseif sign == ":" then
        keys[depth] = word
      elseif sign == "[" or sign == "{{" then
        depth = depth + 1
        keys[depth] = false
      else
        depth = depth - 1
      end
    end
  end
  return attached
end
"""
