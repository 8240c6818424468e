"""The budget of bodies."""

import pytest
from werkzeug.exceptions import TooManyRequests

from hooks.server.limits import MAX_BODY, BodyBudget


def test_bodies_share_the_budget_and_give_it_back():
    budget = BodyBudget(100)
    budget.take(60)
    budget.take(40)
    with pytest.raises(TooManyRequests, match="of 1 bytes while 0 bytes are free"):
        budget.take(1)
    budget.give_back(40)
    budget.take(40)


def test_a_body_of_the_largest_size_fits_when_it_is_alone():
    BodyBudget().take(MAX_BODY)
