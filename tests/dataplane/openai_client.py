"""A user of a model server, with the client of OpenAI."""

from dataclasses import dataclass

from openai import OpenAI

QUESTION = [{"role": "user", "content": "Say something."}]


@dataclass(frozen=True)
class Answered:
    """What was answered to a chat, in whole and in pieces."""

    models: list[str]
    text: str
    finish: str
    tokens: int
    pieces: list[str]
    streamed_tokens: int


def written(message: object) -> str:
    """What a model wrote: first its reasoning, in a field of its own where the recipe names a parser, then its answer.

    vLLM calls the field reasoning, and reasoning_content before.
    """
    names = ("reasoning", "reasoning_content", "content")
    return next((text for name in names if (text := getattr(message, name, None))), "")


def ask(url: str, model: str) -> Answered:
    """Ask for the models, for an answer, and for one in pieces."""
    with OpenAI(base_url=url, api_key="none", max_retries=0, timeout=120) as client:
        usual = {"model": model, "messages": QUESTION, "max_tokens": 12, "temperature": 0, "seed": 1}
        models = [one.id for one in client.models.list()]
        answer = client.chat.completions.create(**usual)
        pieces, usage = [], None
        with client.chat.completions.create(**usual, stream=True, stream_options={"include_usage": True}) as events:
            for event in events:
                usage = event.usage or usage
                pieces += [text for choice in event.choices if (text := written(choice.delta))]
    choice = answer.choices[0]
    counted = answer.usage.completion_tokens
    return Answered(models, written(choice.message), choice.finish_reason, counted, pieces, usage.completion_tokens)
