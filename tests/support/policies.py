"""Policies to read: one that says something in every place, and the least that is one."""

LEAST = 'schema = "sp1tee.policy.v1"\n'
FULL = """\
schema = "sp1tee.policy.v1"
name = "everything"

[anchors]
ct_logs = "logs.json"

[cert]
hosts = ["tee.example.org"]
min_scts = 3
max_evidence_age_days = 60
not_before = 2026-01-31
acme_directories = ["acme.example.org"]

[quote]
tcb_status = ["UpToDate", "SWHardeningNeeded"]
deny_advisories = ["INTEL-SA-00615"]
max_collateral_age_days = 7
min_tcb_evaluation_data_number = 18
platforms = ["0123456789abcdef0123456789abcdef"]

[rtmr3]
app_id = "0x9B78CF840E16A8274E00474CDAC4AFDABC5EEB93"
compose_hash = ["7af97af97af97af97af97af97af97af97af97af97af97af97af97af97af97af9"]
instance_id = ["f15edb2cc265a06a7cb524d0022bb13277eb177c"]
os_image_hash = ["1af97af97af97af97af97af97af97af97af97af97af97af97af97af97af97af9"]
allow_events = ["mpc-image-digest"]

[rtmr3.key_provider]
name = "kms"
id = "3059"

[compose]
docker_compose = "docker-compose.yml"
pre_launch_script_sha256 = "2af97af97af97af97af97af97af97af97af97af97af97af97af97af97af97af9"
init_script_sha256 = ["3af97af97af97af97af97af97af97af97af97af97af97af97af97af97af97af9"]
allowed_envs = ["API_KEY"]
allow = ["public-logs"]

[os]
images = ["dstack-0.5.8"]
allow_dev = true

[caa]
account = "https://acme-v02.api.letsencrypt.org/acme/acct/1234"
issuer = "ca.example.org"
methods = ["dns-01"]
require_dnssec = true
min_resolvers = 3

[digests]
require_registry = false
allow_unpinned = ["moongate"]

[[waivers]]
check = "digests.pinned"
subject = "moongate"
reason = "the vendor publishes no digest yet"
expires = 2027-01-31
"""
