#!/usr/bin/env python3
"""Renders what is in deploy/ with the programs that operators use, and has Kubernetes' schemas judge it.

    deploy.py render base | production | chart [HELM OPTION...]    objects, as a JSON list
    deploy.py validate VERSION    objects on standard input: {"validated": [...], "unknown": [...], "wrong": [...]}
    deploy.py sarif      a SARIF log on standard input: what its schema finds wrong, as a JSON list
    deploy.py dockerfile FILE     all ARGs; of the last stage USER, ENTRYPOINT, CMD, what it copies and makes

To be run by the Python of tools.sh, whose directory also has kubectl and helm.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import jsonschema
import kubernetes_validate
import yaml

HERE = os.path.dirname(os.path.realpath(__file__))
DEPLOY = os.path.realpath(os.path.join(HERE, "../../deploy"))
TOOLS = os.path.dirname(sys.executable)
# The owners whose token files the production overlay asks the operator for.
OWNERS = ("novaedge", "novanet", "admin")


def tool(name, *args):
    done = subprocess.run([os.path.join(TOOLS, name), *args], capture_output=True, text=True)
    if done.returncode != 0:
        sys.stderr.write(done.stderr)
        sys.exit(done.returncode)
    return [thing for thing in yaml.safe_load_all(done.stdout) if thing]


def render(what, options):
    if what == "base":
        return tool("kubectl", "kustomize", DEPLOY)
    if what == "chart":
        return tool("helm", "template", "novaroute", f"{DEPLOY}/chart/novaroute", "-n", "nova-system", *options)
    with tempfile.TemporaryDirectory() as scratch:
        copy = os.path.join(scratch, "deploy")
        shutil.copytree(DEPLOY, copy, symlinks=True)
        overlay = os.path.join(copy, "overlays", what)
        os.makedirs(os.path.join(overlay, "tokens"), exist_ok=True)
        for owner in OWNERS:
            with open(os.path.join(overlay, "tokens", owner), "w") as file:
                file.write(f"{owner}-secret")
        return tool("kubectl", "kustomize", overlay)


def validate(version):
    validated, unknown, wrong = [], [], []
    for thing in json.load(sys.stdin):
        name = f"{thing['kind']}/{thing['metadata']['name']}"
        try:
            kubernetes_validate.validate(thing, version, strict=True)
            validated.append(name)
        except kubernetes_validate.SchemaNotFoundError:
            unknown.append(name)
        except kubernetes_validate.ValidationError as error:
            wrong.append(f"{name}: {'.'.join(map(str, error.path))}: {error.message}")
    return {"validated": validated, "unknown": unknown, "wrong": wrong}


def sarif():
    with open(os.path.join(TOOLS, "sarif-2.1.0.json")) as file:
        schema = json.load(file)
    judge = jsonschema.validators.validator_for(schema)(schema)
    return [f"{error.json_path}: {error.message}" for error in judge.iter_errors(json.load(sys.stdin))]


def dockerfile(path):
    with open(path) as file:
        text = re.sub(r"\\\n", "", file.read())
    image = {"args": {}}
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        if word == "FROM":
            image.update(user="0:0", entrypoint=[], command=[], copies=[], directories=[])
        elif word == "COPY":
            words = rest.split()
            options = dict(w[2:].split("=") for w in words if w.startswith("--"))
            *sources, to = [w for w in words if not w.startswith("--")]
            image["copies"].append({"sources": sources, "to": to, **options})
        elif word == "RUN":
            for made in re.findall(r"mkdir -p ([^&]*)", rest):
                image["directories"] += made.split()
        elif word == "USER":
            image["user"] = rest.strip()
        elif word == "ENTRYPOINT":
            image["entrypoint"] = json.loads(rest)
        elif word == "CMD":
            image["command"] = json.loads(rest)
        elif word == "ARG" and "=" in rest:
            name, _, value = rest.partition("=")
            image["args"][name] = value.strip()
    return image


def main():
    what, *rest = sys.argv[1:]
    answer = {
        "render": lambda: render(rest[0], rest[1:]),
        "validate": lambda: validate(rest[0]),
        "sarif": sarif,
        "dockerfile": lambda: dockerfile(rest[0]),
    }[what]()
    # Dates of YAML and the like are texts to Kubernetes.
    json.dump(answer, sys.stdout, default=str)


main()
