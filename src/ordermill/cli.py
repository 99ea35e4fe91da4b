"""The commands. Each reads its words, calls one room and says what came of it.

Imports stay inside the commands: `ordermill --help` answers without loading a database driver.
"""

from __future__ import annotations

import os
import sys
from datetime import date, datetime
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from ordermill.errors import ConfigError, CredentialsRefused, OrdermillError


class Exit(IntEnum):
    """The exit codes of every command."""

    OK = 0
    FAILED = 1  # something failed or was found
    CONFIGURATION = 2
    CREDENTIALS = 3  # a shop refused them


app = typer.Typer(
    help="Orders out of web shops, kept exactly, invoiced to the cent.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
)
database_commands = typer.Typer(help="The database's schema.", no_args_is_help=True)
app.add_typer(database_commands, name="db")
key_commands = typer.Typer(help="Keys of the Orders API, kept hashed.", no_args_is_help=True)
app.add_typer(key_commands, name="keys")
webhook_commands = typer.Typer(help="The shops' webhooks to us.", no_args_is_help=True)
app.add_typer(webhook_commands, name="webhooks")

Config = Annotated[
    Path,
    typer.Option(
        "-c", "--config", envvar="ORDERMILL_CONFIG", help="The YAML file.", metavar="FILE"
    ),
]
DEFAULT = Path("config/ordermill.yaml")
EARLIEST, LATEST = date(1970, 1, 1), date(2999, 12, 31)  # as import_from


def main() -> None:
    """The entry point: errors raised on purpose become one text and an exit code."""
    try:
        app(standalone_mode=True)
    except ConfigError as error:
        leave(str(error), Exit.CONFIGURATION)
    except CredentialsRefused as error:
        leave(str(error), Exit.CREDENTIALS)
    except OrdermillError as error:
        leave(str(error), Exit.FAILED)


def leave_at_once() -> NoReturn:
    """End without the threads that a shop keeps waiting: the interpreter would wait for each of
    them, half a minute at most. What they hold in the store is a lease, which ends by itself."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def leave(message: str, code: Exit) -> NoReturn:
    typer.echo(message, err=True)
    sys.exit(int(code))


@app.command()
def run(config: Config = DEFAULT) -> None:
    """Run the daemon until SIGTERM or SIGINT; SIGHUP reads the YAML again."""
    from ordermill import logs
    from ordermill.daemon import Daemon, read_settings, run_with_signals

    logs.configure()
    daemon = Daemon(config, read_settings(config))
    run_with_signals(daemon)
    if not daemon.finished:
        leave_at_once()


@app.command()
def demo(
    seed: Annotated[int, typer.Option(help="The same seed lives the same life.")] = 1,
    duration: Annotated[
        float | None, typer.Option(min=0, help="Seconds; for ever if left out.")
    ] = None,
    speed: Annotated[float, typer.Option(min=0.01, help="How fast the shops live.")] = 1.0,
) -> None:
    """Two simulated shops over real HTTP and a daemon on a throw-away store: watch it work."""
    from ordermill.commands.demo import run_demo

    run_demo(seed=seed, duration=duration, speed=speed)


@app.command()
def sync(
    integrations: Annotated[list[str] | None, typer.Argument(help="Default: all.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing; print what would be issued.")
    ] = False,
    config: Config = DEFAULT,
) -> None:
    """One pass over the named integrations, then exit."""
    from ordermill import logs

    logs.configure()
    if dry_run:
        from ordermill.commands.rehearse import rehearse

        sys.exit(rehearse(config, integrations or []))
    from ordermill.commands.sync import sync_once

    sys.exit(sync_once(config, integrations or []))


@app.command()
def backfill(
    integration: str,
    since: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")],
    until: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day.")
    ] = None,
    config: Config = DEFAULT,
) -> None:
    """Read history by day of creation; after a kill the same command goes on where it was."""
    from ordermill import logs
    from ordermill.commands.sync import backfill_once

    first, last = since.date(), until.date() if until else None
    for given in (first, last or first):
        if not EARLIEST <= given <= LATEST:
            raise typer.BadParameter(f"a day is from {EARLIEST} to {LATEST}")
    if last is not None and last < first:
        raise typer.BadParameter("--to is before --from")
    logs.configure()
    sys.exit(backfill_once(config, integration, first, last))


@app.command()
def reconcile(
    integrations: Annotated[list[str] | None, typer.Argument(help="Default: all.")] = None,
    config: Config = DEFAULT,
) -> None:
    """Compare every order of the sweep's window with the shop, repair, and report by days."""
    from ordermill import logs
    from ordermill.commands.reconcile import reconcile_once

    logs.configure()
    sys.exit(reconcile_once(config, integrations or []))


@app.command()
def check(
    files: Annotated[list[Path] | None, typer.Argument(help="Default: -c.")] = None,
    offline: Annotated[bool, typer.Option(help="Only the files, no shop is asked.")] = False,
    config: Config = DEFAULT,
) -> None:
    """Validate the YAML, all errors at once; then ask each shop once."""
    from ordermill.commands.check import check_files

    sys.exit(check_files(files or [config], offline=offline))


@app.command()
def schema(config: Config = DEFAULT) -> None:
    """Print the JSON Schema of the YAML; it is the same for every file."""
    import json

    from ordermill.daemon import options_by_source
    from ordermill.settings import json_schema

    typer.echo(json.dumps(json_schema(options_by_source()), indent=2, ensure_ascii=False))


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="As GET /status gives it.")] = False,
    config: Config = DEFAULT,
) -> None:
    """A line per integration: freshness, lag, counts, next run, last error."""
    from ordermill.commands.status import print_status

    print_status(config, as_json=as_json)


