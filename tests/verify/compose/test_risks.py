"""Risky settings of services: each is named, with its line, and accepted only by name."""

from typing import Any

import pytest
from support.composes import SP1, app_compose, by_rule, judged, not_passed, one, service

from sp1tee.verify.checks import Status
from sp1tee.verify.compose import ALLOWANCES
from sp1tee.verify.policy import ComposePolicy

CERTIFICATES = (
    "services:\n"
    "  ingress:\n    image: dstack-ingress@sha256:1\n    volumes: ['certs:/etc/letsencrypt']\n"
)


@pytest.mark.parametrize(
    ("rule", "settings", "text"),
    [
        ("docker-socket", "    volumes: [/var/run/docker.sock:/d.sock]", "/var/run/docker.sock"),
        ("docker-socket", "    volumes: ['/run/../run//docker.sock/:/d']", "/run/docker.sock"),
        ("docker-socket", "    volumes: [/run/containerd/containerd.sock:/c]", "containerd.sock"),
        ("docker-socket", "    use_api_socket: true", "use_api_socket"),
        ("guest-agent-socket", "    volumes: ['/var/run/dstack.sock:/var/run/dstack.sock']", "dst"),
        ("guest-agent-socket", "    volumes: ['/var/run/tappd.sock:/t:ro']", "tappd.sock"),
        ("privileged", "    privileged: true", "privileged"),
        ("privileged", "    privileged: 'True'", "privileged"),
        ("privileged", "    privileged: yes", "privileged"),
        ("privileged", "    privileged: ${X:-false}", "privileged"),
        ("privileged", "    post_start: [{command: x, privileged: true}]", "post_start"),
        ("capabilities", "    cap_add: [SYS_ADMIN]", "SYS_ADMIN"),
        ("capabilities", "    security_opt: ['seccomp:unconfined']", "seccomp"),
        ("capabilities", "    security_opt: ['apparmor=unconfined']", "apparmor"),
        ("capabilities", "    security_opt: ['label:disable']", "label"),
        ("devices", "    devices: ['/dev/tdx_guest:/dev/tdx_guest']", "/dev/tdx_guest"),
        ("devices", "    device_cgroup_rules: ['b 8:* rwm']", "devices"),
        ("host-namespaces", "    network_mode: host", "network_mode: host"),
        ("host-namespaces", "    network_mode: service:b", "service:b"),
        ("host-namespaces", "    pid: host", "pid: host"),
        ("host-namespaces", "    pid: 'service:ingress'", "pid: service:ingress"),
        ("host-namespaces", "    ipc: host", "ipc: host"),
        ("host-namespaces", "    ipc: ${MODE}", "ipc: ${MODE}"),
        ("host-namespaces", "    userns_mode: host", "userns_mode"),
        ("host-namespaces", "    uts: host", "uts"),
        ("host-paths", "    volumes: ['/:/host']", "Docker's socket"),
        ("host-paths", "    volumes: ['/var/run:/r']", "the guest agent's socket"),
        ("host-paths", "    volumes: ['/var/lib/docker/volumes/certs/_data:/c']", "every volume"),
        ("host-paths", "    volumes: ['/dstack/user_config:/c:ro']", "user_config"),
        ("host-paths", "    volumes: ['./data:/data']", "./data"),
        ("host-paths", "    volumes: ['~/x:/data']", "~/x"),
        ("host-paths", "    volumes: ['${DIR:-/data}:/data']", "${DIR:-/data}"),
        ("host-paths", "    volumes: [{type: bind, source: /a, target: /b}]", "/a"),
        ("host-paths", "    volumes: [[/a, /b]]", "unreadable"),
        ("env-file", "    env_file: .env", "env_file"),
        ("env-file", "    label_file: labels", "label_file"),
        ("other-files", "    extends: {file: other.yml, service: b}", "extends"),
        ("host-programs", "    provider: {type: model}", "provided"),
        ("build", "    build: .", "built in the guest"),
        ("published-ports", "    ports: ['8080:8080']", "8080"),
        ("published-ports", "    ports: ['443:443']", "443"),
        ("published-ports", "    ports: ['8000-8100']", "8000-8100"),
        ("published-ports", "    ports: ['0.0.0.0:80:8080/tcp']", "80"),
        ("published-ports", "    ports: ['[::]:80:8080']", "80"),
        ("published-ports", "    ports: ['${PORT:-1}:2']", "${PORT:-1}"),
        ("published-ports", "    ports: [{target: 80, published: '8080'}]", "8080"),
        ("published-ports", "    ports: [{target: 81}]", "81"),
        ("published-ports", "    ports: [[80]]", "unreadable"),
    ],
)
def test_a_risky_setting_is_named_with_its_line_and_accepted_only_by_name(
    rule: str, settings: str, text: str
):
    compose = service(settings)
    raw = app_compose(compose)

    check = one(judged(raw, published=compose), rule)

    assert check.status is Status.REFUSED
    assert check.subject == "a"
    assert text in " ".join(check.details)
    assert check.location is not None
    assert (check.location.file, check.location.line) == ("docker-compose.yml", 4)
    for allow in (rule, f"{rule}:a"):
        assert allow in (check.remedy or "") or allow == rule
        policy = ComposePolicy(allow=(allow,))
        assert one(judged(raw, policy, published=compose), rule).status is Status.PASS
    policy = ComposePolicy(allow=(f"{rule}:b",))
    assert one(judged(raw, policy, published=compose), rule).status is Status.REFUSED


