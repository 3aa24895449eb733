"""`outrider demo`: starts Outrider on an embedded store and a TLS receiver, and sends one of everything."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.live import Live

from outrider.api.lifetime import Waits
from outrider.cli import serve
from outrider.cli.client import Client
from outrider.cli.demo import certificates, scenario
from outrider.cli.demo.report import Expected, Seen, print_report, table
from outrider.config import Config
from outrider.observe import log
from outrider.wiring import build

PATIENCE_S = 60.0
SCHEDULE_MS = (300, 600, 1_200, 2_400)  # shortened, so that the failing receiver recovers while you watch


@click.command()
@click.option("--once", is_flag=True, help="Print the report and exit: 0 only if all arrived and verified.")
@click.option("--port", default=0, help="Port of Outrider's API; any free one when 0.")
def demo(once: bool, port: int) -> None:
    """Send one of every event to a local TLS receiver and show each arriving, verified."""
    log.set_up("ERROR")
    with tempfile.TemporaryDirectory(prefix="outrider-demo-") as folder:
        good = asyncio.run(_demo(Path(folder), once, port))
    sys.exit(0 if good else 1)


async def _demo(folder: Path, once: bool, port: int) -> bool:
    console = Console()
    ca_file, certificate = certificates.make(folder)
    config = Config(
        store=f"sqlite:///{folder / 'outrider.db'}",
        port=port,
        egress_allow="127.0.0.0/8,::1/128",
        egress_ca_file=str(ca_file),
        retry_schedule_ms=SCHEDULE_MS,
    )
    listener = serve.listen(config)
    outrider = await build(config)
    waits = Waits()
    server = serve.Server(serve.uvicorn_config(outrider, config, waits), outrider, waits)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    console.print(f"Outrider listens on {url}, its store is {folder / 'outrider.db'}")
    first = outrider.first
    if first is None:
        raise click.ClickException("the demo's store is not new")
    try:
        good = await _play(console, Client(url, first.api_key, first.api_secret), certificate)
        if not once:
            console.print(f"\nStill serving: {url}/v2/manage/deliveries?apikey=…&apisecret=…  Ctrl-C ends it.")
            console.print(f"  apikey    {first.api_key}\n  apisecret {first.api_secret}")
            await serving
    finally:
        server.should_exit = True
        await serving
    return good


async def _play(console: Console, client: Client, certificate: Path) -> bool:
    """Configure, send, watch, report."""
    secret = await asyncio.to_thread(scenario.create_secret, client)
    receiver, port = await _start_receiver(certificate, secret)
    seen = Seen()
    listening = asyncio.create_task(_listen(receiver, seen))
    try:
        await asyncio.to_thread(scenario.create_webhooks, client, port)
        samples = await asyncio.to_thread(scenario.send_samples, client)
        deletion, *children = await asyncio.to_thread(scenario.send_deletion, client)
        await asyncio.to_thread(scenario.rotate_spare_secret, client)
        expected = Expected(samples, deletion)
        await _watch(console, expected, seen)
        absorbed = [await asyncio.to_thread(client.call, "GET", f"/v2/manage/events/{e}") for e in children]
        return print_report(console, expected, seen, [event for event in absorbed if event["Skipped"]])
    finally:
        listening.cancel()
        if receiver.stdin is not None:
            receiver.stdin.close()
        await receiver.wait()


async def _start_receiver(certificate: Path, secret: str) -> tuple[asyncio.subprocess.Process, int]:
    """The receiver's process and its port."""
    receiver = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "outrider.cli.demo.receiver",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=dict(os.environ),
    )
    assert receiver.stdin is not None  # noqa: S101 - asked for above
    assert receiver.stdout is not None  # noqa: S101 - asked for above
    settings = {"certificate": str(certificate), "secret": secret, "lanes": scenario.LANES}
    receiver.stdin.write(json.dumps(settings).encode() + b"\n")
    await receiver.stdin.drain()
    return receiver, json.loads(await receiver.stdout.readline())["port"]


async def _listen(receiver: asyncio.subprocess.Process, seen: Seen) -> None:
    assert receiver.stdout is not None  # noqa: S101 - asked for at its start
    async for line in receiver.stdout:
        report: dict[str, Any] = json.loads(line)
        seen.note(report)


async def _watch(console: Console, expected: Expected, seen: Seen) -> None:
    """The live table until all is there or patience ends."""
    started = time.monotonic()
    with Live(console=console, refresh_per_second=10) as live:
        while (elapsed := time.monotonic() - started) < PATIENCE_S:
            live.update(table(seen, elapsed))
            if expected.complete(seen):
                return
            await asyncio.sleep(0.05)
