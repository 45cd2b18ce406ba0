"""An application behind Kannel: bearerbox binds, smsbox takes HTTP and cuts long texts.

Receipts and inbound messages come back by HTTP, to what is given as dlr-url and get-url. Kannel
compares a receipt's id with that of the submit_sm_resp itself: one that does not match is lost.
"""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import urlopen

from scripts.children import end_with_parent
from tests.box import free_port
from tests.esmes.app import SOURCE, field, orders, place, say

DELIVERED, ACCEPTED = 1, 8  # bits of dlr-mask, and what %d says

CONFIG = """
group = core
admin-port = {admin}
admin-password = word
admin-allow-ip = 127.0.0.1
smsbox-port = {smsbox}
box-allow-ip = 127.0.0.1
log-file = {folder}/bearerbox.log
log-level = 0
dlr-storage = internal

group = smsc
smsc = smpp
smsc-id = us
host = {host}
port = {port}
transceiver-mode = true
smsc-username = {system_id}
smsc-password = {password}
system-type = ""
interface-version = 34

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
log-file = {folder}/smsbox.log
log-level = 0

group = sendsms-user
username = app
password = word
max-messages = 10
concatenation = true

group = sms-service
keyword = default
catch-all = true
max-messages = 0
get-url = "http://127.0.0.1:{app}/inbound?from=%p&text=%b&charset=%C"
"""


class Boxes:
    """bearerbox and smsbox, with their files in a folder of their own."""

    def __init__(self, folder: Path, app: int) -> None:
        self.ports = {name: free_port() for name in ("admin", "smsbox", "sendsms")}
        self.folder = folder
        self.config = folder / "kannel.conf"
        self.config.write_text(
            CONFIG.format(folder=folder, app=app, **self.ports, **place()._asdict())
        )
        self.running = []

    async def start(self, name: str) -> None:
        path = os.pathsep.join((os.environ["PATH"], "/usr/sbin"))
        process = await asyncio.create_subprocess_exec(
            shutil.which(name, path=path) or name,
            *("-v", "4", str(self.config)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            preexec_fn=end_with_parent,
        )
        self.running.append(process)

    async def until(self, port: str, path: str, what: str) -> None:
        """Wait until a box says so by HTTP."""
        while True:
            try:
                if what in await self.get(port, path):
                    return
            except OSError:
                pass
            await asyncio.sleep(0.05)

    async def get(self, port: str, path: str) -> str:
        url = f"http://127.0.0.1:{self.ports[port]}/{path}"
        return await asyncio.to_thread(fetch, url)

    async def stop(self) -> None:
        for process in reversed(self.running):
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            await process.wait()


def fetch(url: str) -> str:
    with urlopen(url, timeout=10) as answer:
        return answer.read().decode()


class App:
    """What is behind Kannel. Of a long text's parts, Kannel tells of one."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1]
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()
        url = urlsplit(target.decode())
        query = parse_qs(url.query, encoding="latin-1")
        facts = {name: values[0] for name, values in query.items()}
        getattr(self, url.path.strip("/"))(facts)

    def inbound(self, facts) -> None:
        text = facts["text"].encode("latin-1").decode(facts["charset"])
        say("inbound", text=text, **{"from": facts["from"].removeprefix("+")})

    def dlr(self, facts) -> None:
        if int(facts["state"]) == ACCEPTED:
            say("submitted", form=facts["form"], ids=[facts["id"]])
        else:
            say("receipt", id=facts["id"], stat=field(facts["text"], "stat"))


async def main():
    app = App()
    listening = await asyncio.start_server(app.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        boxes = Boxes(Path(folder), port)
        try:
            await boxes.start("bearerbox")
            await boxes.until("admin", "status.txt", "online")
            await boxes.start("smsbox")
            await boxes.until("admin", "status.txt", "smsbox:")
            say("bound")
            async for order in orders():
                if order["do"] == "submit":
                    await submit(boxes, port, order)
        finally:
            await boxes.stop()
            print((boxes.folder / "bearerbox.log").read_text("latin-1"), file=sys.stderr)
    say("unbound")
    listening.close()


async def submit(boxes: Boxes, port: int, order) -> None:
    told = f"http://127.0.0.1:{port}/dlr?form={order['form']}&state=%d&id=%F&text=%A"
    wish = {
        "username": "app",
        "password": "word",
        "from": SOURCE,
        "to": f"+{order['to']}",
        "text": order["text"],
        "charset": "UTF-8",
        "coding": "2" if order["form"] == "ucs2" else "0",
        "dlr-mask": DELIVERED | ACCEPTED,
        "dlr-url": told,
    }
    await boxes.get("sendsms", f"cgi-bin/sendsms?{urlencode(wish)}")


sys.exit(asyncio.run(main()))
