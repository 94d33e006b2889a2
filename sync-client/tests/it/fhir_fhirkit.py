"""Checks a file with fhirkit, whose types are made of FHIR R4's official definitions: exit code 0 if it finds nothing, 1 if it does."""

import sys

import fhirkit

with open(sys.argv[1], "rb") as file:
    try:
        issues = [issue for issue in fhirkit.validate(file.read()) if issue.severity == "error"]
    except (fhirkit.ParseError, fhirkit.ValidationError) as error:
        issues = [error]
for issue in issues:
    print(issue, file=sys.stderr)
sys.exit(1 if issues else 0)
