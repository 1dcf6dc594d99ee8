// GetCallerIdentity by the AWS SDK for JavaScript v3, once for each line on standard input.
// The argument names the credential provider; without one it is the default chain.
import readline from "node:readline";
import { createRequire } from "node:module";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import * as providers from "@aws-sdk/credential-providers";

const { version } = createRequire(import.meta.url)("@aws-sdk/client-sts/package.json");
const name = process.argv[2] ?? "fromNodeProviderChain";
const sts = new STSClient({ endpoint: process.env.AWS_ENDPOINT_URL_STS, credentials: providers[name]() });

for await (const _ of readline.createInterface({ input: process.stdin })) {
  const { Arn: who } = await sts.send(new GetCallerIdentityCommand({}));
  const { accessKeyId } = await sts.config.credentials();
  console.log(JSON.stringify({ who, access_key_id: accessKeyId, client: name, version }));
}
