"""Rules about the whole: what was decided, and what was collected."""

from typing import Final

from sp1tee.verify.checks import Rule

DECIDED: Final = Rule(
    "policy.decided",
    "SP1TEE-V901",
    "The policy says what is acceptable",
    "Without a decision nothing can pass: a default is nobody's demand.",
    waivable=False,
)
SAME_GUEST: Final = Rule(
    "evidence.same-guest",
    "SP1TEE-V902",
    "The guest that answered Info is the one that was quoted",
    "A gateway may ask any instance of an application; another one's answer says nothing about "
    "the instance that was quoted.",
)
HOST: Final = Rule(
    "evidence.host",
    "SP1TEE-V903",
    "The evidence is of a host that the policy names",
    "Saved evidence says itself whose it is. Somebody else's host with the same application is as "
    "genuine, and is not the one that clients are sent to.",
    waivable=False,
)
TIME: Final = Rule(
    "evidence.time",
    "SP1TEE-V904",
    "The evidence was there at the time that it is judged for",
    "Nobody had seen it before it was collected, and at an earlier time statements and waivers "
    "count that have expired since.",
    waivable=False,
)
ADDRESSES: Final = Rule(
    "evidence.addresses",
    "SP1TEE-V905",
    "Every address that resolvers name was asked for its certificate",
    "Clients go where resolvers send them: an address that was left out may serve anything.",
)
RULES: Final = (DECIDED, SAME_GUEST, HOST, TIME, ADDRESSES)
