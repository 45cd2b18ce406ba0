"""What every webhook of the tests has in common: an HTTP server on loopback, by hand and cheap."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Listener:
    """A webhook; what it does with a notice, and how it answers, is its heir's."""

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """Serve on loopback; give the URL."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        finally:
            server.close()

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """Take a notice; return the status to answer. Header names are in lower case."""
        raise NotImplementedError

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                pairs = (line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
                headers = {name.lower(): value for name, value in pairs}
                body = await reader.readexactly(int(headers["content-length"]))
                status = self.take(headers, body)
                writer.write(f"HTTP/1.1 {status} So\r\ncontent-length: 0\r\n\r\n".encode())
                await writer.drain()
        writer.close()