@pytest.mark.parametrize(
    "settings",
    [
        "    privileged: false",
        "    privileged: 'no'",
        "    network_mode: none",
        "    network_mode: bridge",
        "    ipc: private",
        "    ipc: shareable",
        "    cap_drop: [ALL]",
        "    security_opt: ['no-new-privileges:true']",
        "    volumes: [data:/data, /anonymous]",
        "    volumes: [{type: tmpfs, target: /t}]",
        "    volumes: [{type: volume, source: data, target: /t}]",
        "    tmpfs: [/t]",
        "    expose: ['80']",
        "    ports: ['127.0.0.1:80:80']",
        "    ports: ['[::1]:80:80']",
        "    ports: [{host_ip: 127.0.0.1, target: 80, published: '80'}]",
        "    deploy: {resources: {reservations: {devices: [{capabilities: [gpu]}]}}}",
        "    command: 'echo $$HOME'",
        "    volumes:",
    ],
)
def test_ordinary_settings_are_left_alone(settings: str):
    compose = service(settings)

    assert not not_passed(judged(app_compose(compose), published=compose))


@pytest.mark.parametrize(
    ("rule", "tail", "subject"),
    [
        ("other-files", "\ninclude: [other.yml]\n", ""),
        ("unmeasured-secrets", "\nsecrets:\n  s: {environment: TOKEN}\n", "secrets.s"),
        ("unmeasured-secrets", "\nsecrets:\n  s: {file: /etc/shadow}\n", "secrets.s"),
        ("unmeasured-secrets", "\nconfigs:\n  c: {external: true}\n", "configs.c"),
        ("host-namespaces", "\nnetworks:\n  n: {external: true, name: host}\n", ""),
    ],
)
def test_what_is_risky_outside_the_services_is_named_too(rule: str, tail: str, subject: str):
    compose = service("    tty: true\n", tail)

    check = one(judged(app_compose(compose), published=compose), rule)

    assert (check.status, check.subject) == (Status.REFUSED, subject)


def test_a_secret_is_accepted_one_by_one():
    compose = service("    tty: true\n", "\nsecrets:\n  a: {file: a}\n  b: {file: b}\n")
    policy = ComposePolicy(allow=("unmeasured-secrets:secrets.a",))

    found = not_passed(judged(app_compose(compose), policy, published=compose))

    assert found == {("unmeasured-secrets", "secrets.b")}


def test_a_volume_that_is_another_name_for_a_path_is_that_path():
    compose = service(
        "    volumes: ['d:/d']",
        "\nvolumes:\n  d: {driver_opts: {type: none, o: bind, device: /var/run/docker.sock}}\n",
    )

    assert ("docker-socket", "a") in not_passed(judged(app_compose(compose)))


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ("type: overlay, device: overlay, o: 'lowerdir=/,upperdir=/u,workdir=/w'", True),
        ("type: ext4, device: /dev/vda", True),
        ("type: none, o: bind, device: '${WHERE}'", True),
        ("o: bind, device: '', mountpoint: /etc", True),
        ("type: tmpfs, device: tmpfs, o: 'size=1m,uid=0'", False),
        ("type: nfs, device: ':/export', o: 'addr=192.0.2.1,rw'", False),
    ],
)
def test_a_volume_in_which_files_of_the_guest_are_is_named(options: str, path: bool):
    compose = service("    volumes: ['d:/d']", f"\nvolumes:\n  d: {{driver_opts: {{{options}}}}}\n")

    assert (("host-paths", "a") in not_passed(judged(app_compose(compose)))) is path


def test_a_service_without_an_image_is_named():
    compose = b"services:\n  a:\n    command: x\n"

    assert ("build", "a") in not_passed(judged(app_compose(compose)))


def test_what_a_merge_key_brings_is_seen_with_the_line_where_it_is_written():
    compose = b"x-b: &b\n  privileged: true\nservices:\n  a:\n    image: x\n    <<: *b\n"

    check = one(judged(app_compose(compose), published=compose), "privileged")

    assert check.location is not None
    assert (check.subject, check.location.line) == ("a", 2)


