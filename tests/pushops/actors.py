"""Actors that take turns: threads of which one runs at a time, on one database connection, in an order of a seed's."""

from __future__ import annotations

import random
from collections.abc import Callable
from threading import Semaphore, Thread

from django.db import connections


class Actors:
    """`step` may hand the turn to any other actor. It is called only where no transaction is open."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._turns: dict[int, Semaphore] = {}
        self._now = -1
        self._over = Semaphore(0)
        self.errors: list[BaseException] = []

    def play(self, *acts: Callable[[], None]) -> None:
        """Run all of them to their ends. Raises: what the first of them raised."""
        connection = connections["default"]
        connection.inc_thread_sharing()
        self._turns = {number: Semaphore(0) for number in range(len(acts))}
        threads = [Thread(target=self._act, args=(number, act, connection)) for number, act in enumerate(acts)]
        for thread in threads:
            thread.start()
        self._pass_on()
        self._over.acquire()
        for thread in threads:
            thread.join()
        connection.dec_thread_sharing()
        self._now = -1
        if self.errors:
            raise self.errors[0]

    def step(self) -> None:
        """Do nothing, or let others go first."""
        if self._now < 0:
            return
        me = self._now
        self._pass_on()
        self._turns[me].acquire()

    def _act(self, number: int, act: Callable[[], None], connection: object) -> None:
        connections["default"] = connection
        self._turns[number].acquire()
        try:
            act()
        except BaseException as error:
            self.errors.append(error)
        finally:
            del connections["default"]
            del self._turns[number]
            self._pass_on()

    def _pass_on(self) -> None:
        if not self._turns:
            self._over.release()
            return
        self._now = self._chance.choice(list(self._turns))
        self._turns[self._now].release()
