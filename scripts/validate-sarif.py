#!/usr/bin/env python3
"""Check SARIF files against the published JSON Schema of SARIF 2.1.0.

    validate-sarif.py SCHEMA FILE...

SCHEMA is sarif-schema-2.1.0.json as OASIS publishes it; the crate `serde-sarif` ships it as src/schema.json. Needs the
Python package `jsonschema`. Exits with 0 when every file is valid, 1 when one is not, 3 when it could not be checked.
"""

import json
import sys

try:
    import jsonschema
except ImportError:
    print("validate-sarif: the Python package `jsonschema` is not installed", file=sys.stderr)
    sys.exit(3)

SHOWN = 20


def load(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        print(f"validate-sarif: cannot read {path!r}: {error}", file=sys.stderr)
        sys.exit(3)


def main():
    if len(sys.argv) < 3:
        print(__doc__.strip(), file=sys.stderr)
        return 3
    schema = load(sys.argv[1])
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    validator = kind(schema, format_checker=kind.FORMAT_CHECKER)
    status = 0
    for path in sys.argv[2:]:
        errors = sorted(validator.iter_errors(load(path)), key=lambda error: error.json_path)
        for error in errors[:SHOWN]:
            print(f"{path}: {error.json_path}: {error.message[:300]}")
        print(f"{path}: {len(errors)} errors" if errors else f"{path}: valid")
        status |= bool(errors)
    return status


if __name__ == "__main__":
    sys.exit(main())
