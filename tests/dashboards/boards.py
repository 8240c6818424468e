"""All dashboards, in the order in which one looks at them."""

from tests.dashboards.cache import CACHE
from tests.dashboards.endpoint import ENDPOINT
from tests.dashboards.fleet import FLEET
from tests.dashboards.gateway import GATEWAY
from tests.dashboards.ourselves import OPERATOR
from tests.dashboards.packing import PACKING

BOARDS = (FLEET, PACKING, ENDPOINT, GATEWAY, CACHE, OPERATOR)