@app.command()
def replay(
    order: Annotated[
        str | None, typer.Argument(help="An id, HANDLE/source_id or number. Default: all.")
    ] = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Those that failed or could not be read.")
    ] = False,
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Those stored since then, UTC."
        ),
    ] = None,
    config: Config = DEFAULT,
) -> None:
    """Read the stored payloads anew and store what differs; no shop is asked."""
    from ordermill import logs
    from ordermill.commands.replay import replay_orders

    if sum((order is not None, failed, since is not None)) > 1:
        raise typer.BadParameter("name an order, --failed or --since, one of them")
    logs.configure()
    sys.exit(replay_orders(config, order, failed=failed, since=since))


@app.command()
def explain(
    order: Annotated[str, typer.Argument(help="An id, HANDLE/source_id or number.")],
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
    config: Config = DEFAULT,
) -> None:
    """Everything that ever happened to one order, in order, and what comes next."""
    from ordermill.commands.explain import explain_order

    explain_order(config, order, as_json=as_json)


@app.command()
def verify(config: Config = DEFAULT) -> None:
    """Prove the books: numbers, dates, arithmetic, chains, money; exit 1 and a list if not."""
    from ordermill.commands.verify import verify_books

    sys.exit(verify_books(config))


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="Where the copy goes; it must not exist.")],
    config: Config = DEFAULT,
) -> None:
    """A consistent copy of a live SQLite file."""
    from ordermill.commands.backup import write_backup

    sys.exit(write_backup(config, file))


@app.command()
def restore(
    file: Annotated[Path | None, typer.Argument(help="A copy that `backup` wrote.")] = None,
    skip_numbers: Annotated[
        int | None,
        typer.Option(min=0, help="Numbers to pass over, where later documents are unknown."),
    ] = None,
    despite_findings: Annotated[
        bool, typer.Option("--despite-findings", help="Also if its books do not hold.")
    ] = False,
    mark: Annotated[
        bool, typer.Option("--mark", help="A backup was put back by other means (pg_restore).")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Let billing go on after a restore.")
    ] = False,
    config: Config = DEFAULT,
) -> None:
    """Put a backup back, with verification; nothing issued is issued again."""
    from ordermill.commands import backup as room

    if sum((file is not None, mark, resume)) != 1:
        raise typer.BadParameter("name a file, --mark or --resume, one of them")
    if file is not None:
        code = room.restore(config, file, skip=skip_numbers, despite_findings=despite_findings)
    else:
        code = room.resume(config) if resume else room.mark(config, skip=skip_numbers)
    sys.exit(code)


@app.command()
def erase(
    whom: Annotated[str, typer.Argument(help="An e-mail address, or an order by any name.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; else it is only counted.")] = False,
    config: Config = DEFAULT,
) -> None:
    """Erase a buyer's personal data from everything but the documents issued to them."""
    from ordermill.commands.erase import erase_person

    sys.exit(erase_person(config, whom, really=yes))


@app.command()
def connectors(config: Config = DEFAULT) -> None:
    """The installed connectors; they are the same for every file."""
    from ordermill.connector.registry import installed

    for source, plugin in installed().items():
        typer.echo(f"{source}\t{plugin.connect.__module__}")


@database_commands.command("upgrade")
def database_upgrade(config: Config = DEFAULT) -> None:
    """Bring the schema to this version; harmless when it is there already."""
    from ordermill.daemon import open_database, read_settings

    open_database(read_settings(config), upgrade=True).close()
    typer.echo("the database is up to date")


@database_commands.command("check")
def database_check(config: Config = DEFAULT) -> None:
    """Exit 1 if the schema is not this version's."""
    from ordermill.daemon import open_database, read_settings

    open_database(read_settings(config), upgrade=False).close()
    typer.echo("the database is up to date")


@key_commands.command("create")
def keys_create(
    name: str,
    scope: Annotated[
        Literal["read", "write", "admin"], typer.Option(help="What it may do.", prompt=False)
    ],
    entity: Annotated[
        list[str] | None, typer.Option(help="A handle, once for each. Default: all.")
    ] = None,
    expires_in: Annotated[
        str | None, typer.Option(help="How long it works: 90d, 12h. Default: until revoked.")
    ] = None,
    config: Config = DEFAULT,
) -> None:
    """Make a key of the Orders API and print it, this once."""
    from ordermill.commands.keys import create_key

    create_key(config, name, scope, entity or [], expires_in)


@key_commands.command("list")
def keys_list(config: Config = DEFAULT) -> None:
    """The keys kept in the database, revoked ones too; never a key itself."""
    from ordermill.commands.keys import list_keys

    list_keys(config)


@key_commands.command("revoke")
def keys_revoke(
    prefix: Annotated[str, typer.Argument(help="As `keys list` shows it.")],
    config: Config = DEFAULT,
) -> None:
    """End a key; within a second it is refused."""
    from ordermill.commands.keys import revoke_key

    revoke_key(config, prefix)


@webhook_commands.command("list")
def webhooks_list(
    integrations: Annotated[list[str] | None, typer.Argument(help="Default: all.")] = None,
    config: Config = DEFAULT,
) -> None:
    """Which webhooks each shop keeps for us, and whether they deliver."""
    from ordermill.commands.webhooks import list_webhooks

    sys.exit(list_webhooks(config, integrations or []))


@webhook_commands.command("create")
def webhooks_create(
    integrations: Annotated[list[str] | None, typer.Argument(help="Default: all.")] = None,
    config: Config = DEFAULT,
) -> None:
    """Make the webhooks that are missing, where the credentials allow it."""
    from ordermill.commands.webhooks import create_webhooks

    sys.exit(create_webhooks(config, integrations or []))
