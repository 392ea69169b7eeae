"""Reads Kubernetes manifests by the API's own model, strictly.

check_kubernetes.py FILE...: each document must survive being made an object of the Python
client's model and back. A field that the model does not know, or that lacks what it needs,
does not. Then what goes together is compared: selectors and labels, volumes and mounts,
probes and ports.
"""

import json
import sys
import types

import kubernetes
import yaml

# Newer than the model of Debian 12's client.
_NEWER = {"grpc"}


def _model(document):
    """The class of the document's kind: V1DaemonSet of apps/v1."""
    version = document["apiVersion"].split("/")[-1]
    return f"V{version[1:]}{document['kind']}"


def _without_newer(value):
    if isinstance(value, dict):
        return {key: _without_newer(item) for key, item in value.items() if key not in _NEWER}
    if isinstance(value, list):
        return [_without_newer(item) for item in value]
    return value


def _check_model(document):
    client = kubernetes.client.ApiClient()
    known = _without_newer(document)
    # It takes an answer of the API's server apart.
    made = client.deserialize(types.SimpleNamespace(data=json.dumps(known)), _model(document))
    back = client.sanitize_for_serialization(made)
    assert back == known, f"not of the API:\n{known}\n{back}"


def _check_pods(document):
    spec = document["spec"]
    template = spec["template"]
    assert spec["selector"]["matchLabels"] == template["metadata"]["labels"]
    pod = template["spec"]
    volumes = {volume["name"] for volume in pod.get("volumes", [])}
    volumes |= {claim["metadata"]["name"] for claim in spec.get("volumeClaimTemplates", [])}
    for container in pod.get("initContainers", []) + pod["containers"]:
        mounts = {mount["name"] for mount in container["volumeMounts"]}
        assert mounts <= volumes, f"{mounts} are not all in {volumes}"
        assert container["securityContext"]["readOnlyRootFilesystem"]
    for container in pod["containers"]:
        ports = {port["containerPort"] for port in container.get("ports", [])}
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            handlers = container[probe].keys() & {"exec", "grpc"}
            assert len(handlers) == 1, f"{probe}: {handlers}"
            if "grpc" in handlers:
                assert container[probe]["grpc"]["port"] in ports
        user = container["securityContext"].get("runAsUser") or pod["securityContext"]["runAsUser"]
        assert user == 7650, user


def main(paths):
    for path in paths:
        with open(path, encoding="utf-8") as file:
            documents = list(yaml.safe_load_all(file))
        for document in documents:
            _check_model(document)
            if "template" in document["spec"]:
                _check_pods(document)
            print(f"{path}: {document['kind']} {document['metadata']['name']}")


if __name__ == "__main__":
    main(sys.argv[1:])
