"""Which requests have a body that is read, how much of it, and by what budget."""

from collections.abc import Collection

from werkzeug.exceptions import HTTPException

from hooks.server.auth import Clients
from hooks.server.limits import MAX_BODY, BodyBudget, BodyRule, RuleOf
from hooks.server.webhooks import MAX_REVIEW


def body_rules(hooks: Collection[str], webhooks: Collection[str], clients: Clients) -> RuleOf:
    """The rules for these paths: a token is checked before a body is read, or in the first part of it."""
    refusal = clients.refusal_of_beginning if clients.need_token else None
    hook = BodyRule(MAX_BODY, BodyBudget(), refusal)
    review = BodyRule(MAX_REVIEW, BodyBudget(2 * MAX_REVIEW))

    def rule_of(method: str, path: str, port: str) -> BodyRule | None:
        try:
            clients.check_path(path, port)
        except HTTPException:  # the application answers the same, without the body
            return None
        if method != "POST":
            return None
        if path in hooks:
            return hook
        return review if path.rpartition("/")[0] in webhooks else None

    return rule_of
