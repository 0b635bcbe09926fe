"""What an operator can set about `sp1tee serve`."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import (
    ByteSize,
    Field,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    model_validator,
)

from sp1tee.hosts import split_address
from sp1tee.serve.door.limits import ToldApart
from sp1tee.serve.door.peers import PRIVATE
from sp1tee.serve.setting_values import (
    Listen,
    Origin,
    Peers,
    Requesters,
    Secret,
    Size,
    Strategies,
    Texts,
)
from sp1tee.settings import Original, Settings

GIB = 1 << 30
MIB = 1 << 20


class ServeSettings(Settings):
    """Section ``[serve]``, variables ``SP1TEE_SERVE_…``. Sizes may be written ``512MiB``."""

    originals: ClassVar[tuple[Original, ...]] = (
        Original(
            "NETWORK_RPC_URL",
            "upstream_url",
            "It is taken as the upstream network's address: set SP1TEE_SERVE_UPSTREAM_URL instead, "
            "and SP1TEE_SERVE_NETWORK=upstream to use it.",
        ),
        Original(
            "FULFILLER_PRIVATE_KEY",
            "fulfiller_key",
            "It is taken as the key that signs for the network: put it into a file and set "
            "SP1TEE_SERVE_FULFILLER_KEY_FILE instead.",
        ),
        Original(
            "HOSTNAME",
            "public_url",
            "It is a URL and taken as the public one: set SP1TEE_SERVE_PUBLIC_URL instead, since "
            "containers set HOSTNAME to their own name.",
            only_urls=True,
        ),
        Original(
            "PROGRAMS_S3_REGION",
            "programs_s3_region",
            "It is taken as the region of s3:// programs: set SP1TEE_SERVE_PROGRAMS_S3_REGION "
            "instead.",
        ),
    )

    listen: Listen = Field("0.0.0.0:8080", description="Address of the public listener.")
    worker_listen: Listen = Field(
        "127.0.0.1:8081", description="Address of the listener for fulfillers and monitoring."
    )
    worker_tls_cert_file: Path | None = Field(
        None, description="The worker listener's certificate (PEM); with it, it speaks TLS alone."
    )
    worker_tls_key_file: Path | None = Field(
        None, description="The private key of that certificate (PEM)."
    )
    worker_client_ca_file: Path | None = Field(
        None,
        description="Authorities (PEM) one of which must vouch for whoever connects to the worker "
        "listener.",
    )
    public_url: Origin | None = Field(
        None, description="Origin that requesters reach the public listener at; uploads go there."
    )
    max_connections: PositiveInt = Field(
        2048, description="Connections that each listener may have at a time."
    )
    max_peer_connections: PositiveInt = Field(
        256, description="How many of them one address may have, unless it is a trusted peer."
    )
    max_peer_calls_per_s: PositiveInt = Field(
        200,
        description="Calls to the public listener that one address may begin in a second, ten "
        "seconds' worth at once, unless it is a trusted peer.",
    )
    trusted_peers: Peers = Field(
        (PRIVATE,),
        description="Ingresses and proxies, whose connections are many people's: addresses, "
        "networks, or the word private for all that the Internet does not route.",
    )
    told_apart: ToldApart = Field(
        "nothing",
        description="What tells requesters behind a trusted peer apart, so that each is held to "
        "max_peer_calls_per_s: connection (each is one requester's, as with an ingress in TCP "
        "mode), forwarded (X-Forwarded-For), proxy-v1 or proxy-v2 (the PROXY protocol, which then "
        "everybody must speak), or nothing.",
    )
    ready_file: Path | None = Field(
        None, description="Where to write both addresses as JSON once they answer."
    )
    data_dir: Path = Field(
        Path("sp1tee-data"), description="Directory of the database and the encrypted blobs."
    )
    database_url: SecretStr | None = Field(
        None,
        description="sqlite:///PATH, or postgresql://USER:PASSWORD@HOST/NAME for several servers; "
        "a SQLite file in data_dir by default.",
    )
    database_url_file: Path | None = Field(None, description="File that holds database_url.")
    vault_key: SecretStr | None = Field(
        None, description="Master key of the vault, 32 bytes in hex; made in data_dir by default."
    )
    vault_key_file: Path | None = Field(None, description="File that holds vault_key.")
    vault_key_source: Literal["file", "dstack"] = Field(
        "file",
        description="Where vault_key comes from: a file, or dstack's guest agent, which gives it "
        "to this application alone.",
    )
    dstack_socket: Path | None = Field(
        None, description="The guest agent's socket; by default wherever dstack mounts it."
    )
    dstack_wait_s: PositiveFloat = Field(
        30, description="How long to wait for the guest agent at the start."
    )

    vault_url: str | None = Field(
        None,
        description="Where the encrypted blobs lie instead of data_dir: s3://bucket/prefix.",
    )
    vault_endpoint: Origin | None = Field(
        None, description="S3 service of vault_url; by default AWS's, or AWS_ENDPOINT_URL."
    )
    vault_region: str | None = Field(None, description="Its region; AWS_REGION by default.")
    vault_ca_file: Path | None = Field(
        None, description="Certificates (PEM) to trust there beside the public ones."
    )
    vault_access_key_id: SecretStr | None = Field(
        None, description="Access key of vault_url; by default what the AWS_ variables say."
    )
    vault_access_key_id_file: Path | None = Field(
        None, description="File that holds vault_access_key_id."
    )
    vault_secret_access_key: SecretStr | None = Field(None, description="The access key's secret.")
    vault_secret_access_key_file: Path | None = Field(
        None, description="File that holds vault_secret_access_key."
    )

    network: Literal["standalone", "upstream"] = Field(
        "standalone", description="Who registers and settles requests: this server or a network."
    )
    upstream_url: Origin | None = Field(None, description="The upstream network's RPC address.")
    upstream_ca_file: Path | None = Field(
        None, description="Certificates (PEM) to trust upstream instead of the public ones."
    )
    fulfiller_key: SecretStr | None = Field(
        None, description="Key that signs for the network, 32 bytes in hex; used by serve alone."
    )
    fulfiller_key_file: Path | None = Field(None, description="File that holds fulfiller_key.")
    strategies: Strategies | None = Field(
        None,
        description="Fulfillment strategies taken: hosted, reserved, auction. By default all, but "
        "with an upstream network only reserved, as it gives the others to others.",
    )
    max_deadline_s: PositiveInt = Field(
        7 * 86_400, description="How far ahead the deadline of a request may be."
    )
    failure_replies: Literal["enum", "text"] = Field(
        "enum", description="How a failed request is answered: network enums or the reason as text."
    )
    public_lists: bool = Field(False, description="Whether anybody may list requests.")

    worker_token: Secret | None = Field(
        None, description="What fulfillers must present; made in data_dir/worker.token by default."
    )
    worker_token_file: Path | None = Field(None, description="File that holds worker_token.")
    shared_worker_token: bool = Field(
        True,
        description="Whether worker_token is good; if not, each worker needs a token of its own "
        "(sp1tee workers add).",
    )
    admin_token: Secret | None = Field(
        None,
        description="What operators must present; made in data_dir/admin.token by default.",
    )
    admin_token_file: Path | None = Field(None, description="File that holds admin_token.")
    bearer_token: Secret | None = Field(
        None, description="What requesters must present; nothing by default."
    )
    bearer_token_file: Path | None = Field(None, description="File that holds bearer_token.")
    allow_requesters: Requesters = Field(
        (), description="Addresses that may request proofs; empty means all."
    )

    max_stdin_bytes: Size = Field(ByteSize(2 * GIB), description="Largest input upload.")
    max_program_bytes: Size = Field(ByteSize(256 * MIB), description="Largest program upload.")
    max_proof_bytes: Size = Field(ByteSize(256 * MIB), description="Largest proof of a worker.")
    max_open_requests: PositiveInt = Field(
        1000, description="Open requests that one requester may have."
    )
    max_requester_bytes: Size = Field(
        ByteSize(8 * GIB), description="Bytes of stored inputs that one requester may have."
    )
    upload_ttl_s: PositiveInt = Field(3600, description="How long an upload URL is good.")
    upload_idle_s: PositiveFloat = Field(
        60, description="How long an upload may stand still; also the grace of upload_min_rate."
    )
    upload_min_rate: Size = Field(
        ByteSize(8 * 1024), description="Slowest average rate of an upload, bytes per second."
    )
    lease_ttl_s: PositiveInt = Field(
        30, description="How long a worker may be silent before its request is given to another."
    )
    max_attempts: PositiveInt = Field(
        3, description="How many workers may lose a request before it fails."
    )
    poisoned: Literal["fail", "hold"] = Field(
        "fail",
        description="What becomes of such a request: it fails, or is held until its deadline for "
        "the operator to retry or drop.",
    )
    quarantine_after: PositiveInt = Field(
        5,
        description="How many leases in a row a worker with a token of its own may lose, or have "
        "proofs refused of, before it gets no more.",
    )
    proof_retention_s: PositiveInt = Field(86400, description="How long proofs are kept.")
    record_retention_s: PositiveInt = Field(
        30 * 86_400,
        description="How long after its deadline a request that ended is still known.",
    )
    allow_mock: bool = Field(
        False, description="Whether workers with mock provers may serve; for trials only."
    )

    require_workers: bool = Field(
        False, description="Whether /health/ready wants a worker to have asked for work lately."
    )
    min_free_bytes: Annotated[ByteSize, Field(ge=0)] = Field(
        ByteSize(256 * MIB),
        description="How much of data_dir's disk must be free for /health/ready; 0 asks for none.",
    )

    evidences_dir: Path | None = Field(
        None, description="Directory of attestation files to serve under /evidences/."
    )
    program_sources: Texts = Field(
        ("s3://", "https://*.amazonaws.com/"),
        description="Where the server may fetch registered programs from: URL prefixes, * for one "
        "or more labels of the host.",
    )
    programs_s3_region: str | None = Field(None, description="Region of s3:// programs.")
    drain_s: PositiveFloat = Field(
        90, description="How long calls and uploads may go on after SIGTERM."
    )

    @property
    def taken_strategies(self) -> tuple[str, ...]:
        """The fulfillment strategies of requests that are taken."""
        if self.strategies is not None:
            return self.strategies
        return ("reserved",) if self.network == "upstream" else ("hosted", "reserved", "auction")

    @property
    def _says_how_to_reach_a_bucket(self) -> bool:
        return any(
            (self.vault_endpoint, self.vault_region, self.vault_ca_file, self.vault_access_key_id)
        )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.listen == self.worker_listen and split_address(self.listen)[1] != 0:
            raise ValueError(
                "listen and worker_listen are the same address: workers have their own listener, "
                "so that nothing private is reachable from outside"
            )
        if self.admin_token is not None and self.admin_token == self.worker_token:
            raise ValueError("admin_token and worker_token are the same: workers are no operators")
        if self.network == "upstream" and (not self.upstream_url or not self.fulfiller_key):
            raise ValueError("network = upstream needs upstream_url and fulfiller_key")
        if (self.worker_tls_cert_file is None) != (self.worker_tls_key_file is None):
            raise ValueError("worker_tls_cert_file and worker_tls_key_file belong together")
        if self.worker_client_ca_file is not None and self.worker_tls_cert_file is None:
            raise ValueError("worker_client_ca_file needs worker_tls_cert_file")
        if self.vault_key_source == "dstack" and self.vault_key is not None:
            raise ValueError(
                "vault_key_source = dstack leaves no place for vault_key and vault_key_file"
            )
        if (self.vault_access_key_id is None) != (self.vault_secret_access_key is None):
            raise ValueError("vault_access_key_id and vault_secret_access_key go together")
        if self.vault_url is None and self._says_how_to_reach_a_bucket:
            raise ValueError(
                "vault_endpoint, vault_region, vault_ca_file and vault_access_key_id need vault_url"
            )
        if self.evidences_dir is not None and not self.evidences_dir.is_dir():
            raise ValueError("evidences_dir is no directory")
        return self
