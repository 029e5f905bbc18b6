"""What travels between here and a connector process: a question, and an answer with its body after its head.

An answer is one line of JSON (AnswerHead), a line feed, and the body's bytes as they came from the platform.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

MAX_HEAD_BYTES = 256 * 1024

type Headers = list[tuple[str, str]]


class Question(msgspec.Struct, frozen=True):
    """One request to be made.

    max_bytes:  of the answer's body, as it comes over the wire.
    """

    method: str
    url: str
    headers: Headers
    body: bytes | None
    connect_seconds: float
    first_byte_seconds: float
    whole_seconds: float
    max_bytes: int


class AnswerHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """failure:  "" when the platform answered, else a key of relay.FAILURES; `status` is 0 then."""

    status: Annotated[int, msgspec.Meta(ge=0, le=999)] = 0
    headers: Annotated[list[tuple[str, str]], msgspec.Meta(max_length=500)] = []
    failure: Annotated[str, msgspec.Meta(max_length=20)] = ""


class BadFrame(Exception):
    """This is no answer."""


encode_question = msgspec.msgpack.Encoder().encode
decode_question = msgspec.msgpack.Decoder(Question).decode
_decode_head = msgspec.json.Decoder(AnswerHead).decode


def split_answer(frame: bytes) -> tuple[AnswerHead, bytes]:
    """Return an answer's head and body. Raises: BadFrame."""
    end = frame.find(b"\n", 0, MAX_HEAD_BYTES)
    if end < 0:
        raise BadFrame("The answer does not begin with a line that is its head.")
    try:
        head = _decode_head(frame[:end])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadFrame(f"The answer's head does not hold: {error}") from None
    if not head.failure and not 200 <= head.status <= 599:
        raise BadFrame("The answer's head names neither a status from 200 to 599 nor a failure.")
    return head, frame[end + 1 :]
