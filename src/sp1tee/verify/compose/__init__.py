"""What runs in the enclave: app-compose.json and the docker-compose file inside."""

from sp1tee.verify.compose.app_compose import AppCompose, KeyProvider, read_app_compose
from sp1tee.verify.compose.compose_file import ComposeFile, Service, parse_compose
from sp1tee.verify.compose.examining import ComposeFacts, examine
from sp1tee.verify.compose.judging import judge, judge_file
from sp1tee.verify.compose.mr_config import Identity
from sp1tee.verify.compose.rules import ALLOWANCES, READABLE, RULES
from sp1tee.verify.compose.yaml_tree import Entry, Listing, Node, Scalar, Table

__all__ = [
    "ALLOWANCES",
    "READABLE",
    "RULES",
    "AppCompose",
    "ComposeFacts",
    "ComposeFile",
    "Entry",
    "Identity",
    "KeyProvider",
    "Listing",
    "Node",
    "Scalar",
    "Service",
    "Table",
    "examine",
    "judge",
    "judge_file",
    "parse_compose",
    "read_app_compose",
]
