"""Validates each line of the input, a JSON document, against a JSON Schema.
Prints "ok", or "no" and where the first mistake is."""

import json
import sys

import jsonschema

with open(sys.argv[1]) as file:
    schema = json.load(file)

jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
print("ready", schema["$schema"])

for line in sys.stdin:
    error = next(validator.iter_errors(json.loads(line)), None)
    print("ok" if error is None else "no " + error.json_path, flush=True)
