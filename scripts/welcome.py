"""What is said once everything answers: to people, and with --json to scripts."""

import json
import shlex
from dataclasses import dataclass
from typing import Final

from scripts.local import Credentials
from scripts.place import ROOT, Place, reachable

SIMULATED_RECIPIENT: Final = (
    "+4915228817386"  # a number kept free for films; the bank answers for it
)

REAL_RECIPIENT: Final = "+YOUR_NUMBER"

READY: Final = """
The appliance is ready.{note}

  Page       {url}
  API docs   {url}/docs
  SMPP       {smpp}
  Data       {data}
"""

ACCOUNT: Final = """
The first account, "{name}" (this is shown only once):

  API key    {api_key}
  SMPP       system_id {system_id}, password {password}

Send a message by REST:

curl -X POST {url}/v1/messages \\
  -H 'Authorization: Bearer {api_key}' -H 'Content-Type: application/json' \\
  -d '{{"to": "{recipient}", "text": "Hello by REST"}}'
"""

SMPPLIB: Final = """
Send a message by SMPP and wait for its receipt:

{python} - <<'EOF'
import smpplib.client

receipts = []
client = smpplib.client.Client("{host}", {port}, allow_unknown_opt_params=True)
client.set_message_sent_handler(lambda pdu: print("message", pdu.message_id.decode()))
client.set_message_received_handler(lambda pdu: receipts.append(pdu))
client.connect()
client.bind_transceiver(system_id="{system_id}", password="{password}")
client.send_message(
    destination_addr="{digits}", dest_addr_ton=1, dest_addr_npi=1,
    short_message=b"Hello by SMPP", registered_delivery=1,
)
while not receipts:
    client.read_once()
print(receipts[0].short_message.decode())
client.unbind()
client.disconnect()
EOF
"""

END: Final = """
New credentials:  {command} account add NAME
To stop:          Ctrl-C
"""

SIMULATED: Final = (
    "\nIts modems are simulated: no message leaves this machine, every phone is pretended."
)

YOUR_NUMBER: Final = (
    f"\nPut a phone of yours in the place of {REAL_RECIPIENT}: real messages are sent.\n"
)


@dataclass(frozen=True, slots=True)
class Welcome:
    """Where everything is. ``credentials`` is None where an account was there before."""

    place: Place
    credentials: Credentials | None
    simulated: bool

    def as_json(self) -> str:
        """Return one line for scripts; null for what only the first start can tell."""
        known = self.credentials
        smpp = None
        if self.place.smpp is not None:
            host, port = reachable(self.place.smpp)
            secrets = {
                "system_id": known and known.system_id,
                "password": known and known.password,
            }
            smpp = {"host": host, "port": port, **secrets}
        return json.dumps(
            {
                "url": self.place.url,
                "docs_url": f"{self.place.url}/docs",
                "api_key": known and known.api_key,
                "smpp": smpp,
                "data": str(self.place.data),
            }
        )

    def as_text(self) -> str:
        """Return what people read; the snippets work when pasted into a shell."""
        smpp = self.place.smpp and "{}:{}".format(*reachable(self.place.smpp))
        return "".join(
            [
                READY.format(
                    note=SIMULATED if self.simulated else "",
                    url=self.place.url,
                    smpp=smpp or "off",
                    data=self.place.data,
                ),
                *self._account(),
                END.format(command=self._command()),
            ]
        )

    def _account(self) -> list[str]:
        """Return the paragraphs that hold secrets."""
        known = self.credentials
        if known is None:
            return []
        recipient = SIMULATED_RECIPIENT if self.simulated else REAL_RECIPIENT
        facts = {
            "name": known.name,
            "api_key": known.api_key,
            "system_id": known.system_id,
            "password": known.password,
            "url": self.place.url,
            "recipient": recipient,
            "digits": recipient.removeprefix("+"),
            "python": shlex.quote(str(ROOT / ".venv/bin/python")),
        }
        paragraphs = [ACCOUNT.format(**facts)]
        if self.place.smpp is not None and known.system_id is not None:
            host, port = reachable(self.place.smpp)
            paragraphs.append(SMPPLIB.format(**facts, host=host, port=port))
        return paragraphs if self.simulated else [*paragraphs, YOUR_NUMBER]

    def _command(self) -> str:
        """Return how to call the command line; it looks into the checkout's data by itself."""
        command = shlex.quote(str(ROOT / ".venv/bin/appliance"))
        if self.place.data == ROOT / "data":
            return command
        return f"APPLIANCE_STORAGE__DATA={shlex.quote(str(self.place.data))} {command}"
