"""The caches of models: what fails, what is on the way, and how much room there is."""

from tests.dashboards.panels import BLUE, GREEN, GREY, ORANGE, RED, Board, Panel, Query, Row, Variable
from tests.dashboards.words import ANY, BAD, FIRING, NEARLY_FULL, NONE, since

CHOSEN = 'namespace=~"$namespace",aimcache=~"$aimcache"'
NAME = "{{namespace}}/{{aimcache}}"
STATES = (
    ("Ready", GREEN),
    ("Downloading", BLUE),
    ("Verifying", BLUE),
    ("Failed", RED),
    ("Waiting", ORANGE),
    ("OnDemand", GREY),
    ("Removed", GREY),
)


def each(metric: str, more: str = "", *labels: str) -> str:
    """One value for each cache."""
    return f"max by ({', '.join(('namespace', 'aimcache', *labels))}) ({metric}{{{CHOSEN}{more}}})"


def models(states: str) -> str:
    """Models that are in one of these states."""
    return each("aim_cache_model_state", f',state=~"{states}"', "model", "state")


UNREADY = each("aim_cache_status_phase", ',phase!="Ready"')

NOW = Row(
    "Now",
    4,
    (
        Panel(
            "stat",
            "Alerts firing",
            "Alerts about caches that fire: downloads that fail or do not move, volumes that are almost full.",
            (Query(f'count({FIRING},aimcache!="",{CHOSEN}}}){NONE}'),),
            "none",
            3,
            BAD,
        ),
        Panel(
            "stat",
            "Models failed",
            "Models that could not be downloaded or verified. The message of the cache says what to do.",
            (Query(f"sum({models('Failed')})"),),
            "none",
            3,
            BAD,
        ),
        Panel(
            "stat",
            "Caches not ready",
            "Caches whose storage or whose models are not as they should be. Endpoints may wait for them.",
            (Query(f"sum({UNREADY})"),),
            "none",
            3,
            ANY,
        ),
        Panel(
            "stat",
            "Models on the way",
            "Models that wait for their download, are downloaded, or are verified.",
            (Query(f"sum({models('Waiting|Downloading|Verifying')})"),),
            "none",
            3,
            ANY,
        ),
        Panel(
            "stat",
            "Models ready",
            "Models that are whole on a volume: every file has the size and the hash that the hub states.",
            (Query(f"sum({models('Ready')})"),),
            "none",
            4,
        ),
        Panel(
            "stat",
            "Models in use",
            "Models that an endpoint uses; a clean-up leaves these alone.",
            (Query(f"sum({each('aim_cache_models_in_use')})"),),
            "none",
            4,
        ),
        Panel(
            "stat",
            "Used",
            "Bytes on all chosen caches' volumes, as last measured there.",
            (Query(f"sum({each('aim_cache_used_bytes')})"),),
            "bytes",
            4,
        ),
    ),
)

WRONG = Row(
    "What is wrong, and what is on the way",
    7,
    (
        Panel(
            "table",
            "Caches that are not ready",
            "The reason of the condition Ready, and for how long. What it means stands in `status.message`.",
            (Query(since("cache", CHOSEN)),),
            "dtdurations",
            12,
            columns=(("namespace", "Namespace"), ("aimcache", "Cache"), ("reason", "Reason")),
            values=("For",),
        ),
        Panel(
            "table",
            "Models that are not there",
            "Each with its state; those that are downloaded only when they are needed are left out.",
            (Query(f"{models('Waiting|Downloading|Verifying|Failed')} == 1"),),
            "none",
            12,
            columns=(("namespace", "Namespace"), ("aimcache", "Cache"), ("model", "Model"), ("state", "State")),
            values=("",),
        ),
    ),
)

SPACE = Row(
    "Space",
    8,
    (
        Panel(
            "bars",
            "Used, of the volume",
            "Above 90 % the next download may fail for want of room: enlarge the cache or enable its clean-up.",
            (Query(f"1 - {each('aim_cache_available_bytes')} / {each('aim_cache_capacity_bytes')}", NAME),),
            "percentunit",
            steps=NEARLY_FULL,
            maximum=1,
        ),
        Panel(
            "lines",
            "Used",
            "Grows during a download, falls with a clean-up. It is measured by the Jobs, so it is as of the last one.",
            (Query(each("aim_cache_used_bytes"), NAME),),
            "bytes",
        ),
        Panel(
            "lines",
            "Download speed",
            "How fast a volume fills. 0 with a model that downloads means a hub that does not answer.",
            (Query(f"clamp_min(deriv(aim_cache_used_bytes{{{CHOSEN}}}[5m]), 0)", NAME),),
            "binBps",
        ),
    ),
)

OVER_TIME = Row(
    "Models and downloads",
    8,
    (
        Panel(
            "stacked",
            "Models by state",
            "How many models of the chosen caches are in each state.",
            (Query(f"sum by (state) ({models('.+')}) > 0", "{{state}}"),),
            "none",
            colours=STATES,
        ),
        Panel(
            "table",
            "Models by size",
            "What each model that is ready takes on its volume.",
            (Query(each("aim_cache_model_bytes", "", "model")),),
            "bytes",
            columns=(("namespace", "Namespace"), ("aimcache", "Cache"), ("model", "Model")),
            values=("Size",),
        ),
        Panel(
            "bars",
            "Downloads by outcome",
            "Downloads that ended since the hook servers started, each attempt, of all caches. Network mends itself;"
            " NoSpace, Gated and NotFound do not.",
            (Query("sum by (outcome) (aim_cache_downloads_total)", "{{outcome}}"),),
            "none",
            5,
            colours=(("Ready", GREEN),),
            steps=((0, ORANGE),),
        ),
        Panel(
            "stat",
            "Models cleaned up",
            "Models that caches have no more, in the last day, of all caches.",
            (Query("sum(increase(aim_cache_removals_total[1d]))"),),
            "none",
            3,
        ),
    ),
)

CACHE = Board(
    "aim-cache",
    "AIM Engine / Caches",
    "The caches of models: what fails, what is on the way, and how much room there is.",
    1,
    (
        Variable("namespace", "Namespace", "aim_cache_status_phase", many=True),
        Variable("aimcache", "Cache", 'aim_cache_status_phase{namespace=~"$namespace"}', many=True),
    ),
    (NOW, WRONG, SPACE, OVER_TIME),
)