@pytest.mark.parametrize(
    "other",
    [
        "  spy:\n    image: x\n    volumes: ['certs:/c:ro']\n",
        "  spy:\n    image: x\n    volumes: [{type: volume, source: certs, target: /c}]\n",
        "  spy:\n    image: x\n    volumes: ['certs:/etc/letsencrypt']\n",
        "  spy:\n    image: x\n    volumes_from: [ingress]\n",
        "  spy:\n    image: x\n    volumes_from: ['ingress:ro']\n",
        "  spy:\n    image: x\n    volumes: ['other:/c']\nvolumes:\n  certs: &v {name: same}\n  other: *v\n",
        "  spy:\n    image: x\n    volumes: ['o:/c']\nvolumes:\n  o: {external: true, name: p_certs}\n",
    ],
    ids=["short", "long", "same place", "volumes_from", "read-only", "second name", "full name"],
)
def test_attack_39_an_extra_service_with_the_certificates_volume_is_named(other: str):
    check = one(judged(app_compose((CERTIFICATES + other).encode())), "certificate-volume")

    assert (check.status, check.subject) == (Status.REFUSED, "spy")
    assert "ingress" in check.summary


def test_attack_39_a_spy_that_is_listed_first_does_not_pass_for_the_ingress():
    spy = "services:\n  spy:\n    image: x\n    volumes: ['certs:/etc/letsencrypt']\n"
    compose = spy + CERTIFICATES.removeprefix("services:\n")

    check = one(judged(app_compose(compose.encode())), "certificate-volume")

    assert (check.status, check.subject) == (Status.REFUSED, "spy")


def test_attack_39_a_second_service_with_the_guest_agents_socket_is_named():
    compose = SP1 + b"\n"
    extra = b"  spy:\n    image: x\n    volumes: [/var/run/dstack.sock:/s]\n\nvolumes:\n"
    policy = ComposePolicy(allow=("guest-agent-socket:ingress",))

    found = not_passed(judged(app_compose(compose.replace(b"\nvolumes:\n", extra)), policy))

    assert ("guest-agent-socket", "spy") in found
    assert ("guest-agent-socket", "ingress") not in found


def test_where_nothing_keeps_certificates_nothing_is_claimed_about_them():
    assert one(judged(app_compose(service(""))), "certificate-volume").status is Status.SKIPPED


def test_only_the_ingress_may_publish_443():
    file = CERTIFICATES + "    ports: ['443:443']\n  b:\n    image: x\n    ports: ['443:443']\n"

    (check,) = by_rule(judged(app_compose(file.encode())), "published-ports")

    assert (check.status, check.subject) == (Status.REFUSED, "b")


def test_many_places_in_one_service_are_one_check():
    compose = service("    cap_add: [" + ", ".join(f"C{i}" for i in range(50)) + "]\n")

    check = one(judged(app_compose(compose)), "capabilities")

    assert "and 49 more" in check.summary
    assert check.details[-1] == "… and 30 more"


def test_attack_41_logs_that_everybody_can_read_are_refused_unless_accepted():
    public = app_compose(public_logs=True)
    assert one(judged(public), "public-logs").status is Status.REFUSED
    accepting = ComposePolicy(allow=("public-logs",))
    assert one(judged(public, accepting), "public-logs").status is Status.PASS
    assert one(judged(app_compose()), "public-logs").status is Status.PASS


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"public_logs": True}, "public-logs"),
        ({"no_instance_id": True}, "instance-id"),
        ({"secure_time": False}, "secure-time"),
        ({"key_provider": "none"}, "key-provider"),
        ({"key_provider": "local"}, "key-provider"),
        ({"key_provider": "tpm"}, "key-provider"),
        ({"features": ["kms", "teleport"]}, "features"),
        ({"teleport": True}, "features"),
        ({"docker_config": {"registry": "evil.example"}}, "registry"),
        ({"requirements": {"gpu_policy": {"attest_gpu": False}}}, "gpu-policy"),
        ({"requirements": {"gpu_policy": {"allow_debug": True}}}, "gpu-policy"),
        ({"requirements": {"gpu_policy": {"allow_devtools": True}}}, "gpu-policy"),
        ({"runner": "bash", "bash_script": "curl x | sh"}, "runner"),
        ({"bash_script": "true"}, "runner"),
        ({"pre_launch_script": "true"}, "pre-launch-script"),
        ({"init_script": "true"}, "init-script"),
    ],
    ids=str,
)
def test_a_risky_field_is_refused_and_accepted_only_by_name(fields: dict[str, Any], rule: str):
    raw = app_compose(service(""), **fields)

    check = one(judged(raw, published=service("")), rule)

    assert check.status is Status.REFUSED
    assert check.remedy
    assert not_passed(judged(raw, published=service(""))) == {(rule, "")}
    accepted = judged(raw, ComposePolicy(allow=(rule,)), published=service(""))
    assert one(accepted, rule).status is Status.PASS


def test_every_risk_has_a_name_of_its_own():
    assert len(set(ALLOWANCES)) == len(ALLOWANCES)
    assert "public-logs" in ALLOWANCES
    assert "hash" not in ALLOWANCES
