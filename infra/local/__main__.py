"""`python -m infra.local <command>`: see `--help`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from infra.local import build, slack, telegram
from infra.local.errors import StageFailed
from infra.local.net import LOOPBACK

BOOTSTRAPS = "directory of built functions; without it, cargo builds them"


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m infra.local", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)

    up = commands.add_parser("up", help="start everything, print one JSON line, stay until stdin closes or a signal comes")
    up.add_argument("--bootstraps", type=Path, metavar="DIR", help=BOOTSTRAPS)
    up.add_argument("--without", default="", help="parts to leave out, of: target,telegram,slack,witness,board")
    up.add_argument("--param", action="append", default=[], metavar="KEY=VALUE", help="template parameter; by itself, storms are off here")
    up.add_argument("--own-ssh-host", type=Path, help="use this SSH server instead of the system's sshd")
    up.add_argument("--bind", default=LOOPBACK, help="address of emulator and chat; containers can reach that of Docker's bridge")
    up.add_argument("--chat-limits", action="store_true", help="the chat takes no more than a group of the real Telegram does")
    up.add_argument("--stacks", type=int, default=1, metavar="N", help="with --run: so many stacks, for so many stories at once")
    up.add_argument("--run", nargs=argparse.REMAINDER, default=[], metavar="COMMAND", help="run this beside the stack, and end with it")
    up.add_argument("--keep", action="store_true", help="keep the run's directory, with the functions' logs in it")

    demo = commands.add_parser("demo", help="one alert from Alertmanager to a verified repair")
    functions = demo.add_mutually_exclusive_group()
    functions.add_argument("--bootstraps", type=Path, metavar="DIR", help=BOOTSTRAPS)
    functions.add_argument("--dist", type=Path, metavar="DIR", help="deploy this unpacked release, as it was released")
    functions.add_argument("--sam-build", action="store_true", help="build the functions with `sam build`, and deploy with `sam deploy`")
    demo.add_argument("--once", action="store_true", help="end after the story instead of leaving the stack up")

    chat = commands.add_parser("telegram", help="the Telegram stand-in alone")
    chat.add_argument("--token-file", type=Path, required=True)
    chat.add_argument("--chat-id", type=int, action="append", required=True)
    chat.add_argument("--bind", default=LOOPBACK)
    chat.add_argument("--port", type=int, default=0)
    chat.add_argument("--rates", action="store_true", help="refuse what the real service would: more than it lets a bot write")

    channel = commands.add_parser("slack", help="the Slack stand-in alone")
    channel.add_argument("--secrets-file", type=Path, required=True, help="JSON with token and signing_secret")
    channel.add_argument("--channel-id", action="append", required=True)
    channel.add_argument("--user-id", action="append", required=True)
    channel.add_argument("--bind", default=LOOPBACK)
    channel.add_argument("--port", type=int, default=0)

    commands.add_parser("sam-image", help="a stand-in for Lambda's base image, where none can be pulled")

    boxes = commands.add_parser("ssm-boxes", help="instances that Run Command reaches, as containers")
    boxes.add_argument("--endpoint", required=True, help="where the emulator answers")
    boxes.add_argument("--allow", type=Path, required=True, help="what becomes their /etc/quell/allowed")
    boxes.add_argument("--tag", action="append", default=[], metavar="NAME=VALUE")
    boxes.add_argument("--count", type=int, default=1)

    price = commands.add_parser("price", help="what an incident and an idle month cost, from the requests of the local stack")
    price.add_argument("--bootstraps", type=Path, metavar="DIR", help=BOOTSTRAPS)

    crowd = commands.add_parser("crowd", help="what a look at the board asks for and takes with thousands of open incidents")
    crowd.add_argument("--bootstraps", type=Path, metavar="DIR", help=BOOTSTRAPS)
    crowd.add_argument("--incidents", type=int, default=10_000, metavar="N", help="how many are open")
    crowd.add_argument("--browser", type=Path, metavar="PYTHON", help="with infra/local/requirements-browser.txt: look with Chromium too")

    grants = commands.add_parser("grants", help="the grants of roles that no request of the stories needed")
    grants.add_argument("file", type=Path, help="what QUELL_GRANTS named while they ran")
    grants.add_argument("--table", action="store_true", help="print the table for docs/security.md instead")

    replay = commands.add_parser("replay", help="the recorded requests to DynamoDB against another implementation of it")
    replay.add_argument("file", type=Path, help="the directory that QUELL_DYNAMODB_RECORD named while the stories ran, or a file of examples")
    replay.add_argument("--against", choices=["moto", "dynalite"], required=True)

    examples = commands.add_parser("examples", help="one example of each kind of request in a recording")
    examples.add_argument("recording", type=Path, help="the directory that QUELL_DYNAMODB_RECORD named while the stories ran")
    examples.add_argument("file", type=Path, help="the file to write")

    history = commands.add_parser("history", help="a history of many alerts for `quell backtest`, on the standard output")
    history.add_argument("--alerts", type=int, default=1_000_000, metavar="N", help="how many alerts are delivered")
    return top


def main() -> int:
    given = parser().parse_args()
    # Everything talks to this machine; a proxy of the user's must not stand in between.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = f"{LOOPBACK},localhost,{getattr(given, 'bind', LOOPBACK)}"
    if given.command == "telegram":
        telegram.serve(given.token_file.read_text().strip(), set(given.chat_id), given.bind, given.port, given.rates)
        return 0
    if given.command == "slack":
        both = json.loads(given.secrets_file.read_text())
        slack.serve(both["token"], both["signing_secret"], given.channel_id, set(given.user_id), given.bind, given.port)
        return 0
    if given.command == "sam-image":
        from infra.local import sam_image

        return sam_image.make()
    if given.command == "ssm-boxes":
        from infra.local import ssm_boxes

        return ssm_boxes.make(given.endpoint, given.allow, given.tag, given.count)
    if given.command == "grants":
        from infra.local import grants

        return grants.check(given.file, given.table)
    if given.command == "replay":
        from infra.local.replay import run

        return run.run(given.file, given.against)
    if given.command == "examples":
        from infra.local.replay import examples

        return examples.write(given.recording, given.file)
    if given.command == "history":
        from infra.local import history

        return history.run(given.alerts)
    if given.bootstraps and (problem := build.missing(given.bootstraps)):
        sys.exit(problem)
    if getattr(given, "dist", None) and (problem := build.unusable(given.dist)):
        sys.exit(problem)
    if given.command == "up":
        from infra.local import up

        return up.run(given)
    if given.command == "price":
        from infra.local import price

        return price.run(given.bootstraps)
    if given.command == "crowd":
        from infra.local import crowd

        return crowd.run(given.bootstraps, given.incidents, given.browser)
    from infra.local import demo

    return demo.run(demo.Functions(given.bootstraps, given.dist, given.sam_build), given.once)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except StageFailed as failure:
        sys.exit(str(failure))
