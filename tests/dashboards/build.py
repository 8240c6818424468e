"""A dashboard's JSON from its table, by the Grafana Foundation SDK."""

import json
from typing import Any

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as shared
from grafana_foundation_sdk.models import dashboard as model

from tests.dashboards.panels import GREEN, Board, Link, Panel, Variable

TAG = "aim-engine"
OVERVIEW = "aim-engine-overview"
"""The tag of these dashboards alone: those of single endpoints have only the other."""
SOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")
REFRESH = "30s"
REFERENCE = (
    model.DynamicConfigValue(id_val="custom.lineStyle", value={"fill": "dash", "dash": [10, 10]}),
    model.DynamicConfigValue(id_val="custom.fillOpacity", value=0),
)
LETTERS = "ABCDEF"
"""What the queries of a panel are called."""


def text(board: Board) -> str:
    """The file of a dashboard."""
    return json.dumps(built(board).build(), cls=JSONEncoder, indent=2, ensure_ascii=False) + "\n"


def built(board: Board) -> dashboard.Dashboard:
    """The SDK's builder of a dashboard, complete."""
    made = dashboard.Dashboard(board.title).uid(board.uid).description(board.description).tags([TAG, OVERVIEW])
    made = made.refresh(REFRESH).time(f"now-{board.hours}h", "now").timezone("browser").editable()
    made = made.tooltip(model.DashboardCursorSync.CROSSHAIR)
    links = dashboard.DashboardLink("AIM Engine").type(model.DashboardLinkType.DASHBOARDS).tags([OVERVIEW])
    made = made.link(links.keep_time(True).include_vars(True))
    made = made.with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    for one in board.variables:
        made = made.with_variable(variable(one))
    number = 0
    for row in board.rows:
        number += 1
        made = made.with_row(dashboard.Row(row.title).id(number))
        for one in row.panels:
            number += 1
            made = made.with_panel(panel(one, number).height(row.height).span(one.width))
    return made


def variable(one: Variable) -> dashboard.QueryVariable:
    """A variable with the values of a label."""
    query = {"query": f"label_values({one.series}, {one.name})", "refId": one.name}
    made = dashboard.QueryVariable(one.name).label(one.label).datasource(SOURCE).query(query)
    made = made.refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(model.VariableSort.ALPHABETICAL_ASC)
    if one.many:
        chosen = model.VariableOption(text=["All"], value=["$__all"])
        made = made.multi(True).include_all(True).all_value(".*").current(chosen)
    return made


def panel(one: Panel, number: int) -> Any:
    """The SDK's builder of a panel, without its place."""
    made = KINDS[one.kind](one).id(number).title(one.title).description(one.meaning).datasource(SOURCE).unit(one.unit)
    steps = [model.Threshold(value=None, color=GREEN), *(model.Threshold(value=at, color=to) for at, to in one.steps)]
    made = made.thresholds(dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps))
    for name, colour in one.colours:
        fixed = {"mode": "fixed", "fixedColor": colour}
        made = made.override_by_name(name, [model.DynamicConfigValue(id_val="color", value=fixed)])
    for place, query in enumerate(one.queries):
        target = prometheus.Dataquery().expr(query.expr).ref_id(LETTERS[place]).legend_format(query.legend)
        over_time = one.kind in {"lines", "stacked"}
        made = made.with_target(target.range() if over_time else table_format(one, target.instant()))
    for query in one.queries:
        if query.reference:
            made = made.override_by_name(query.legend, [*REFERENCE])
    if one.link and one.kind != "table":
        made = made.data_links([link(one.link, "__field.labels.")])
    return made if one.maximum is None else made.max(one.maximum)


def table_format(one: Panel, target: prometheus.Dataquery) -> prometheus.Dataquery:
    return target.format("table") if one.kind == "table" else target


