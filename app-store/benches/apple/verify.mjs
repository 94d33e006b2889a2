// Apple's library for node: the median nanoseconds of a verification by a new verifier, without online checks.
import { readFileSync } from "node:fs";
import { Environment, SignedDataVerifier } from "@apple/app-store-server-library";

const { root, jws, bundleId, appAppleId } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const roots = [Buffer.from(root, "base64")];
const times = [];
for (let round = 0; round < 320; round++) {
  const begun = process.hrtime.bigint();
  const verifier = new SignedDataVerifier(roots, false, Environment.PRODUCTION, bundleId, appAppleId);
  await verifier.verifyAndDecodeTransaction(jws);
  times.push(process.hrtime.bigint() - begun);
}
const settled = times.slice(20).sort((a, b) => (a < b ? -1 : 1));
console.log(String(settled[settled.length >> 1]));
