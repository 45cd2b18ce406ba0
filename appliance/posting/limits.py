"""How long, how much and how many: what a receiver may ask of us."""

from typing import Final

CONNECT: Final = 5.0
"""Seconds until there is a connection, with TLS where it is used."""

ANSWER: Final = 15.0
"""Seconds until the status of the answer is there. Standard Webhooks advise 15 to 30."""

LONGEST_BODY: Final = 2.0
"""Seconds for which the body of an answer is read, which nobody looks at."""

LARGEST_BODY: Final = 16 * 1024
"""Octets of it, so that its connection can serve the next notice."""

CONNECTIONS: Final = 100
"""Connections at once, to all receivers together."""

IDLE_CONNECTIONS: Final = 20
"""Connections kept open for what comes next."""

IDLE: Final = 60.0
"""Seconds for which one is kept."""

HEADERS: Final = {
    "Content-Type": "application/json",
    "User-Agent": "appliance",
    "Accept": "*/*",
    "Accept-Encoding": "identity",
}
"""What each request says besides its signature."""
