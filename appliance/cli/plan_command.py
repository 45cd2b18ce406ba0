"""The command that tells when so many messages would have left."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from appliance.api.plan import PlanAnswer, PlanRequest
from appliance.cli import output
from appliance.cli.app import AsJson, ConfigFile, Data, cli, load
from appliance.cli.daemon_socket import ask
from appliance.cli.ends import DaemonAway
from appliance.clock import SystemClock
from appliance.config.reading import Config
from appliance.dispatch.site_rules import site_rules
from appliance.planning import place_and_share, plan_by_settings
from appliance.policy.categories import Category

UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def _places(values: list[str] | None) -> list[str] | None:
    for value in values or ():
        try:
            place_and_share(value)
        except ValueError as error:
            raise typer.BadParameter(f"{value}: {error}") from None
    return values


Start = Annotated[
    datetime | None,
    typer.Option(
        "--from",
        formats=["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d"],
        help="When they are handed in, in the site's time; without it now.",
    ),
]
To = Annotated[
    list[str] | None,
    typer.Option(
        "--to",
        "--country",
        metavar="DE[:SHARE]",
        callback=_places,
        help="Where they go: a country, or a number; several with their shares.",
    ),
]


@cli.command()
def plan(
    *,
    messages: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many.")],
    parts: Annotated[int, typer.Option(min=1, max=255, help="Of each message.")] = 1,
    category: Annotated[Category, typer.Option()] = Category.TRANSACTIONAL,
    account: Annotated[str | None, typer.Option(help="Whose they are.")] = None,
    start: Start = None,
    to: To = None,
    validity_hours: Annotated[
        float | None, typer.Option(min=0.01, max=10_584, help="How long each may wait.")
    ] = None,
    config: ConfigFile = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Tell when so many messages would have left, and what holds them up. Sends nothing."""
    loaded = load(config, data)
    given = {"messages": messages, "parts": parts, "category": category, "account": account}
    if start is not None:
        given["start"] = start.replace(tzinfo=loaded.site.zone).astimezone(UTC).isoformat()
    if validity_hours is not None:
        given["validity_seconds"] = round(validity_hours * 3600)
    found = _asked(loaded, PlanRequest.model_validate(given | {"to": to or []}))
    if json:
        output.as_json(found)
    else:
        _show(loaded, found)


def _asked(config: Config, wanted: PlanRequest) -> dict[str, Any]:
    """Return the daemon's forecast; where none runs, one by the configuration alone."""
    body = wanted.model_dump(mode="json")
    try:
        answer: dict[str, Any] = ask(config.socket_path, "POST", "/local/plan", body=body, wait=600)
    except DaemonAway:
        wish = wanted.wish(wanted.account or "", 0)
        made = plan_by_settings(config, site_rules(config), wish, SystemClock().now())
        answer = PlanAnswer.of(made).model_dump(mode="json")
    return answer


def _show(config: Config, found: dict[str, Any]) -> None:
    typer.echo(found["says"])
    typer.echo()
    output.table(
        ("SIM", "PARTS", "SENDS", "HELD", "BY", "IDLE", "S/PART", "COST", "LAST PART"),
        [
            (
                one["sim"],
                one["parts"],
                _span(one["busy_seconds"]),
                _span(sum(one["held_seconds"].values())),
                max(one["held_seconds"], key=one["held_seconds"].get, default=""),
                _span(one["idle_seconds"]),
                f"{one['seconds_per_part']:.3g}",
                f"{one['cost']:g}",
                output.local(one["last_part_at"], config.site.zone),
            )
            for one in found["sims"]
        ],
        "There is no SIM.",
    )
    typer.echo()
    if found["bottleneck"]:
        typer.echo(f"Bottleneck: {found['bottleneck']['says']}")
    for line in (*found["advice"], *found["notes"]):
        output.words(line)


def _span(seconds: float) -> str:
    """Return a length of time in its two largest units, such as ``2 d 5 h``."""
    left, said = timedelta(seconds=round(seconds)) // timedelta(seconds=1), []
    for name, length in UNITS:
        many, left = divmod(left, length)
        if many:
            said.append(f"{many} {name}")
    return " ".join(said[:2]) or "-"
