"""A user of a model server, with the client of OpenAI: `client.py URL MODEL` prints what was answered, as JSON.

Run by the engine's Python, beside which the client is installed.
"""

import json
import sys

from openai import OpenAI

QUESTION = [{"role": "user", "content": "Say something."}]


def written(message: object) -> str:
    """What a model wrote: first its reasoning, in a field of its own where the recipe names a parser, then its answer.

    vLLM calls the field reasoning, and reasoning_content before.
    """
    names = ("reasoning", "reasoning_content", "content")
    return next((text for name in names if (text := getattr(message, name, None))), "")


def main(url: str, model: str) -> None:
    """Ask for the models, for an answer, and for one in pieces."""
    with OpenAI(base_url=url, api_key="none", max_retries=0, timeout=120) as client:
        usual = {"model": model, "messages": QUESTION, "max_tokens": 12, "temperature": 0, "seed": 1}
        models = [one.id for one in client.models.list()]
        answer = client.chat.completions.create(**usual)
        pieces, usage = [], None
        for event in client.chat.completions.create(**usual, stream=True, stream_options={"include_usage": True}):
            usage = event.usage or usage
            pieces += [text for choice in event.choices if (text := written(choice.delta))]
    print(
        json.dumps(
            {
                "models": models,
                "text": written(answer.choices[0].message),
                "finish": answer.choices[0].finish_reason,
                "tokens": answer.usage.completion_tokens,
                "pieces": pieces,
                "streamed_tokens": usage.completion_tokens,
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
