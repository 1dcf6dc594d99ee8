// GetCallerIdentity by the AWS SDK for JavaScript v2, once for each line on standard input.
process.env.AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE = "1";
const readline = require("node:readline");
const AWS = require("aws-sdk");

async function main() {
  const sts = new AWS.STS({ endpoint: process.env.AWS_ENDPOINT_URL_STS });
  for await (const _ of readline.createInterface({ input: process.stdin })) {
    const { Arn: who } = await sts.getCallerIdentity().promise();
    const { accessKeyId } = sts.config.credentials;
    console.log(JSON.stringify({ who, access_key_id: accessKeyId, client: "aws-sdk", version: AWS.VERSION }));
  }
}

main();
