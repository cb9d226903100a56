"""docs/openapi.yaml as a judge of answers."""

import re
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from ringback_client import Answer, Json

PATH = Path(__file__).resolve().parents[2] / "docs/openapi.yaml"
METHODS = {"get", "put", "post", "delete", "patch"}


class OpenAPI:
    """Remembers which operations it has seen."""

    def __init__(self, path: Path = PATH):
        self._document: Json = yaml.safe_load(path.read_text())
        # A field that the document does not know is a fault of one of them, however deep it stands.
        for schema in self._document["components"]["schemas"].values():
            if "properties" in schema:
                schema["additionalProperties"] = False
        resource = Resource.from_contents(self._document, default_specification=DRAFT202012)
        self._registry = Registry().with_resource("openapi", resource)
        self._unseen = {
            f"{method.upper()} {template}"
            for template, item in self._document["paths"].items()
            for method in METHODS & item.keys()
        }

    @property
    def unseen(self) -> set[str]:
        """Operations that no checked answer was of."""
        return self._unseen

    def check(self, method: str, path: str, body: Json | None, answer: Answer) -> None:
        """Fails when a request or its answer is not as the document says."""
        template = self._template(path.partition("?")[0])
        self._unseen.discard(f"{method} {template}")
        steps = ["paths", template, method.lower()]
        operation = self._document["paths"][template].get(method.lower())
        if not operation and answer.status == 405:
            schema = ["components", "responses", "MethodNotAllowed", "content", answer.content_type, "schema"]
            self._validate(answer.body, schema)
            return
        assert operation, f"{method} {template} is not documented"
        if body is not None and answer.status < 400:
            self._validate(body, [*steps, "requestBody", "content", "application/json", "schema"])
        assert str(answer.status) in operation["responses"], f"{method} {path}: {answer.status} is not documented"
        steps, response = self._follow([*steps, "responses", str(answer.status)])
        content = response.get("content", {})
        if not content:
            assert answer.content is None, f"{method} {path}: a body that is not documented: {answer.content}"
            return
        assert answer.content_type in content, f"{method} {path}: {answer.content_type} is not documented"
        if answer.content is not None:
            self._validate(answer.body, [*steps, "content", answer.content_type, "schema"])

    def _template(self, path: str) -> str:
        # What is written out comes before what has parameters: /v1/sessions/current before /v1/sessions/{id}.
        templates: list[str] = sorted(self._document["paths"], key=lambda template: template.count("{"))
        for template in templates:
            if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template)), path):
                return template
        raise AssertionError(f"{path} is not documented")

    def _follow(self, steps: list[str]) -> tuple[list[str], Json]:
        node = self._document
        for step in steps:
            node = node[step]
        if "$ref" in node:
            return self._follow(node["$ref"].removeprefix("#/").split("/"))
        return steps, node

    def _validate(self, value: Json, steps: list[str]) -> None:
        pointer = "/".join(
            step.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D") for step in steps
        )
        validator = Draft202012Validator(
            {"$ref": f"openapi#/{pointer}"},
            registry=self._registry,
            format_checker=Draft202012Validator.FORMAT_CHECKER,
        )
        faults = [f"{fault.json_path}: {fault.message}" for fault in validator.iter_errors(value)]
        assert not faults, f"{'/'.join(steps)}: {faults}"
