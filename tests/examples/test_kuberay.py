"""The manifests for KubeRay: what they say is what its schema has, they fit together, and the command in them is ours.

Every field is looked up in a schema written here by hand, of the fields that they use (KubeRay 1.7's ``ray.io/v1``): a
field that is misspelt, of another type or in another place is found, one that KubeRay has beside these is refused until
it is added. With ``KUBERAY_CRDS`` set to the folder ``ray-operator/config/crd/bases`` of KubeRay's repository they are
compared with the resource definitions themselves, pods included.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from jsonschema import Draft202012Validator
from typer.core import TyperGroup

from bench.cli.main import app

FOLDER = Path(__file__).parents[2] / "examples" / "kuberay"
MANIFESTS = sorted(FOLDER.glob("*.yaml"))


def _object(required: str = "", **properties: object) -> dict[str, Any]:
    """An object of these properties and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": required.split(),
        "additionalProperties": False,
    }


def _list(of: object) -> dict[str, Any]:
    return {"type": "array", "items": of, "minItems": 1}


TEXT, COUNT, YES = {"type": "string"}, {"type": "integer", "minimum": 0}, {"type": "boolean"}
TEXTS = {"type": "object", "additionalProperties": TEXT}
RESOURCES = _object("requests limits", requests=TEXTS, limits=TEXTS)
CONTAINER = _object(
    "name image resources",
    name={"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"},
    image=TEXT,
    ports=_list(_object("containerPort", containerPort=COUNT, name=TEXT)),
    env=_list(_object("name value", name=TEXT, value=TEXT)),
    envFrom=_list(_object(secretRef=_object("name", name=TEXT))),
    resources=RESOURCES,
    volumeMounts=_list(_object("name mountPath", name=TEXT, mountPath=TEXT)),
)
VOLUME = _object("name", name=TEXT, emptyDir=_object(sizeLimit=TEXT))
POD = _object("spec", spec=_object("containers", containers=_list(CONTAINER), volumes=_list(VOLUME)))
CLUSTER = _object(
    "headGroupSpec",
    rayVersion=TEXT,
    enableInTreeAutoscaling=YES,
    headGroupSpec=_object("template", rayStartParams=TEXTS, template=POD),
    workerGroupSpecs=_list(
        _object(
            "groupName minReplicas maxReplicas template",
            groupName=TEXT,
            replicas=COUNT,
            minReplicas=COUNT,
            maxReplicas=COUNT,
            rayStartParams=TEXTS,
            template=POD,
        )
    ),
)
JOB = _object(
    "entrypoint rayClusterSpec",
    entrypoint=TEXT,
    shutdownAfterJobFinishes=YES,
    ttlSecondsAfterFinished=COUNT,
    backoffLimit=COUNT,
    rayClusterSpec=CLUSTER,
)
SPECS = {"RayCluster": CLUSTER, "RayJob": JOB}


def _schema(kind: str) -> dict[str, Any]:
    metadata = _object("name", name=TEXT)
    known = {"apiVersion": {"const": "ray.io/v1"}, "kind": {"const": kind}, "metadata": metadata, "spec": SPECS[kind]}
    return _object("apiVersion kind metadata spec", **known)


def _read(manifest: Path) -> dict[str, Any]:
    return yaml.safe_load(manifest.read_text())


def _closed(schema: Any) -> Any:
    """A resource definition's schema that refuses what it does not know, as the API server's strict mode does."""
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    if "properties" in schema and "additionalProperties" not in schema and schema.get("type") == "object":
        closed["additionalProperties"] = False
    if schema.get("x-kubernetes-int-or-string"):
        closed = {"type": ["integer", "string"]}
    return closed


def _groups(manifest: Path) -> Iterator[dict[str, Any]]:
    spec = _read(manifest)["spec"]
    cluster = spec.get("rayClusterSpec", spec)
    yield cluster["headGroupSpec"]
    yield from cluster["workerGroupSpecs"]


def test_both_kinds_are_there() -> None:
    assert sorted(_read(manifest)["kind"] for manifest in MANIFESTS) == ["RayCluster", "RayJob"]


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda manifest: manifest.stem)
def test_every_field_is_one_of_kuberays(manifest: Path) -> None:
    read = _read(manifest)
    errors = [
        f"{error.json_path}: {error.message}" for error in Draft202012Validator(_schema(read["kind"])).iter_errors(read)
    ]
    assert not errors
    read["spec"]["entrypiont"] = "bench"
    assert list(Draft202012Validator(_schema(read["kind"])).iter_errors(read)), "a misspelt field is not found"


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda manifest: manifest.stem)
def test_it_is_what_kuberays_own_definition_has(manifest: Path) -> None:
    if "KUBERAY_CRDS" not in os.environ:
        pytest.skip("KUBERAY_CRDS names no folder")
    read = _read(manifest)
    text = Path(os.environ["KUBERAY_CRDS"], f"ray.io_{read['kind'].lower()}s.yaml").read_text()
    versions = yaml.safe_load(text)["spec"]["versions"]
    schema = _closed(next(one for one in versions if one["name"] == "v1")["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {"type": "object"}
    errors = [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(read)]
    assert not errors


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda manifest: manifest.stem)
def test_its_parts_fit_together(manifest: Path) -> None:
    """Replicas lie within their bounds, what is mounted is a volume, and all nodes have one image."""
    images = set()
    for group in _groups(manifest):
        pod = group["template"]["spec"]
        assert group.get("minReplicas", 0) <= group.get("replicas", 0) <= group.get("maxReplicas", 0)
        volumes = {volume["name"] for volume in pod.get("volumes", [])}
        for container in pod["containers"]:
            images.add(container["image"])
            assert {mount["name"] for mount in container.get("volumeMounts", [])} <= volumes
            assert container["resources"]["requests"] == container["resources"]["limits"], "Ray reads the limits"
    assert len(images) == 1
    version = _read(manifest)["spec"]
    version = version.get("rayClusterSpec", version)["rayVersion"]
    assert f"rayproject/ray:{version}-py311" in (FOLDER / "Dockerfile").read_text()


def test_the_command_of_the_job_is_one_of_ours() -> None:
    words = shlex.split(_read(FOLDER / "rayjob.yaml")["spec"]["entrypoint"])
    assert words[:2] == ["bench", "run"]
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    run = group.commands["run"]
    given = run.make_context("bench run", words[2:]).params
    assert (given["engine"], given["address"], given["remote"]) == ("ray", "auto", "s3://my-bucket/runs")
