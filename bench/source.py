"""The sandbox as a source of many invoices, in a process of its own: prints its address and serves until stopped."""

import sys
import time

from syncengine.sandbox.server import start

if __name__ == "__main__":
    running = start(0, size=int(sys.argv[1]), control_key="bench", requests_per_minute=0)
    print(running.url, flush=True)
    while True:
        time.sleep(3600)
