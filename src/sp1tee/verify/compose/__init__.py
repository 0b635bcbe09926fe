"""What runs in the enclave: app-compose.json and the docker-compose file inside."""

from sp1tee.verify.compose.compose_file import ComposeFile, Service, parse_compose
from sp1tee.verify.compose.yaml_tree import Entry, Listing, Node, Scalar, Table

__all__ = ["ComposeFile", "Entry", "Listing", "Node", "Scalar", "Service", "Table", "parse_compose"]
