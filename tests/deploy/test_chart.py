"""The Helm chart: what it renders is what Kubernetes and sp1tee take, and nothing lies open."""

import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
from ruamel.yaml import YAML
from support.go_programs import go_program
from support.tools import ROOT

from sp1tee.fulfill.settings import FulfillSettings
from sp1tee.serve.settings import ServeSettings
from sp1tee.settings import load

CHART = ROOT / "deploy" / "helm" / "sp1tee"
EXAMPLES = sorted((CHART / "ci").glob("*.yaml"))
KUBERNETES = ("1.28", "1.31", "1.34")
BASE, FLEET = CHART / "ci" / "one-server.yaml", CHART / "ci" / "fleet.yaml"

PARSER = YAML(typ="safe", pure=True)

VALUE = re.compile(r"\s*(?P<key>\w+): .+")
# What is passed on to Kubernetes as it is, whatever is in it.
WHOLE = {"requests", "limits", "httpGet", "periodSeconds", "failureThreshold"}
PASSED_ON = {"fulfillers", "serve.resources", "serve.readinessProbe", "serve.livenessProbe"}

Thing = dict[str, Any]


def helm(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [go_program("helm"), *arguments], capture_output=True, text=True, check=False
    )


def render(values: Path, *flags: str) -> "subprocess.CompletedProcess[str]":
    return helm("template", "t", str(CHART), "-f", str(values), "--kube-version", "1.34.0", *flags)


def things(values: Path, *flags: str) -> list[Thing]:
    done = render(values, *flags)
    assert done.returncode == 0, done.stderr
    return [thing for thing in PARSER.load_all(done.stdout) if thing]


def of_kind(found: list[Thing], kind: str) -> dict[str, Thing]:
    return {thing["metadata"]["name"]: thing for thing in found if thing["kind"] == kind}


def pods(found: list[Thing]) -> dict[str, Thing]:
    return {
        name: thing["spec"]["template"]["spec"]
        for name, thing in of_kind(found, "Deployment").items()
    }


def variables(pod: Thing) -> dict[str, str]:
    (container,) = pod["containers"]
    return {one["name"]: one.get("value", "postgresql://db/sp1tee") for one in container["env"]}


