"""The command `aim chat`: finds an endpoint's pod, and prints answers as they arrive."""

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from aimlib.api.meta import Raw
from hooks.cli import clock
from hooks.cli.answers import ModelAnswer, ask_model, served_model
from hooks.cli.endpoint_progress import read_progress
from hooks.cli.errors import CLUSTER_ERROR_CODE, CommandError
from hooks.cli.printing import print_note
from hooks.cli.terminal import REJECTED, show, show_sentence

if TYPE_CHECKING:
    from hooks.cli.cluster import LiveCluster

NEW = "/new"
"""What begins a new conversation."""
HELP = "Ctrl-C stops an answer, Ctrl-D ends the chat, /new begins a new conversation."


class Chat:
    """A conversation with the model of an endpoint. CommandError where none of its pods is ready."""

    def __init__(self, cluster: "LiveCluster", name: str) -> None:
        self.cluster, self.name = cluster, name
        self.pod, self.port = _ready_pod(cluster, name)
        self.messages: list[Raw] = []
        connection = cluster.open_port(self.pod, self.port)
        try:
            self.model = served_model(connection)
        finally:
            connection.close()

    def ask(self, question: str) -> None:
        """Prints the answer to a question, and its figures on standard error. KeyboardInterrupt when it is stopped."""
        self.messages.append({"role": "user", "content": question})
        connection = self.cluster.open_port(self.pod, self.port)
        answer: ModelAnswer | None = None
        try:
            answer = ask_model(connection, self.model, self.messages, clock.seconds)
            for piece in answer:
                show(piece, nl=False)
                sys.stdout.flush()
        finally:
            connection.close()
            if answer:
                answer.response.close()
            if answer and answer.text:
                self.messages.append({"role": "assistant", "content": answer.text})
            else:
                self.messages.pop()
        show("")
        if figures := answer.figures:
            show_sentence(figures.text, err=True, style=REJECTED)

    def converse(self) -> None:
        """Asks for questions until there are no more."""
        with suppress(ImportError):
            import readline  # noqa: F401, PLC0415 - `input` takes arrows and its history from it, where there is one
        print_note(f"{self.model}, served by {self.name}. {HELP}")
        while True:
            try:
                question = input(">>> ").strip()
                if question == NEW:
                    self.messages.clear()
                elif question:
                    self.ask(question)
            except EOFError:
                show("")
                return
            except KeyboardInterrupt:
                show("")  # what was being answered or written is left
            except CommandError as error:
                error.show()


def find_name(cluster: "LiveCluster", word: str) -> str:
    """The name of the endpoint that a NAME or the id of a MODEL means; the first that is ready where several are."""
    if "/" not in word:
        return word
    found = [one for one in cluster.endpoints() if _model(one) == word]
    ready = [one for one in found if read_progress(one).code == 0]
    names = sorted(one["metadata"]["name"] for one in ready or found)
    if not names:
        advice = f"`aim run {word}` starts one"
        raise CommandError(f"namespace {cluster.namespace} has no AIMEndpoint for {word}: {advice}", CLUSTER_ERROR_CODE)
    return str(names[0])


def _model(endpoint: Raw) -> str | None:
    spec = endpoint["spec"]
    return spec.get("modelId") or (spec.get("model") or {}).get("id")


def _ready_pod(cluster: "LiveCluster", name: str) -> tuple[str, int]:
    """A ready Pod of an endpoint, and the port that its engine listens on."""
    for pod in cluster.pods(name):
        conditions = (pod.get("status") or {}).get("conditions") or ()
        if any(one["type"] == "Ready" and one["status"] == "True" for one in conditions):
            [port, *_] = pod["spec"]["containers"][0]["ports"]
            return pod["metadata"]["name"], port["containerPort"]
    progress = read_progress(cluster.endpoint(name))
    raise CommandError(f"no replica of {name} is ready: {progress.phase}: {progress.message}", CLUSTER_ERROR_CODE)
