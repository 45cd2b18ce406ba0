"""The command line itself: its options, and how it ends."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from appliance import __version__
from appliance.cli.ends import TABLE, end_of
from appliance.config.reading import DEFAULT_PATH, Config
from appliance.errors import ApplianceError

cli = typer.Typer(
    name="appliance",
    epilog=TABLE,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        dir_okay=False,
        help=f"The configuration; without it {DEFAULT_PATH}, if there is one.",
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIRECTORY",
        file_okay=False,
        help="Where everything is kept, whatever the configuration says.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@cli.callback()
def appliance(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """A self-hosted SMS gateway."""  # noqa: D401 - it stands in --help


class Listing(TyperGroup):
    """A group that shows its list where no command is named; ``list`` may be said all the same."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer's own
        """Take the arguments behind the group's name."""
        return super().parse_args(ctx, args[1:] if args[:1] == ["list"] else args)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command (None: that of the process); an error of ours ends it with its sentence.

    Raises:
        SystemExit: always, with the exit code.

    """
    try:
        cli(args=arguments, prog_name="appliance")
    except ApplianceError as error:
        typer.echo(error, err=True)
        raise SystemExit(end_of(error)) from None


def load(path: Path | None, data: Path | None, text: str | None = None) -> Config:
    """Return the configuration, with another data directory if one is named.

    ``text`` is what is in the file, if that is known.

    Raises:
        BadConfig: it cannot be used.

    """
    config = Config.load(path, text)
    if data is None:
        return config
    storage = config.storage.model_copy(update={"data": data.absolute()})
    return config.model_copy(update={"storage": storage})