@pytest.fixture(params=EXAMPLES, ids=lambda path: path.stem)
def example(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


class TestWhatIsRendered:
    def test_helm_has_nothing_to_say_against_it(self, example: Path) -> None:
        done = helm("lint", "--strict", "--kube-version", "1.34.0", "-f", str(example), str(CHART))
        assert done.returncode == 0, done.stdout

    @pytest.mark.parametrize("version", KUBERNETES)
    def test_kubernetes_takes_it(self, example: Path, version: str) -> None:
        for thing in things(example):
            if thing["kind"] != "ServiceMonitor":  # of an operator, not of Kubernetes
                kubernetes_validate.validate(thing, version, strict=True)

    def test_the_server_understands_every_variable(self, example: Path, tmp_path: Path) -> None:
        pod = pods(things(example))["t-serve"]
        made = load(ServeSettings, "serve", environment=with_files(variables(pod), tmp_path))
        assert made.public_url == "https://prover.example.org"
        assert made.worker_token is not None
        # Twice the drain, or Kubernetes ends what still works.
        assert pod["terminationGracePeriodSeconds"] > 2 * made.drain_s

    def test_fulfillers_understand_every_variable(self, example: Path, tmp_path: Path) -> None:
        found = {name: pod for name, pod in pods(things(example)).items() if "fulfill" in name}
        assert found
        for pod in found.values():
            given = {**variables(pod), "SP1TEE_FULFILL_NAME": "a-pod"}
            made = load(FulfillSettings, "fulfill", environment=with_files(given, tmp_path))
            scheme = "https" if made.client_cert_file else "http"
            assert made.server == f"{scheme}://t-workers:8081"
            assert pod["terminationGracePeriodSeconds"] > 2 * made.drain_s

    def test_every_file_that_a_variable_names_is_mounted(self, example: Path) -> None:
        for pod in pods(things(example)).values():
            named = {value for name, value in variables(pod).items() if name.endswith("_FILE")}
            (secrets,) = (one for one in pod["volumes"] if one["name"] == "secrets")
            items = [one["secret"]["items"][0] for one in secrets["projected"]["sources"]]
            assert named == {f"/run/secrets/sp1tee/{item['path']}" for item in items}
            assert secrets["projected"]["defaultMode"] == 0o440

    def test_pods_may_do_nothing_that_they_need_not(self, example: Path) -> None:
        for pod in pods(things(example)).values():
            (container,) = pod["containers"]
            rules = container["securityContext"]
            assert rules["readOnlyRootFilesystem"] is True
            assert rules["allowPrivilegeEscalation"] is False
            assert rules["capabilities"] == {"drop": ["ALL"]}
            assert pod["securityContext"]["runAsNonRoot"] is True
            assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
            assert pod["automountServiceAccountToken"] is False
            assert not any("hostPath" in volume for volume in pod["volumes"])

    def test_inputs_in_clear_stay_in_memory_and_go_nowhere(self, example: Path) -> None:
        found = things(example)
        for pod in (pod for name, pod in pods(found).items() if name != "t-serve"):
            scratch = [volume["emptyDir"] for volume in pod["volumes"] if "emptyDir" in volume]
            assert [one["medium"] for one in scratch] == ["Memory", "Memory"]
        policy = of_kind(found, "NetworkPolicy")["t-fulfill"]["spec"]
        assert policy["policyTypes"] == ["Ingress", "Egress"]
        assert "ingress" not in policy
        reached = [rule["to"] for rule in policy["egress"]]
        assert all(reached)
        assert len(reached) == 2

    def test_every_selector_finds_its_pods(self, example: Path) -> None:
        found = things(example)
        labels = [
            thing["spec"]["template"]["metadata"]["labels"]
            for thing in of_kind(found, "Deployment").values()
        ]
        selectors = [
            *(thing["spec"]["selector"] for thing in of_kind(found, "Service").values()),
            *selected(found, "PodDisruptionBudget", "selector"),
            *selected(found, "NetworkPolicy", "podSelector"),
        ]
        for selector in selectors:
            assert any(selector.items() <= pod.items() for pod in labels)


def selected(found: list[Thing], kind: str, field: str) -> Iterator[dict[str, str]]:
    for thing in of_kind(found, kind).values():
        yield thing["spec"][field]["matchLabels"]


def with_files(given: dict[str, str], folder: Path) -> dict[str, str]:
    """Put a secret where each variable says that there is one."""
    placed = {}
    for name, value in given.items():
        if name.endswith("_FILE"):
            path = folder / Path(value).name
            path.write_text(f"{Path(value).name}-".ljust(32, "x"))
            path.chmod(0o600)
        placed[name] = str(path) if name.endswith("_FILE") else value
    return placed


class TestOneServer:
    def test_its_data_outlive_the_pod_and_one_pod_at_a_time_has_them(self) -> None:
        found = things(BASE)
        assert of_kind(found, "PersistentVolumeClaim").keys() == {"t-serve"}
        deployment = of_kind(found, "Deployment")["t-serve"]["spec"]
        assert deployment["strategy"] == {"type": "Recreate"}
        claims = [
            volume.get("persistentVolumeClaim") for volume in pods(found)["t-serve"]["volumes"]
        ]
        assert {"claimName": "t-serve"} in claims

    def test_without_certificates_the_listener_is_asked_without_tls(self) -> None:
        (container,) = pods(things(BASE))["t-serve"]["containers"]
        assert container["livenessProbe"]["httpGet"] == {"path": "/health/live", "port": "workers"}

    def test_a_fulfiller_asks_for_its_gpus(self) -> None:
        pod = pods(things(BASE))["t-fulfill-gpu"]
        assert pod["containers"][0]["resources"]["limits"] == {
            "memory": "64Gi",
            "nvidia.com/gpu": 1,
        }
        assert pod["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
        assert pod["tolerations"][0]["key"] == "nvidia.com/gpu"


class TestAFleet:
    def test_replicas_share_a_database_and_a_bucket_and_have_no_volume(self) -> None:
        found = things(FLEET)
        assert of_kind(found, "PersistentVolumeClaim") == {}
        deployment = of_kind(found, "Deployment")["t-serve"]["spec"]
        assert deployment["replicas"] == 3
        assert deployment["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
        told = variables(pods(found)["t-serve"])
        assert told["SP1TEE_SERVE_DATABASE_URL_FILE"].startswith("/run/secrets/sp1tee/")
        assert "SP1TEE_SERVE_DATABASE_URL" not in told
        assert variables(pods(found)["t-serve"])["SP1TEE_SERVE_VAULT_URL"].startswith("s3://")

    def test_each_pool_is_a_deployment_with_a_budget_of_its_own(self) -> None:
        found = things(FLEET)
        pools = {"t-fulfill-h100", "t-fulfill-trial"}
        assert of_kind(found, "Deployment").keys() == {"t-serve", *pools}
        assert of_kind(found, "PodDisruptionBudget").keys() == {"t-serve", *pools}
        limits = pods(found)["t-fulfill-h100"]["containers"][0]["resources"]["limits"]
        assert limits["nvidia.com/gpu"] == 4
        assert variables(pods(found)["t-fulfill-h100"])["SP1TEE_FULFILL_SLOTS"] == "4"

    def test_workers_and_monitoring_show_certificates_and_nodes_need_none(self) -> None:
        found = things(FLEET)
        server = variables(pods(found)["t-serve"])
        assert {f"SP1TEE_SERVE_WORKER_{name}_FILE" for name in ("TLS_CERT", "CLIENT_CA")} <= {
            *server
        }
        for pool in ("h100", "trial"):
            told = variables(pods(found)[f"t-fulfill-{pool}"])
            assert told["SP1TEE_FULFILL_SERVER"] == "https://t-workers:8081"
            assert "SP1TEE_FULFILL_CLIENT_KEY_FILE" in told
        (container,) = pods(found)["t-serve"]["containers"]
        assert container["livenessProbe"]["tcpSocket"] == {"port": "workers"}
        assert "httpGet" not in container["livenessProbe"]
        (endpoint,) = of_kind(found, "ServiceMonitor")["t"]["spec"]["endpoints"]
        assert endpoint["scheme"] == "https"
        assert endpoint["tlsConfig"]["keySecret"]["key"] == "tls.key"

    def test_a_probe_of_one_s_own_stays_with_tls(self) -> None:
        found = things(FLEET, "--set", "serve.livenessProbe.httpGet.port=public")
        (container,) = pods(found)["t-serve"]["containers"]
        assert container["livenessProbe"]["httpGet"]["port"] == "public"

    def test_a_pool_may_be_left_to_an_autoscaler(self) -> None:
        found = things(FLEET, "--set", "fulfillers.h100.autoscaled=true")
        assert "replicas" not in of_kind(found, "Deployment")["t-fulfill-h100"]["spec"]

    def test_a_pool_may_be_put_to_rest(self) -> None:
        found = things(FLEET, "--set", "fulfillers.h100.replicas=0")
        assert of_kind(found, "Deployment")["t-fulfill-h100"]["spec"]["replicas"] == 0

    def test_a_monitor_finds_the_workers_service_and_its_token(self) -> None:
        found = things(FLEET)
        monitor = of_kind(found, "ServiceMonitor")["t"]["spec"]
        service = of_kind(found, "Service")["t-workers"]
        wanted = monitor["selector"]["matchLabels"]
        assert wanted.items() <= service["metadata"]["labels"].items()
        assert monitor["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]
        assert monitor["endpoints"][0]["authorization"]["credentials"]["name"] == "sp1tee"

    def test_without_policies_and_monitors_there_are_none(self) -> None:
        flags = ("--set", "networkPolicy.enabled=false", "--set", "serviceMonitor.enabled=false")
        kinds = {thing["kind"] for thing in things(FLEET, *flags)}
        assert not kinds & {"NetworkPolicy", "ServiceMonitor"}


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("values", "flags", "reason"),
        [
            (BASE, "serve.replicas=2", "which they share"),
            (FLEET, "serve.vault.url=", "serve.vault.url"),
            (FLEET, "serve.adminTokenSecret=null", "adminTokenSecret"),
            (FLEET, "serve.vault.keySecret=null", "keySecret"),
            (BASE, "serve.workerTokenSecret=null", "workerTokenSecret"),
            (BASE, "serve.publicUrl=", "publicUrl"),
            (BASE, "images.server=", "images.server"),
            (BASE, "images.fulfiller=", "images.fulfiller"),
            (BASE, "serve.workertokensecret.name=x", "additional properties"),
            (BASE, "serve.publicUrl=prover.example.org", "publicUrl"),
            (BASE, "serve.vault.url=https://bucket", "url"),
            (BASE, "fulfillers.gpu.prover=gpu", "prover"),
            (BASE, "serve.vault.keySecret.name=x", "key"),
            (BASE, "serve.vault.keySecret=a-secret-itself", "keySecret"),
        ],
        ids=str,
    )
    def test_values_that_cannot_work(self, values: Path, flags: str, reason: str) -> None:
        done = render(values, "--set", flags)
        assert done.returncode != 0
        assert reason in done.stderr


class TestValues:
    """What needs no helm."""

    def test_every_value_is_explained(self) -> None:
        lines = (CHART / "values.yaml").read_text().splitlines()
        for before, line in pairwise(lines):
            found = VALUE.fullmatch(line)
            if found is not None and found["key"] not in WHOLE:
                assert before.strip().startswith("#"), f"{found['key']} has no comment"

    def test_the_schema_knows_the_values_and_no_others(self) -> None:
        schema = json.loads((CHART / "values.schema.json").read_text())
        values = YAML(typ="safe").load(CHART / "values.yaml")
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.validate(values, schema)
        assert properties(schema) - {"global"} == keys(values)
        pool = schema["$defs"]["pool"]["properties"]
        assert pool.keys() == values["fulfillers"]["gpu"].keys()

    def test_its_version_is_the_project_s(self) -> None:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        chart = YAML(typ="safe").load(CHART / "Chart.yaml")
        assert chart["appVersion"] == project["version"]


def keys(values: Thing, at: str = "") -> set[str]:
    """Every value's path; groups that are passed on whole are one."""
    found: set[str] = set()
    for name, value in values.items():
        path = f"{at}{name}"
        whole = path in PASSED_ON or not isinstance(value, dict) or not value
        found |= {path} if whole else keys(value, f"{path}.")
    return found


def properties(schema: Thing, at: str = "") -> set[str]:
    found: set[str] = set()
    for name, value in schema["properties"].items():
        path = f"{at}{name}"
        found |= properties(value, f"{path}.") if "properties" in value else {path}
    return found
