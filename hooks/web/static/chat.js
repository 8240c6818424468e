// The chat: a conversation in the memory of this page, and nowhere else. All text is set as text, never as markup.
"use strict";

const byId = (name) => document.getElementById(name);
const messages = [];
let running = null;

function show(role, text) {
  const part = document.createElement("p");
  part.className = role;
  part.textContent = text;
  byId("conversation").append(part);
  part.scrollIntoView({ block: "nearest" });
  return part;
}

// The text in one event of an answer; an Error where the model server reports one.
function pieceOf(data) {
  const event = JSON.parse(data);
  if (event.error) throw new Error(String(event.error.message || "the model server stopped"));
  const delta = (event.choices && event.choices[0] && event.choices[0].delta) || {};
  return { content: delta.content || "", shown: delta.reasoning || delta.reasoning_content || delta.content || "" };
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const data = line.startsWith("data:") ? line.slice(5).trim() : "";
      if (data === "[DONE]") return;
      if (data) yield data;
    }
  }
}

async function ask(question) {
  messages.push({ role: "user", content: question });
  show("user", question);
  const answer = show("assistant", "");
  running = new AbortController();
  byId("send").disabled = true;
  byId("stop").disabled = false;
  let content = "";
  try {
    const key = byId("key").value;
    const response = await fetch("/chat/completions", {
      method: "POST",
      headers: { "Content-Type": "application/json", ...(key ? { Authorization: `Bearer ${key}` } : {}) },
      body: JSON.stringify({ model: byId("model").value.trim(), messages }),
      signal: running.signal,
    });
    if (!response.ok) throw new Error((await response.json()).error);
    for await (const data of events(response.body)) {
      const piece = pieceOf(data);
      content += piece.content;
      answer.textContent += piece.shown;
    }
  } catch (error) {
    if (error.name !== "AbortError") show("problem", error.message);
  } finally {
    if (content) messages.push({ role: "assistant", content });
    else {
      messages.pop();
      answer.remove();
    }
    running = null;
    byId("send").disabled = false;
    byId("stop").disabled = true;
    byId("message").focus();
  }
}

byId("chat").addEventListener("submit", (event) => {
  event.preventDefault();
  const question = byId("message").value.trim();
  if (!question || running) return;
  byId("message").value = "";
  ask(question);
});
byId("stop").addEventListener("click", () => running && running.abort());
byId("new").addEventListener("click", () => {
  if (running) running.abort();
  messages.length = 0;
  byId("conversation").replaceChildren();
});
