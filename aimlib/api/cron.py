"""Schedules in the cron format of CronJobs: five fields, or a name such as @daily."""


def _field(number: str, names: str = "") -> str:
    value = f"({number}{'|' + names if names else ''})"
    part = f"(([*]|[?]|{value}(-{value})?)(/[1-9][0-9]?)?)"
    return f"{part}(,{part})*"


_MONTHS = "[jJ][aA][nN]|[fF][eE][bB]|[mM][aA][rR]|[aA][pP][rR]|[mM][aA][yY]|[jJ][uU][nN]|[jJ][uU][lL]|[aA][uU][gG]|"
_MONTHS += "[sS][eE][pP]|[oO][cC][tT]|[nN][oO][vV]|[dD][eE][cC]"
_DAYS = "[sS][uU][nN]|[mM][oO][nN]|[tT][uU][eE]|[wW][eE][dD]|[tT][hH][uU]|[fF][rR][iI]|[sS][aA][tT]"


def _form(weekdays: str) -> str:
    fields = (
        _field("[0-5]?[0-9]"),
        _field("[01]?[0-9]|2[0-3]"),
        _field("0?[1-9]|[12][0-9]|3[01]"),
        _field("0?[1-9]|1[0-2]", _MONTHS),
        _field(weekdays, _DAYS),
    )
    return f"^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|{' +'.join(fields)})$"


CRON_FORM = _form("[0-6]")
"""The values that the CronJob controller's parser accepts (source: robfig/cron v3, parser.go and spec.go).

There is no backslash in it, so that it reads the same in CEL.
"""
OWN_CRON_FORM = _form("[0-7]")
"""The values for schedules that no CronJob has: Sunday may be 7, as in crontab(5), and is the last day of a range."""