def link(one: Link, labels: str) -> dashboard.DashboardLink:
    """A link to another dashboard; `labels` is where Grafana has the labels of what was clicked."""
    chosen = "".join(f"&var-{name}=${{{labels}{name}}}" for name in one.variables)
    return dashboard.DashboardLink("Show").url(f"/d/{one.uid}?${{datasource:queryparam}}{chosen}&${{__url_time_range}}")


def _reduced() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)


def _stat(one: Panel) -> stat.Panel:
    made = stat.Panel().reduce_options(_reduced()).graph_mode(shared.BigValueGraphMode.NONE)
    several = len(one.queries) > 1
    mode = "name" if one.kind == "names" else "value_and_name" if several else "value"
    made = made.text_mode(shared.BigValueTextMode(mode)).justify_mode(shared.BigValueJustifyMode.CENTER)
    return made.color_mode(shared.BigValueColorMode.VALUE).no_value("none")


def _lines(one: Panel) -> timeseries.Panel:
    shown = common.VizLegendOptions().show_legend(True).display_mode(shared.LegendDisplayMode.LIST)
    made = timeseries.Panel().legend(shown.placement(shared.LegendPlacement.BOTTOM).calcs(["lastNotNull"]))
    tooltip = common.VizTooltipOptions().mode(shared.TooltipDisplayMode.MULTI).sort(shared.SortOrder.DESCENDING)
    made = made.tooltip(tooltip).min(0).line_width(1).show_points(shared.VisibilityMode.NEVER)
    if one.steps:
        style = common.GraphThresholdsStyleConfig().mode(shared.GraphThresholdsStyleMode.DASHED)
        made = made.thresholds_style(style)
    return made.fill_opacity(10).span_nulls(False)


def _stacked(one: Panel) -> timeseries.Panel:
    return _lines(one).stacking(common.StackingConfig().mode(shared.StackingMode.NORMAL)).fill_opacity(60)


def _bars(_: Panel) -> bargauge.Panel:
    made = bargauge.Panel().reduce_options(_reduced()).orientation(shared.VizOrientation.HORIZONTAL)
    made = made.display_mode(shared.BarGaugeDisplayMode.BASIC).value_mode(shared.BarGaugeValueMode.TEXT)
    return made.min(0).no_value("none")


def _table(one: Panel) -> table.Panel:
    """A row for each set of labels; columns that are not named are left out."""
    made = table.Panel().show_header(True).no_value("none")
    several = len(one.queries) > 1
    values = [f"Value #{letter}" for letter in LETTERS[: len(one.queries)]] if several else ["Value"]
    titles = dict(one.columns) | {value: title for value, title in zip(values, one.values, strict=True) if title}
    if several:
        made = made.with_transformation(model.DataTransformerConfig(id_val="merge", options={}))
    kept = {"include": {"names": list(titles)}}
    made = made.with_transformation(model.DataTransformerConfig(id_val="filterFieldsByName", options=kept))
    order = {"indexByName": {name: place for place, name in enumerate(titles)}, "renameByName": titles}
    made = made.with_transformation(model.DataTransformerConfig(id_val="organize", options=order))
    if one.link:
        # After the columns were renamed, a row's fields have their titles.
        fields = {label: f'__data.fields["{title}"]' for label, title in one.columns}
        chosen = "".join(f"&var-{name}=${{{fields[name]}}}" for name in one.link.variables)
        url = f"/d/{one.link.uid}?${{datasource:queryparam}}{chosen}&${{__url_time_range}}"
        found = [{"title": "Show", "url": url}]
        last = dict(one.columns)[one.link.variables[-1]]
        made = made.override_by_name(last, [model.DynamicConfigValue(id_val="links", value=found)])
    numbers = [title for title in one.values if title]
    first = numbers[0] if numbers else one.columns[0][1]
    return made.sort_by([common.TableSortByFieldState().display_name(first).desc(bool(numbers))])


KINDS = {"stat": _stat, "names": _stat, "lines": _lines, "stacked": _stacked, "bars": _bars, "table": _table}
