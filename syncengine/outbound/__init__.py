"""The one way out: every outgoing byte of every package goes through a Session.

targets      what a URL may look like, and which ports and allow-listed places there are
addresses    which IP addresses count as public
network      resolving once, checking every answer, connecting to the checked literal; the clock of one exchange
bodies       reading and unpacking an answer within its size and time limits
faults       statuses and broken wires turned into ConnectorErrors
redaction    what may be shown of a request
exchange     Exchange, Observer: what is told about a request
session      Session
relay        requests that a connector process on a customer's machine makes, in place of our connections
frames       what travels between here and there
posting      one POST to an address that anybody may have entered: webhooks
"""

from syncengine.outbound.exchange import Exchange, Observer
from syncengine.outbound.session import Session

__all__ = ["Exchange", "Observer", "Session"]
