#!/usr/bin/env python3
"""openapi.py FILE METHOD PATH STATUS < BODY: is this answer what the description says?

The part of JSON Schema that services/gateway/openapi.json uses: $ref, type, properties,
required, additionalProperties, items, enum, anyOf. Says what is wrong, and where.
--paths: lists METHOD PATH, one a line."""
import json
import sys

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


def is_type(value, name):
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def wrong(doc, schema, value, at):
    """The first thing that does not fit, or None."""
    if "$ref" in schema:
        target = doc
        for part in schema["$ref"].lstrip("#/").split("/"):
            target = target[part]
        return wrong(doc, target, value, at)
    if "anyOf" in schema:
        whys = [wrong(doc, one, value, at) for one in schema["anyOf"]]
        return None if None in whys else " or ".join(whys)
    if "enum" in schema and value not in schema["enum"]:
        return "%s: %r is none of %s" % (at, value, schema["enum"])
    types = schema.get("type")
    if types:
        types = types if isinstance(types, list) else [types]
        if not any(is_type(value, t) for t in types):
            return "%s: %r is not %s" % (at, value, " or ".join(types))
    if isinstance(value, dict):
        for key in schema.get("required", []):
            if key not in value:
                return "%s: %s is missing" % (at, key)
        known = schema.get("properties", {})
        rest = schema.get("additionalProperties", True)
        for key, one in value.items():
            if key in known:
                why = wrong(doc, known[key], one, at + "." + key)
            elif rest is False:
                why = "%s: %s is not described" % (at, key)
            elif rest is True:
                why = None
            else:
                why = wrong(doc, rest, one, at + "." + key)
            if why:
                return why
    if isinstance(value, list) and "items" in schema:
        for i, one in enumerate(value):
            why = wrong(doc, schema["items"], one, "%s[%d]" % (at, i))
            if why:
                return why
    return None


def main():
    doc = json.load(open(sys.argv[1]))
    if sys.argv[2] == "--paths":
        for path, methods in doc["paths"].items():
            for method in methods:
                print(method.upper(), path)
        return None
    method, path, status = sys.argv[2].lower(), sys.argv[3], sys.argv[4]
    responses = doc["paths"][path][method]["responses"]
    response = responses.get(status, responses.get("default"))
    if response is None:
        return "status %s is not described" % status
    if "$ref" in response:
        response = doc["components"]["responses"][response["$ref"].split("/")[-1]]
    kinds = response["content"]
    body = sys.stdin.read()
    if "application/json" not in kinds:
        return None if body else "an empty body"
    return wrong(doc, kinds["application/json"]["schema"], json.loads(body), "answer")


why = main()
if why:
    print(why)
sys.exit(1 if why else 0)
