"""Apple's library for Python: the median nanoseconds of a verification by a new verifier, without online checks."""

import base64
import json
import sys
import time

from appstoreserverlibrary.models.Environment import Environment
from appstoreserverlibrary.signed_data_verifier import SignedDataVerifier

with open(sys.argv[1], encoding="utf-8") as file:
    given = json.load(file)
roots = [base64.b64decode(given["root"])]
times = []
for _ in range(320):
    begun = time.perf_counter_ns()
    verifier = SignedDataVerifier(roots, False, Environment.PRODUCTION, given["bundleId"], given["appAppleId"])
    verifier.verify_and_decode_signed_transaction(given["jws"])
    times.append(time.perf_counter_ns() - begun)
settled = sorted(times[20:])
print(settled[len(settled) // 2])
